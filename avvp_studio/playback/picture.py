"""A thread that opens a file and decodes the pictures that are wanted, the newest wish first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from avvp_studio.media.errors import MediaError, check_file, media_errors
from avvp_studio.media.frames import USUAL_SIZE, Frame, VideoReader
from avvp_studio.media.probe import MediaInfo, probe
from avvp_studio.playback.thread import MediaThread


class Mode(Enum):
    """How a picture is wanted."""

    SHOW = auto()  # the exact one; dropped as soon as another is wanted
    SCRUB = auto()  # a keyframe nearby at once, then the exact one unless another is wanted by then
    FOLLOW = auto()  # the exact one, finished even when the next is wanted; then decode ahead
    STEP = auto()  # the one `steps` further; finished like FOLLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A picture that is wanted. All wishes of one epoch belong to one movement of the playhead."""

    epoch: int
    time: float
    mode: Mode
    steps: int = 0
    ahead: float = 0.0  # seconds that will be wanted next; negative: those before


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The answer to a wish; `image` is None when it is the one that was sent last in this epoch."""

    wish: Wish
    time: float
    image: QImage | None
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """The file was opened."""

    info: MediaInfo


@dataclass(frozen=True, slots=True)
class Broken:
    """The thread has ended, for this reason."""

    message: str


class PictureThread(MediaThread):
    """Decodes one file into `arrived`."""

    def __init__(self, path: Path, proxy: Path | None = None) -> None:
        """With a `proxy`, its pictures are shown in place of the file's own."""
        super().__init__(path, "picture")
        self._proxy = proxy
        self.within = USUAL_SIZE
        self.arrived: deque[Opened | Broken | Picture] = deque()
        self._wish: Wish | None = None
        self._sent: tuple[int, float] | None = None  # epoch and time of the last picture

    def want(self, wish: Wish) -> None:
        """Replace the wish that is waiting, if any."""
        with self._changed:
            self._wish = wish
            self._changed.notify()

    def run(self) -> None:
        try:
            with media_errors(self._path):
                info = probe(self._path)
                self.arrived.append(Opened(info))
                if info.video is not None:
                    self._serve(self._open_reader())
        except MediaError as error:
            self.arrived.append(Broken(str(error)))
        except MemoryError:
            self.arrived.append(
                Broken(f"There is not enough memory to show {self._path.name}: close other programs.")
            )

    def _open_reader(self) -> VideoReader:
        if self._proxy is not None:
            try:
                return VideoReader(self._proxy, time_zero=0.0)
            except MediaError:  # gone or damaged: the file itself is there
                self._proxy = None
        return VideoReader(self._path)

    def _serve(self, reader: VideoReader) -> None:
        try:
            while (wish := self._next_wish()) is not None:
                check_file(self._path)  # an open file outlives its removal: say that it is gone
                try:
                    self._foresee(reader, wish, self._answer(reader, wish))
                except InterruptedError:
                    continue
        finally:
            reader.close()

    def _next_wish(self) -> Wish | None:
        with self._changed:
            while self._wish is None and not self._is_closed:
                self._changed.wait()
            wish, self._wish = self._wish, None
            return None if self._is_closed else wish

    def _answer(self, reader: VideoReader, wish: Wish) -> Frame:
        def should_stop() -> bool:
            newer = self._wish
            is_finished_first = wish.mode in (Mode.FOLLOW, Mode.STEP)
            return self._is_closed or (
                newer is not None and (newer.epoch != wish.epoch or not is_finished_first)
            )

        if wish.mode is Mode.SCRUB:
            self._send(reader, wish, reader.frame_near(wish.time), is_exact=False)
        if wish.mode is Mode.STEP:
            frame = reader.step(wish.time, wish.steps, should_stop)
        else:
            frame = reader.frame_at(wish.time, should_stop)
        self._send(reader, wish, frame, is_exact=True)
        return frame

    def _foresee(self, reader: VideoReader, wish: Wish, shown: Frame) -> None:
        """Decode what is likely to be wanted next, until something is."""

        def should_stop() -> bool:
            return self._is_closed or self._wish is not None

        if wish.steps < 0 or wish.ahead < 0:
            reader.read_behind(shown.time, should_stop)
        elif wish.mode is Mode.FOLLOW:
            reader.read_ahead(shown.time, wish.time + wish.ahead, should_stop)

    def _send(self, reader: VideoReader, wish: Wish, frame: Frame, *, is_exact: bool) -> None:
        is_new = self._sent != (wish.epoch, frame.time)
        image = as_image(reader.pixels(frame, self.within)) if is_new else None
        self._sent = (wish.epoch, frame.time)
        self.arrived.append(Picture(wish, frame.time, image, is_exact))


def as_image(pixels: NDArray[np.uint8]) -> QImage:
    """A picture of (height, width, 4) bytes B, G, R, A as a QImage that owns its memory."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()
