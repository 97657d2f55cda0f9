"""What the player's threads have in common."""

from __future__ import annotations

import threading
from pathlib import Path


class MediaThread(threading.Thread):
    """Works on one file until it is closed. It knows no QObject: the GUI thread takes what it has made."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(name=f"{what} of {path.name}", daemon=True)
        self._path = path
        self._changed = threading.Condition()
        self._is_closed = False

    def close(self) -> None:
        """Ask the thread to end; it does so within one frame or block."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()


class Retired:
    """Threads that end on their own."""

    def __init__(self) -> None:
        self._threads: list[MediaThread] = []

    def add(self, thread: MediaThread) -> None:
        """Ask one more to end."""
        thread.close()
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]

    def join(self) -> None:
        """Wait briefly for all of them."""
        while self._threads:
            self._threads.pop().join(timeout=2.0)
