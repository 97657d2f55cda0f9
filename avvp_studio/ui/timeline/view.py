"""The time axis: which stretch of the clip is in view, and where it lies in pixels. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace

SHORTEST_SPAN = 0.25
"""Seconds: closer than this there is nothing more to see."""


@dataclass(frozen=True)
class TimeView:
    """The seconds from `onset` to `offset` of a clip that reaches to `extent`, drawn from pixel `left` on."""

    onset: float
    offset: float
    extent: float
    left: float
    width: float

    @classmethod
    def whole(cls, extent: float, *, left: float, width: float) -> TimeView:
        return cls(0.0, extent, extent, left, max(1.0, width))

    @property
    def span(self) -> float:
        return self.offset - self.onset

    @property
    def pixels_per_second(self) -> float:
        return self.width / self.span

    @property
    def is_whole(self) -> bool:
        return self.span >= self.extent

    def x(self, time: float) -> float:
        return self.left + (time - self.onset) * self.pixels_per_second

    def time(self, x: float) -> float:
        """The time at a pixel, rounded to the millisecond; it may lie outside the clip."""
        return round(self.onset + (x - self.left) / self.pixels_per_second, 3)

    def clamped_time(self, x: float) -> float:
        return min(max(0.0, self.time(x)), self.extent)

    def shows(self, time: float) -> bool:
        return self.onset <= time <= self.offset

    def segments(self) -> tuple[int, int]:
        """The half-open range of segments of which at least a part is in view."""
        return max(0, int(self.onset)), int(-(-min(self.offset, self.extent) // 1))

    def fitted(self) -> TimeView:
        return replace(self, onset=0.0, offset=self.extent)

    def placed(self, *, left: float, width: float) -> TimeView:
        """The same stretch of time on other pixels."""
        return replace(self, left=left, width=max(1.0, width))

    def panned(self, seconds: float) -> TimeView:
        return self.starting_at(self.onset + seconds)

    def starting_at(self, onset: float) -> TimeView:
        onset = min(max(0.0, onset), self.extent - self.span)
        return replace(self, onset=onset, offset=onset + self.span)

    def zoomed(self, factor: float, *, around: float) -> TimeView:
        """Closer by `factor` (above 1) or farther (below 1); the time `around` keeps its pixel."""
        span = min(max(self.span / factor, SHORTEST_SPAN), self.extent)
        share = (around - self.onset) / self.span
        return replace(self, onset=0.0, offset=span).starting_at(around - share * span)
