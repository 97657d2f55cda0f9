"""What a person does in these tests, and what can be seen of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from pytestqt.qtbot import QtBot

from avvp_studio.domain.job import JobStatus, Recipe, TrainingRequest
from avvp_studio.projects import create_project
from avvp_studio.store import Store
from avvp_studio.studio import Studio
from trainer.labels import Modality, State

CATEGORIES = ("Dog", "Cat", "Car")
RECIPE = Recipe("ecma/signal", "", ("signal-audio", "signal-visual"))
PATIENCE_S = 3.5
"""What the window may take at most: it waits 2 s for another program's lock, and this machine may be busy."""


def make_project(folder: Path, files: Path) -> Path:
    """A project of two clips with their media beside it."""
    shutil.copytree(files, folder / "media")
    root = folder / "project"
    create_project(
        root,
        categories=CATEGORIES,
        name="Zoo",
        dataset=None,
        media=folder / "media",
        progress=lambda *_: None,
    )
    return root


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Write to a disk until it is full but for `leave` bytes. Returns the file to delete to make room."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break
    os.truncate(filler, max(0, filler.stat().st_size - leave))
    return filler


def open_clip(qtbot: QtBot, studio: Studio, root: Path) -> None:
    assert studio.open_project(root)
    settle(qtbot, studio)


def settle(qtbot: QtBot, studio: Studio) -> None:
    """Wait until the clip is shown, or what stands in its place, and nothing goes on in the background."""
    video = studio.window.clip_view.video
    qtbot.waitUntil(lambda: (video.has_picture or bool(video.message)) and not studio.tasks.is_busy)


def mark(studio: Studio, category: str = "Dog") -> bool:
    return studio.workspace.mark(Modality.AUDIO, category, 0.0, 1.0, State.PRESENT)


def stored(root: Path) -> set[str]:
    """The categories that another connection finds labelled in the first clip."""
    with Store.open(root / "labels.sqlite") as store:
        return {event.category for event in store.events("a")}


def shown(studio: Studio) -> set[str]:
    return {event.category for event in studio.workspace.events}


def error_in(studio: Studio) -> str:
    """What the message bar says; it is dismissed."""
    bar = studio.window.message_bar
    assert bar.kind == "error"
    text = bar.details if bar.text else ""
    assert "Traceback" not in text
    bar.dismiss()
    return text


def train(qtbot: QtBot, studio: Studio, *, epochs: int = 1) -> list[JobStatus]:
    """Order a training and wait until all is over. Returns the jobs, the newest first."""
    order(qtbot, studio, epochs)
    qtbot.waitUntil(lambda: not studio.jobs.is_busy, timeout=60_000)
    return list(studio.jobs.statuses)


def order(qtbot: QtBot, studio: Studio, epochs: int) -> None:
    studio.train(TrainingRequest(RECIPE, device="cpu", epochs=epochs))
    qtbot.waitUntil(lambda: not studio.tasks.is_busy, timeout=20_000)
