"""Between which times of a clip the playhead runs."""

from __future__ import annotations

from dataclasses import dataclass

from avvp_studio.playback.clock import Course

Range = tuple[float, float]


@dataclass(slots=True)
class Bounds:
    """The whole clip, round a loop, or a range that is played once: its end, and where to go back to then."""

    duration: float = 0.0
    loop: Range | None = None
    once: Range | None = None

    def clamped(self, t: float) -> float:
        return min(max(t, 0.0), self.duration)

    def cut(self, onset: float, offset: float) -> Range | None:
        """What of a range is in the clip."""
        onset, offset = max(0.0, onset), min(offset, self.duration)
        return (onset, offset) if onset < offset else None

    def start(self, position: float, rate: float) -> float:
        """Where to begin: the beginning (of the loop) from the end of the clip, and from outside the loop."""
        if position >= self.duration and rate > 0:
            position = 0.0
        if self.loop is None or self.loop[0] <= position < self.loop[1]:
            return position
        return self.loop[0]

    def course(self, start: float, rate: float) -> Course:
        """Backwards, a range that is played once is none any more."""
        if rate < 0:
            self.once = None
        if self.once is not None:
            return Course(start, rate, self.once[0])
        return Course(start, rate, self.duration, self.loop)
