"""Render the pictures of the README and the guide: `python -m tests.shots FOLDER`.

Makes a sample project in a temporary folder (or the one that AVVP_SHOTS_PROJECT names, which is kept), trains
two parsers on it, corrects some labels, and takes pictures of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from avvp_studio.domain.edit import mark
from avvp_studio.domain.job import JobState, Recipe, TrainingRequest
from avvp_studio.jobs import Jobs
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.training import order_training
from trainer.labels import Modality, State

USUAL = ("thumbnails", "waveform")
ALL = ("minimap", *USUAL, "spectrogram")
PICTURES = {
    "main-dark.png": ("main", "dark", "1280x800", USUAL),
    "main-light.png": ("main", "light", "1280x800", USUAL),
    "main-contrast.png": ("main", "contrast_dark", "1280x800", USUAL),
    "jobs-dark.png": ("jobs", "dark", "1280x800", USUAL),
    "main-large.png": ("main", "dark", "1920x1200", ALL),
}
RECIPES = ("han/signal", "ecma/signal")
AT = "4.4"


def run(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True)


def make_project(folder: Path) -> Path:
    """A sample project with two parsers and a few corrections."""
    clips, root = folder / "clips", folder / "sample"
    if not (root / "labels.sqlite").exists():
        run("avvp_studio.sample", "--out", clips)
        vocabulary = clips / "categories.txt"
        run(
            "avvp_studio.app", "new", root, "--vocabulary", vocabulary, "--annotations", clips, "--media", clips
        )
        for number, name in enumerate(RECIPES, start=1):
            train(root, name, f"{number}-{name.split('/')[0]}")
        correct(root)
    return root


def train(root: Path, recipe: str, name: str) -> None:
    """Train a parser by the studio's own jobs."""
    app = QCoreApplication.instance() or QCoreApplication([])
    jobs = Jobs()
    jobs.attach(ProjectPaths(root).runs)
    request = TrainingRequest(Recipe(recipe, "", ("signal-audio", "signal-visual")), "cpu", seed=1)
    for order in order_training(root, request, name):
        jobs.submit(order)
    while jobs.is_busy:
        app.processEvents()
        time.sleep(0.05)
    status = jobs.status(name)
    if status is None or status.state is not JobState.FINISHED:
        raise SystemExit(f"{name}: {status.error if status else 'did not run'}")


def correct(root: Path) -> None:
    """Label the clip in the pictures as a person would who looked at some of it."""
    with Store.open(root / "labels.sqlite") as store:
        clip = store.clip(shown_clip(store))
        first, *others = sorted(clip.video_labels)
        said = [
            (first, Modality.AUDIO, 2.0, 6.0, State.PRESENT),
            (first, Modality.AUDIO, 7.0, 10.0, State.ABSENT),
            (first, Modality.VISUAL, 3.0, 8.0, State.PRESENT),
            *((other, Modality.VISUAL, 0.0, 2.0, State.ABSENT) for other in others[:1]),
        ]
        for category, modality, onset, offset, state in said:
            edit = mark(
                store.events(clip.name),
                modality=modality,
                category=category,
                onset=onset,
                offset=offset,
                state=state,
                author="ann",
            )
            store.apply(clip.name, edit, "ann")


def shown_clip(store: Store) -> str:
    """The first training clip with two categories."""
    return next(clip.name for clip in store.clips() if clip.split == "train" and len(clip.video_labels) == 2)


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = make_project(Path(os.environ.get("AVVP_SHOTS_PROJECT", scratch)))
        with Store.open(root / "labels.sqlite") as store:
            clip = shown_clip(store)
        for name, (view, theme, size, bands) in PICTURES.items():
            options = ("--view", view, "--theme", theme, "--size", size, "--at", AT, "--out", out / name)
            run("avvp_studio.app", "shot", root, "--clip", clip, *options, "--bands", *bands)
            print(out / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
