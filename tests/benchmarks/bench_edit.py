"""How long an edit takes: until it is stored, and from its key to the picture of a whole window.

Medians are compared with what a person would notice, on a quiet machine: every time is divided by how much
slower than at its quickest in this run the yardstick was around it. For storing the clock on the wall is read,
since it waits for the disk; for the picture that of the processor, and what the disk needs for a page is added.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median, quantiles

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_LOGGING_RULES", "qt.multimedia.*=false")
sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from avvp_studio.domain.edit import Edit, mark
from avvp_studio.domain.project import Clip
from avvp_studio.paths import ProjectPaths
from avvp_studio.store import Store
from avvp_studio.studio import Studio
from tests.benchmarks.bench_timeline import yardstick
from trainer.labels import MODALITIES, Event, Modality, State
from trainer.parses import Parse, ParseFile, write_parses

CATEGORIES = tuple(f"Category_{number:03}" for number in range(100))
ARMED = CATEGORIES[1]
CLIPS = (
    Clip("ten seconds", "train", None, 10.0, 10, frozenset(CATEGORIES[:5])),
    Clip("an hour", "train", None, 3600.0, 3600, frozenset(CATEGORIES[:5])),
)
COMMIT_MS = 5.0
FRAME_MS = 1000 / 60
TIMES = 40


def labelled(segments: int) -> tuple[Event, ...]:
    """In an hour 7,200 labels, in every lane one of two segments in each hundred."""
    states = (State.PRESENT, State.ABSENT)
    return tuple(
        Event(modality, category, float(onset), onset + 2.0, states[onset // 100 % 2], "anna")
        for modality in MODALITIES
        for column, category in enumerate(CATEGORIES)
        for onset in range(column % 7, segments - 2, 100)
    )


def make_project(root: Path) -> None:
    with Store.create(ProjectPaths(root).database, name="Bench", categories=CATEGORIES) as store:
        store.add_clips(CLIPS, {clip.name: labelled(clip.segments) for clip in CLIPS})
    random = np.random.default_rng(1)
    parses = {}
    for clip in CLIPS:
        audio, visual = random.random((2, clip.segments, len(CATEGORIES)), np.float32) ** 3
        parses[clip.name] = Parse(audio, visual, np.maximum(audio, visual).max(axis=0))
    for number, name in enumerate(("before", "newest")):
        meta = {"parser": name, "created": 1000.0 + number}
        write_parses(ProjectPaths(root).parses / f"{name}.npz", ParseFile.from_clips(parses, CATEGORIES, meta))


class Stopwatch:
    """Milliseconds of many steps, each with those of the yardstick beside it."""

    def __init__(self) -> None:
        self._measured: list[tuple[str, float, list[tuple[float, float]]]] = []

    def measure(
        self,
        name: str,
        limit: float,
        step: Callable[[int], object],
        clock: Callable[[], float],
        rest: Callable[[], object] = lambda: None,
    ) -> None:
        """Take the time of many steps, with a rest after each that does not count."""
        taken = []
        for turn in range(TIMES):
            start = clock()
            step(turn)
            taken.append(((clock() - start) * 1000, yardstick()))
            rest()
        self._measured.append((name, limit, taken))

    def too_slow(self, disk: float) -> list[str]:
        quickest = min(stick for _, _, taken in self._measured for _, stick in taken)
        failed = []
        for name, limit, taken in self._measured:
            quiet = [ms / (stick / quickest) + disk * (limit == FRAME_MS) for ms, stick in taken]
            ratio, as_measured = median(quiet) / limit, median(ms for ms, _ in taken)
            late = quantiles(quiet, n=20)[-1]
            print(
                f"{name}: median {median(quiet):.1f} ms, 95 % {late:.1f} ms, {ratio:.2f} of the limit "
                f"({as_measured:.1f} ms as measured)"
            )
            if ratio > 1:
                failed.append(name)
        return failed


def disk_ms(folder: Path) -> float:
    """A page of a log, written and waited for, as a commit must at least."""
    taken = []
    with (folder / "page").open("wb", buffering=0) as file:
        for _ in range(TIMES):
            start = time.perf_counter()
            file.write(bytes(4096 + 24))
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - start) * 1000)
    return median(taken)


def marks(events: tuple[Event, ...]) -> Iterator[Edit]:
    """Edits that each fit what the one before has left."""
    turn = 0
    while True:
        state = State.PRESENT if turn % 2 else State.ABSENT
        edit = mark(
            events, modality=Modality.AUDIO, category=ARMED, onset=4, offset=5, state=state, author="anna"
        )
        events, turn = edit.applied_to(events), turn + 1
        yield edit


def time_commits(watch: Stopwatch, root: Path, clip: str) -> None:
    with Store.open(ProjectPaths(root).database) as store:
        edits = marks(store.standing(clip).events)
        made = [next(edits) for _ in range(TIMES)]
        step = lambda turn: store.apply(clip, made[turn], "anna")  # noqa: E731
        watch.measure(f"{clip}, stored", COMMIT_MS, step, time.perf_counter)


def time_keys(watch: Stopwatch, studio: Studio, clip: str) -> None:
    """From a key to the painted window."""
    workspace, timeline = studio.workspace, studio.window.clip_view.timeline
    workspace.open_clip(clip)
    for _ in range(9):
        timeline.zoom_in()  # one looks at a minute of an hour
    workspace.arm(ARMED)
    workspace.select((4.0, 5.0))
    QTest.qWait(500)

    def press(name: str, key: Qt.Key, *held: Qt.KeyboardModifier) -> None:
        def once(turn: int) -> None:
            before = workspace.events
            QTest.keyClick(timeline, key, held[turn % len(held)])
            QApplication.processEvents()
            assert workspace.events != before

        # The rest is for what is shown a while after the last edit.
        watch.measure(f"{clip}, {name}", FRAME_MS, once, time.process_time, partial(QTest.qWait, 200))

    usual, shift = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
    press("marked", Qt.Key.Key_A, usual, shift)
    press("undone", Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def main() -> int:
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        make_project(root)
        disk = disk_ms(root)
        print(f"a page on the disk: {disk:.1f} ms")
        for clip in CLIPS:
            time_commits(watch, root, clip.name)
        app = QApplication([])
        settings = QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)
        studio = Studio(app, settings, Path(folder), theme="dark", only_looks=True)
        studio.window.resize(1280, 800)
        studio.window.show()
        studio.open_project(root)
        for clip in CLIPS:
            time_keys(watch, studio, clip.name)
        studio.close()
    failed = watch.too_slow(disk)
    for name in failed:
        print(f"too slow: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
