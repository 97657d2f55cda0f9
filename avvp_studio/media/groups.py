"""The frames that were decoded, by groups of pictures: those that nobody looked at for longest go first."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf

from av.video.frame import VideoFrame

_NEWEST = 2
"""So many of the frames that came last are never forgotten: to know one, the next must be decoded, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded frame: shown from `time` on, in seconds."""

    time: float
    raw: VideoFrame

    @property
    def nbytes(self) -> int:
        return sum(plane.buffer_size for plane in self.raw.planes)


@dataclass(slots=True, eq=False)
class _Group:
    """Frames without a gap, from a keyframe (or where its oldest were forgotten) towards the next one."""

    start: float
    frames: list[Frame] = field(default_factory=list)
    end: float | None = None  # when what follows the last frame begins, once that is known

    def place(self, time: float) -> int:
        """Which frame is shown at a time; -1: one before these."""
        return bisect_right(self.frames, time, key=_time) - 1


def _time(frame: Frame) -> float:
    return frame.time


class Groups:
    """Decoded frames, of at most `most_bytes`, that know their neighbours.

    A decoder adds them as they come, and tells when it goes elsewhere. What is there already stays as it is.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._by_start: OrderedDict[float, _Group] = OrderedDict()  # the one looked at last comes last
        self._starts: list[float] = []
        self._bytes = 0
        self._current: _Group | None = None  # the one that the decoder is in
        self._newest: list[float] = []

    @property
    def nbytes(self) -> int:
        return self._bytes

    def at(self, time: float) -> Frame | None:
        """The frame that is shown at a time, if it is certain that it is this one."""
        group = self._group(time)
        if group is None:
            return None
        place = group.place(time)
        is_last = place == len(group.frames) - 1
        if place < 0 or (is_last and (group.end is None or time >= group.end)):
            return None
        return group.frames[place]

    def next(self, frame: Frame) -> Frame | None:
        """The frame after one of these, if it is known; the last of all has itself."""
        group = self._group(frame.time)
        if group is None:
            return None
        place = group.place(frame.time) + 1
        if place < len(group.frames):
            return group.frames[place]
        if group.end == inf:
            return group.frames[-1]
        following = self._by_start.get(group.end) if group.end is not None else None
        return following.frames[0] if following is not None and following.frames[0].time == group.end else None

    def start(self, time: float) -> float | None:
        """When the group that is shown at a time begins."""
        group = self._group(time)
        return None if group is None else group.start

    def restart(self) -> None:
        """The decoder goes elsewhere: the next frame does not follow the last."""
        self._current = None

    def add(self, frame: Frame) -> None:
        """Take the next frame of the decoder."""
        if self._current is None or frame.raw.key_frame:
            if self._current is not None:
                self._current.end = frame.time
            self._current = self._enter(frame.time)
        last = self._current.frames[-1].time if self._current.frames else -inf
        if frame.time > last:  # else it was here before
            self._current.frames.append(frame)
            self._bytes += frame.nbytes
        self._newest = [*self._newest, frame.time][-_NEWEST:]
        self._forget()

    def finish(self) -> None:
        """The decoder has come to the end: its last frame is shown for ever."""
        if self._current is not None:
            self._current.end = inf

    def clear(self) -> None:
        self._by_start.clear()
        self._starts.clear()
        self._newest.clear()
        self._current = None
        self._bytes = 0

    def _group(self, time: float) -> _Group | None:
        """The last group that begins by a time; it counts as looked at."""
        place = bisect_right(self._starts, time) - 1
        if place < 0:
            return None
        self._by_start.move_to_end(self._starts[place])
        return self._by_start[self._starts[place]]

    def _enter(self, start: float) -> _Group:
        """The group that begins with a frame: the one that is here, unless its beginning was forgotten."""
        known = self._by_start.get(start)
        if known is not None and known.frames[0].time == start:
            return known
        if known is not None:
            self._drop(known)
        group = _Group(start)
        self._by_start[start] = group
        insort(self._starts, start)
        return group

    def _drop(self, group: _Group) -> None:
        self._bytes -= sum(frame.nbytes for frame in group.frames)
        del self._by_start[group.start]
        del self._starts[bisect_left(self._starts, group.start)]

    def _forget(self) -> None:
        """Make room: the oldest frames go, of the group that was not looked at for longest."""
        for group in list(self._by_start.values()) if self._bytes > self._most_bytes else ():
            while self._bytes > self._most_bytes and group.frames and group.frames[0].time not in self._newest:
                self._bytes -= group.frames.pop(0).nbytes
            if not group.frames:
                self._drop(group)
