"""Proxies: whether the open file is hard to play, whether it has a proxy, and the making of one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from avvp_studio.media.errors import MediaError
from avvp_studio.media.hardness import Hardness, hardness_of
from avvp_studio.media.proxy import current_proxy, make_proxy, remove_proxies
from avvp_studio.tasks import Task, Tasks


@dataclass(frozen=True, slots=True)
class Making:
    """A proxy that is being made, and how far it is, from 0 to 1."""

    source: Path
    folder: Path
    done: float = 0.0


class Proxies(QObject):
    """Knows of the file that is open. One proxy is made at a time, also while another file is open."""

    changed = Signal()
    """Anything that is said here is new."""
    chosen_changed = Signal(object)
    """The pictures of the open file are to be taken from this proxy (Path), or from the file itself (None)."""
    failed = Signal(str)

    def __init__(self, tasks: Tasks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tasks = tasks
        self._workshop = Tasks(self, threads=1)  # a proxy can take an hour: nothing else waits for it
        self._is_enabled = True
        self._source: Path | None = None
        self._folder: Path | None = None
        self._current: Path | None = None
        self._hardness: Hardness | None = None
        self._looking = QTimer(self, singleShot=True, interval=0)  # first of all the file is shown
        self._looking.timeout.connect(self._look_at)
        self._look: Task | None = None
        self._is_look_over = threading.Event()
        self._making: Making | None = None
        self._task: Task | None = None
        self._is_making_over = threading.Event()

    @property
    def source(self) -> Path | None:
        return self._source

    @property
    def current(self) -> Path | None:
        """The proxy of the open file, if it has one."""
        return self._current

    @property
    def chosen(self) -> Path | None:
        """The proxy to play, if the open file has one and proxies are wanted."""
        return self._current if self._is_enabled else None

    @property
    def is_enabled(self) -> bool:
        """Whether proxies are played where there are any."""
        return self._is_enabled

    @property
    def hardness(self) -> Hardness | None:
        """How hard the open file is, once that is known."""
        return self._hardness

    @property
    def making(self) -> Making | None:
        return self._making

    def open(self, source: Path | None, folder: Path | None) -> Path | None:
        """Attend to another file (or none), whose proxy would be in `folder`; the proxy to play, if any."""
        self._drop_look()
        self._source, self._folder, self._hardness = source, folder, None
        self._current = current_proxy(source, folder) if source is not None and folder is not None else None
        if source is not None and self._current is None:
            self._looking.start()
        self.changed.emit()
        return self.chosen

    def set_enabled(self, is_enabled: bool) -> None:
        """Play proxies where there are any, or the files themselves."""
        before, self._is_enabled = self.chosen, is_enabled
        self._tell(before)

    def make(self) -> None:
        """Make a proxy of the open file in the background, unless one is being made."""
        if self._source is None or self._folder is None or self._making is not None:
            return
        self._making = Making(self._source, self._folder)
        self._is_making_over = threading.Event()
        self._task = self._workshop.run(
            _make,
            self._source,
            self._folder,
            self._is_making_over.is_set,
            done=self._on_made,
            failed=self._on_making_failed,
            progress=self._on_progress,
        )
        self.changed.emit()

    def cancel(self) -> None:
        """Stop making the proxy: nothing of it is kept."""
        self._is_making_over.set()
        if self._task is not None:
            self._task.cancel()
        self._task = self._making = None
        self.changed.emit()

    def remove(self) -> None:
        """Remove the proxy of the open file, which plays by itself again."""
        if self._source is None or self._folder is None or self._current is None:
            return
        source, folder, before = self._source, self._folder, self.chosen
        self._current = None
        self._tell(before)
        self._tasks.run(remove_proxies, source, folder, failed=self._on_removing_failed)

    def shutdown(self) -> None:
        """Stop everything, and wait briefly for it."""
        self._drop_look()
        self.cancel()
        self._workshop.shutdown()

    def _look_at(self) -> None:
        self._is_look_over = threading.Event()
        self._look = self._tasks.run(
            hardness_of,
            self._source,
            self._is_look_over.is_set,
            done=self._on_looked,
            failed=self._on_look_failed,
        )

    def _drop_look(self) -> None:
        self._looking.stop()
        self._is_look_over.set()
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _on_looked(self, hardness: Hardness | None) -> None:
        self._look, self._hardness = None, hardness
        self.changed.emit()

    def _on_look_failed(self, error: Exception) -> None:
        self._look = None
        if not isinstance(error, MediaError):  # of that the player tells
            raise error

    def _on_progress(self, done: float) -> None:
        if self._making is not None:
            self._making = Making(self._making.source, self._making.folder, done)
            self.changed.emit()

    def _on_made(self, proxy: Path) -> None:
        made, before = self._making, self.chosen
        self._task = self._making = None
        if made is not None and (made.source, made.folder) == (self._source, self._folder):
            self._current = proxy
        self._tell(before)

    def _on_making_failed(self, error: Exception) -> None:
        self._task = self._making = None
        self.changed.emit()
        if isinstance(error, MediaError):
            self.failed.emit(str(error))
        elif isinstance(error, OSError):
            reason = error.strerror or str(error)
            text = "The proxy could not be written to {folder} ({reason}): make room there, or allow writing."
            self.failed.emit(text.format(folder=error.filename or self._folder, reason=reason))
        else:
            raise error

    def _on_removing_failed(self, error: Exception) -> None:
        if not isinstance(error, OSError):
            raise error
        text = "The proxy could not be removed ({reason}): remove {path} yourself."
        self.failed.emit(text.format(reason=error.strerror or error, path=error.filename))

    def _tell(self, before: Path | None) -> None:
        self.changed.emit()
        if self.chosen != before:
            self.chosen_changed.emit(self.chosen)


def _make(
    source: Path, folder: Path, should_stop: Callable[[], bool], progress: Callable[[float], None]
) -> Path:
    """Make a proxy, and report each hundredth of it."""
    told = -1

    def report(done: float, total: float) -> None:
        nonlocal told
        percent = int(100 * min(done / total, 1.0)) if total > 0 else 0
        if percent > told:
            told = percent
            progress(percent / 100)

    return make_proxy(source, folder, should_stop, report)
