"""Where the playhead is: a course through the clip, and the clock that it is followed by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Course:
    """Playing from `onset` at `rate` (negative: backwards), to the end of the clip or round a loop."""

    onset: float
    rate: float
    duration: float
    loop: tuple[float, float] | None = None

    def at(self, elapsed: float) -> float:
        """The position after `elapsed` seconds of playing."""
        position = self.onset + elapsed * self.rate
        if self._wraps and self.loop is not None:
            onset, offset = self.loop
            if self.rate > 0 and position >= offset:
                return onset + (position - offset) % (offset - onset)
            if self.rate < 0 and position < onset:
                return offset - (onset - position) % (offset - onset)
        return min(max(position, 0.0), self.duration)

    def is_over(self, elapsed: float) -> bool:
        """Whether an end of the clip is reached; a course that enters its loop never ends."""
        position = self.onset + elapsed * self.rate
        return elapsed > 0 and not self._wraps and not 0 < position < self.duration

    @property
    def first_end(self) -> float:
        """Where the first straight stretch of a forward course ends."""
        return self.loop[1] if self._wraps and self.loop is not None else self.duration

    @property
    def repeats(self) -> tuple[float, float] | None:
        """What is played again and again after the first stretch."""
        return self.loop if self._wraps else None

    @property
    def _wraps(self) -> bool:
        """A course that starts beyond its loop does not enter it."""
        if self.loop is None:
            return False
        return self.onset < self.loop[1] if self.rate > 0 else self.onset > self.loop[0]


class Clock(Protocol):
    """Counts real seconds from a start."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def elapsed(self) -> float: ...


class MonotonicClock:
    """The computer's clock: for clips without sound, and machines without a sound card."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._started: float | None = None

    def start(self) -> None:
        self._started = self._now()

    def stop(self) -> None:
        self._started = None

    def elapsed(self) -> float:
        return 0.0 if self._started is None else self._now() - self._started
