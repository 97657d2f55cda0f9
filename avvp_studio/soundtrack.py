"""The outline of the open clip's sound, measured once in the background and kept with the project."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from PySide6.QtCore import QObject, Signal

from avvp_studio.media.errors import MediaError
from avvp_studio.media.peaks import Peaks
from avvp_studio.media.probe import probe
from avvp_studio.tasks import Task, Tasks

_CLEARLY_SHORTER = 0.5
"""Seconds by which the sound must fall short of the picture to be worth a note."""
NOT_FOUND = "The video of this clip was not found"
READING = "Reading the sound …"
READING_ON = "Reading the sound: {percent} %"


class Soundtrack(QObject):
    """What the waveform lane draws: `peaks` once they are there, and a `note` where they need a word."""

    peaks_changed = Signal()
    failed = Signal(str)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._task: Task | None = None
        self._is_dropped = threading.Event()  # tells the running measurement to end
        self._peaks: Peaks | None = None
        self._note = ""

    @property
    def peaks(self) -> Peaks | None:
        return self._peaks

    @property
    def note(self) -> str:
        """Why there is nothing to see, or less than one expects; empty when all is well."""
        return self._note

    def request(self, clip_name: str, path: Path | None, cache_dir: Path) -> None:
        """Measure the sound of a clip, or read it from the cache; an earlier request is dropped."""
        self._drop_task()
        if path is None:
            self._show(None, NOT_FOUND)
            return
        self._show(None, READING)
        cache = cache_dir / f"{quote(clip_name, safe='')}.npz"
        self._is_dropped = threading.Event()
        self._task = self._tasks.run(
            peaks_of,
            path,
            cache,
            self._is_dropped.is_set,
            done=self._on_done,
            failed=self._on_failed,
            progress=self._on_progress,
        )

    def clear(self) -> None:
        """No clip is open."""
        self._drop_task()
        self._show(None, "")

    def _drop_task(self) -> None:
        if self._task is not None:
            self._is_dropped.set()
            self._task.cancel()
            self._task = None

    def _on_progress(self, done: float) -> None:
        self._show(None, READING_ON.format(percent=min(99, int(100 * done))))

    def _on_done(self, result: tuple[Peaks | None, str]) -> None:
        self._task = None
        self._show(*result)

    def _on_failed(self, error: Exception) -> None:
        self._task = None
        self._show(None, "The sound cannot be read")
        if not isinstance(error, MediaError):
            raise error
        self.failed.emit(str(error))

    def _show(self, peaks: Peaks | None, note: str) -> None:
        self._peaks, self._note = peaks, note
        self.peaks_changed.emit()


def peaks_of(
    path: Path,
    cache: Path,
    should_stop: Callable[[], bool],
    progress: Callable[[float], object] = lambda _: None,
) -> tuple[Peaks | None, str]:
    """The outline of a file's sound and a note on it. A cache that cannot be written is done without.

    `progress` is told which share of a long sound is measured.
    """
    info = probe(path)
    if info.audio is None:
        return None, "This file has no sound"
    peaks = Peaks.load(cache, path)
    if peaks is None:
        length = max(info.audio.duration, 1.0)
        peaks = Peaks.measure(path, should_stop, lambda done: progress(done / length))
        try:
            peaks.save(cache, path)
        except OSError as error:
            return peaks, f"The waveform could not be kept ({error.strerror or error})"
    return peaks, _note(peaks, info.duration)


def _note(peaks: Peaks, duration: float) -> str:
    if peaks.duration <= 0:
        return "No sound in this file can be decoded"
    if peaks.is_silent:
        return "The sound is silence"
    if peaks.duration < duration - _CLEARLY_SHORTER:
        return f"The sound ends at {peaks.duration:.1f} s"
    return ""
