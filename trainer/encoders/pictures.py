"""From decoded frames to what picture intakes ask for: upright RGB at an even rate, full size or scaled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from trainer.encoders.encoding import PictureIntake
from trainer.encoders.media import length_of, usual_length

Picture = NDArray[np.uint8]
Size = tuple[int, int]

_LATE = 0.5
"""A first frame that comes up to so many seconds late is shown from the start on."""
_UNKNOWN_SIZE = (320, 240)
"""Of black pictures where a file has none at all."""
_CLOCK = 10
"""The end of the pictures is told to the tenth of a second."""


def black(size: Size | None) -> Picture:
    """A black picture of a size (width, height)."""
    width, height = size or _UNKNOWN_SIZE
    return np.zeros((height, width, 3), np.uint8)


class Screen:
    """What is to be seen from time 0 on, at the rates and sizes of some intakes; a frame holds until the next.

    Only frames that an intake takes a picture of are converted, once for each size. `limit`: seconds.
    """

    def __init__(
        self, intakes: list[tuple[int, PictureIntake]], stream: VideoStream | None, limit: float | None
    ) -> None:
        self._intakes, self._limit = intakes, limit
        self._counts = [0] * len(intakes)
        self._usual = 0.0 if stream is None else usual_length(stream)
        self._converter = _Converter(None if stream is None else stream.sample_aspect_ratio)
        self._shown: _Shown | None = None
        self._end = 0.0

    @property
    def end(self) -> float:
        """Seconds so far, in whole tenths."""
        return whole_tenths(self._end if self._limit is None else min(self._end, self._limit))

    def add(self, time: float, frame: VideoFrame) -> Iterator[tuple[int, Picture]]:
        """The pictures, each with the number of its intake, that are known once this frame is there."""
        begins = 0.0 if self._end == 0 and time <= _LATE else time
        if self._shown is None:
            self._shown = _Shown(self._converter, frame, is_black=True)
        yield from self._pictures(begins, frame)
        self._shown = _Shown(self._converter, frame, before=self._shown.frame)
        self._end = max(self._end, time + (length_of(frame) or self._usual))

    def close(self) -> Iterator[tuple[int, Picture]]:
        """The pictures of the last frame."""
        yield from self._pictures(self._end, None)

    def held(self) -> Iterator[tuple[int, Picture]]:
        """After the end: the last frame, for the pictures that its second lacks of each intake."""
        if self._shown is None:
            return
        for (number, intake), count in zip(self._intakes, self._counts, strict=True):
            lacking = math.ceil(self.end) * intake.rate - count
            if lacking > 0:
                yield from [(number, self._shown.at(intake.size, None))] * lacking

    def _pictures(self, until: float, following: VideoFrame | None) -> Iterator[tuple[int, Picture]]:
        if self._shown is None:
            return
        until = until if self._limit is None else min(until, self._limit)
        for place, (number, intake) in enumerate(self._intakes):
            while _middle(self._counts[place], intake.rate) < until:
                yield number, self._shown.at(intake.size, following)
                self._counts[place] += 1


def whole_tenths(end: float) -> float:
    """The end of pictures by how many tenths of a second have their middle before it."""
    count = max(0, int(end * _CLOCK) - 1)
    while _middle(count, _CLOCK) < end:
        count += 1
    return count / _CLOCK


def _middle(count: int, rate: int) -> float:
    return (count + 0.5) / rate


class _Shown:
    """A frame that is on the screen, and the pictures that were made of it by their size."""

    def __init__(
        self,
        converter: _Converter,
        frame: VideoFrame,
        *,
        before: VideoFrame | None = None,
        is_black: bool = False,
    ) -> None:
        self.frame = frame
        self._converter, self._before, self._is_black = converter, before, is_black
        self._pictures: dict[Size | None, Picture] = {}

    def at(self, size: Size | None, following: VideoFrame | None) -> Picture:
        """The picture at a size; `following`: the next frame, where there is one."""
        picture = self._pictures.get(size)
        if picture is None:
            frame = self.frame
            # Fewer than half the lines mix the two fields anyway.
            if frame.interlaced_frame and not self._is_black and (size is None or 2 * size[1] > frame.height):
                frame = _deinterlaced(_like(frame, self._before), frame, _like(frame, following))
            picture = self._converter.convert(frame, size)
            picture = np.zeros_like(picture) if self._is_black else picture
            self._pictures[size] = picture
        return picture


class _Converter:
    """Makes frames pictures: RGB, upright, square pixels. `aspect`: how much wider than high the file's are."""

    def __init__(self, aspect: Fraction | None) -> None:
        self._aspect = aspect or Fraction(1)
        self._reformatters: dict[Size | None, VideoReformatter] = {}

    def convert(self, frame: VideoFrame, size: Size | None) -> Picture:
        """At a size (width, height), or as large as the frame is, of which no pixel is lost."""
        turns = round(frame.rotation / 90) % 4
        if size is None:
            width, height = self._square(frame)
        else:
            width, height = size if turns % 2 == 0 else size[::-1]
        reformatter = self._reformatters.setdefault(size, VideoReformatter())
        # Scaled to the other order of bytes the numbers differ a little, and those of `signal` are to stay.
        order = "rgb24" if size is None else "bgr24"
        pixels = reformatter.reformat(frame, width, height, order, threads=1).to_ndarray()
        pixels = pixels if size is None else pixels[..., ::-1]
        return np.ascontiguousarray(np.rot90(pixels, turns)).astype(np.uint8, copy=False)

    def _square(self, frame: VideoFrame) -> Size:
        """The size of a frame, before it is turned, once its pixels are square."""
        if self._aspect >= 1:
            return round(frame.width * self._aspect), frame.height
        return frame.width, round(frame.height / self._aspect)


def _like(frame: VideoFrame, other: VideoFrame | None) -> VideoFrame:
    """A frame beside another: that itself, where there is none or where the stream changes in between."""
    if other is None or (other.width, other.height) != (frame.width, frame.height):
        return frame
    return other if other.format.name == frame.format.name else frame


def _deinterlaced(before: VideoFrame, frame: VideoFrame, following: VideoFrame) -> VideoFrame:
    """A frame of whole lines: those of its second field are made of what is around them, also in time."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    steps = (source, graph.add("bwdif", "mode=send_frame:deint=all"), graph.add("buffersink"))
    graph.link_nodes(*steps).configure()
    made: list[VideoFrame] = []
    for part in (before, frame, following, None):
        graph.vpush(part)
        while True:
            try:
                made.append(graph.vpull())
            except (av.error.BlockingIOError, av.error.EOFError):
                break
    return made[1]
