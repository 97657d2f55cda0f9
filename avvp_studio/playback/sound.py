"""A thread that makes the sound of a course ahead of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from avvp_studio.media.audio import SAMPLE_RATE, AudioReader, Samples, Tempo, stereo
from avvp_studio.media.errors import MediaError, check_file, media_errors
from avvp_studio.playback.clock import Course
from avvp_studio.playback.thread import MediaThread

BYTES_PER_SAMPLE = 4  # 16 bits, two channels
_AHEAD = SAMPLE_RATE * BYTES_PER_SAMPLE // 2
"""Half a second is made ahead."""
_READY = SAMPLE_RATE * BYTES_PER_SAMPLE // 5
_RUN_OUT = SAMPLE_RATE
"""Samples of silence after the end, so that the card's clock passes it."""


class SoundThread(MediaThread):
    """Makes the sound of one file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "sound")
        self.broken: deque[str] = deque()
        self._course: Course | None = None
        self._buffer = bytearray()
        self._has_ended = False

    def play(self, course: Course | None) -> None:
        """Drop what was made and make the sound of a (forward) course; None: be quiet."""
        with self._changed:
            self._course = course
            self._buffer.clear()
            self._has_ended = False
            self._changed.notify()

    def take(self, most: int) -> bytes:
        """The next bytes, at most so many."""
        with self._changed:
            taken = bytes(self._buffer[:most])
            del self._buffer[:most]
            self._changed.notify()
            return taken

    @property
    def is_ready(self) -> bool:
        """Whether there is enough to begin with (or nothing is to be heard)."""
        return self._course is None or self._has_ended or len(self._buffer) >= _READY

    def run(self) -> None:
        try:
            reader = AudioReader(self._path)
        except MediaError as error:
            self.broken.append(str(error))
            return
        try:
            while (course := self._next_course()) is not None:
                self._fill(reader, course)
        finally:
            reader.close()

    def _next_course(self) -> Course | None:
        with self._changed:
            while not self._is_closed and (self._course is None or self._has_ended):
                self._changed.wait()
            return None if self._is_closed else self._course

    def _fill(self, reader: AudioReader, course: Course) -> None:
        try:
            check_file(self._path)
            with media_errors(self._path):
                for block in course_blocks(reader.blocks, course):
                    if not self._append(block, course):
                        return
        except MediaError as error:
            self.broken.append(str(error))
        with self._changed:
            if self._course is course:
                self._has_ended = True

    def _append(self, block: Samples, course: Course) -> bool:
        """Hand over a block once there is room; false when another course is wanted."""
        content = np.ascontiguousarray(block.T).tobytes()
        with self._changed:
            while not self._is_closed and self._course is course and len(self._buffer) >= _AHEAD:
                self._changed.wait()
            if self._is_closed or self._course is not course:
                return False
            self._buffer += content
            return True


def course_blocks(read: Callable[[float], Iterator[Samples]], course: Course) -> Iterator[Samples]:
    """The sound of a forward course in stereo, where `read(onset)` gives what follows an onset.

    Each stretch has exactly the samples that its length and rate ask for, so that sound and clock never part.
    """
    yield from _stretch(read, course.onset, course.first_end, course.rate)
    while course.repeats is not None:
        yield from _stretch(read, *course.repeats, course.rate)
    yield np.zeros((2, _RUN_OUT), np.int16)


def _stretch(
    read: Callable[[float], Iterator[Samples]], onset: float, offset: float, rate: float
) -> Iterator[Samples]:
    missing = round((offset - onset) / rate * SAMPLE_RATE)
    for block in _retimed(read, onset, offset, rate):
        yield block[:, :missing]
        missing -= min(missing, block.shape[1])
        if not missing:
            return
    while missing:  # the sound is shorter than the picture
        yield np.zeros((2, min(missing, SAMPLE_RATE)), np.int16)
        missing -= min(missing, SAMPLE_RATE)


def _retimed(
    read: Callable[[float], Iterator[Samples]], onset: float, offset: float, rate: float
) -> Iterator[Samples]:
    tempo = Tempo(rate)
    left = round((offset - onset) * SAMPLE_RATE)
    for block in read(onset):
        yield tempo.push(stereo(block[:, :left]))
        left -= min(left, block.shape[1])
        if not left:
            break
    yield tempo.flush()
