"""Sound devices that are none: they play to nobody, by whatever clock a test gives them."""

from __future__ import annotations

import time
from collections.abc import Callable

from avvp_studio.media.audio import SAMPLE_RATE
from avvp_studio.playback.sound import BYTES_PER_SAMPLE

BYTES_PER_SECOND = SAMPLE_RATE * BYTES_PER_SAMPLE
BUFFER = BYTES_PER_SECOND // 5


class FakeDevice:
    """Takes what fits into a fifth of a second, plays it in blocks of 10 ms, and remembers the last of it."""

    def __init__(self, now: Callable[[], float] = time.monotonic, speed: float = 1.0) -> None:
        self.now, self.speed = now, speed
        self.heard = bytearray()
        self.volume = 1.0
        self.is_closed = self.is_gone = False
        self.played_bytes = self._written = 0
        self._counted_at = now()
        self._due = 0.0

    def _play(self) -> None:
        """Play what is due since the last time; what is not there is not played later."""
        now = self.now()
        if self._written > self.played_bytes and not self.is_gone:
            self._due += (now - self._counted_at) * self.speed * BYTES_PER_SECOND
            block = BYTES_PER_SECOND // 100
            blocks = int(self._due // block)
            self._due -= blocks * block
            self.played_bytes = min(self._written, self.played_bytes + blocks * block)
        self._counted_at = now

    def room(self) -> int:
        self._play()
        return BUFFER - (self._written - self.played_bytes)

    def write(self, content: bytes) -> None:
        assert len(content) <= self.room()
        self.heard += content
        del self.heard[: -4 * BYTES_PER_SECOND]
        self._written += len(content)

    def played(self) -> float:
        self._play()
        return self.played_bytes / BYTES_PER_SECOND

    def has_stopped(self) -> bool:
        return self.is_gone

    def set_volume(self, volume: float) -> None:
        self.volume = volume

    def close(self) -> None:
        self.is_closed = True


class FakeOutput:
    """A place with one fake device at a time, or none."""

    def __init__(self, make: Callable[[], FakeDevice] = FakeDevice) -> None:
        self.make = make
        self.opened: list[FakeDevice] = []
        self.is_there = True

    def is_available(self) -> bool:
        return self.is_there

    def open(self) -> FakeDevice:
        self.opened.append(self.make())
        return self.opened[-1]

    @property
    def device(self) -> FakeDevice:
        return self.opened[-1]
