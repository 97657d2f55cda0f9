"""The sound card: it plays what it is given, and its count of that is the best clock there is."""

from __future__ import annotations

import time
from collections.abc import Callable

from avvp_studio.playback.output import Device, Output
from avvp_studio.playback.sound import BYTES_PER_SAMPLE

_PULL = 0.05
"""How much of its error the smoothed clock corrects each time that it is read."""
_JUMP = 0.1
"""Seconds of error beyond which it is set instead."""
_STUCK = 3.0
"""Seconds without any progress, though there is something to play, after which a device counts as gone."""


class SoundCard:
    """The device of an output; a Clock that counts what it has played. Lives in the GUI thread."""

    def __init__(self, output: Output, now: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._now = now
        self._device: Device | None = None
        self._is_muted = False
        self._is_lost = False
        self._elapsed = self._played = 0.0
        self._read_at = self._moved_at = 0.0

    def is_available(self) -> bool:
        return not self._is_lost and self._output.is_available()

    def has_failed(self) -> bool:
        """Whether the device went away while it played: it stopped, or takes nothing any more.

        It is not used again then: a sound server that has died aborts the program that touches it.
        """
        if self._device is None or self._is_lost:
            return self._is_lost
        is_stuck = self._device.room() < BYTES_PER_SAMPLE and self._now() - self._moved_at > _STUCK
        self._is_lost = is_stuck or self._device.has_stopped()
        return self._is_lost

    def set_muted(self, is_muted: bool) -> None:
        self._is_muted = is_muted
        if self._device is not None and not self._is_lost:
            self._device.set_volume(0.0 if is_muted else 1.0)

    def start(self) -> None:
        """Start on what is the default device now."""
        self.stop()
        self._device = self._output.open()
        self.set_muted(self._is_muted)
        self._elapsed = self._played = 0.0
        self._read_at = self._moved_at = self._now()

    def stop(self) -> None:
        if self._device is None or self._is_lost:
            return
        self._device.close()
        self._device = None

    def feed(self, take: Callable[[int], bytes]) -> None:
        """Give the device as much as it has room for."""
        if self._device is None:
            return
        room = self._device.room() // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        if room and (content := take(room)):
            self._device.write(content)

    def elapsed(self) -> float:
        """Seconds played, smoothed: the device counts in blocks, the playhead must not jump."""
        if self._device is None:
            return 0.0
        now = self._now()
        played = self._device.played()
        if played != self._played:
            self._played, self._moved_at = played, now
        if played <= 0:
            self._read_at = now
            return 0.0
        guess = self._elapsed + (now - self._read_at)
        error = played - guess
        guess = played if abs(error) > _JUMP else guess + _PULL * error
        self._elapsed, self._read_at = max(self._elapsed, guess), now
        return self._elapsed
