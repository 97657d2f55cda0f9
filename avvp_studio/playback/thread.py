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
