"""The pictures of one file on the GUI thread's side: which is wanted, which have come, which are due."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtGui import QImage

from avvp_studio.media.frames import USUAL_SIZE
from avvp_studio.playback.picture import Broken, Mode, Opened, Picture, PictureThread, Wish

_MOST_EARLY = 8


class PictureFeed:
    """Starts a thread that decodes a file. One wish at a time waits for its answer."""

    def __init__(self, path: Path, proxy: Path | None = None, size: tuple[int, int] = USUAL_SIZE) -> None:
        self.thread = PictureThread(path, proxy)
        self.thread.within = size
        self._epoch = 0  # of the movement of the playhead: pictures of earlier ones are not shown any more
        self._wish: Wish | None = None  # not answered yet
        self._early: deque[tuple[float, QImage]] = deque(maxlen=_MOST_EARLY)  # here, but not due yet
        self.thread.start()

    @property
    def is_settled(self) -> bool:
        """Whether the picture that was wanted last has come."""
        return self._wish is None

    def want(self, time: float, mode: Mode, *, steps: int = 0, ahead: float = 0.0) -> None:
        """Wish for another picture. Steps add up to those that wait; following waits for any other wish."""
        waiting = self._wish.mode if self._wish is not None else None
        if mode is Mode.FOLLOW:
            if waiting not in (None, Mode.FOLLOW):
                return
        elif mode is Mode.SHOW or mode is not waiting:  # else the same drag, or the same series of steps
            self._epoch += 1
            self._early.clear()
        elif mode is Mode.STEP and self._wish is not None:
            time, steps = self._wish.time, self._wish.steps + steps
        self._wish = Wish(epoch=self._epoch, time=time, mode=mode, steps=steps, ahead=ahead)
        self.thread.want(self._wish)

    def take(self) -> Iterator[Opened | Broken | Picture]:
        """What has come since, without the pictures of movements that are over."""
        while self.thread.arrived:
            arrived = self.thread.arrived.popleft()
            if isinstance(arrived, Picture):
                if arrived.wish.epoch != self._epoch:
                    continue
                if arrived.wish is self._wish and arrived.is_exact:
                    self._wish = None
            yield arrived

    def keep(self, time: float, image: QImage) -> None:
        """Keep a picture until it is due."""
        self._early.append((time, image))

    def due(self, time: float) -> QImage | None:
        """The newest of the kept pictures whose time has come; the others of them are dropped."""
        due = [image for begins, image in self._early if begins <= time]
        # Not only from the left: round a loop, an earlier one can be due later.
        waiting = (kept for kept in self._early if kept[0] > time)
        self._early = deque(waiting, maxlen=_MOST_EARLY)
        return due[-1] if due else None
