"""What all gestures have in common. No Qt: places and plain numbers in, wishes out."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Protocol, Self

from avvp_studio.ui.timeline.content import TimelineContent
from avvp_studio.ui.timeline.gestures.place import Place
from avvp_studio.ui.timeline.gestures.wishes import Wish
from avvp_studio.ui.timeline.view import TimeView

CLICK_SLOP = 4.0
"""Pixels that a hand may move during a click."""


@dataclass(frozen=True)
class Held:
    """The keys that are held with the mouse."""

    shift: bool = False
    control: bool = False
    alt: bool = False


@dataclass(frozen=True, eq=False)
class Ground:
    """What there is when the mouse button goes down.

    `is_free`: onsets and offsets are where the hand puts them, not at the borders of segments.
    """

    content: TimelineContent
    view: TimeView
    armed: str | None = None
    selection: tuple[float, float] | None = None
    is_free: bool = False

    def within_clip(self, time: float) -> float:
        return min(max(0.0, time), self.content.duration)

    def settled(self, time: float) -> float:
        """Where an end of a label comes to be that a hand lets go of at a time."""
        wanted = round(time, 3) if self.is_free else float(round(time))
        return min(max(0.0, wanted), float(self.content.segments))

    def span(self, time: float, other: float) -> tuple[float, float]:
        """From the one time to the other, in either direction: of whole segments, unless `is_free`."""
        if self.is_free:
            onset, offset = sorted((self.within_clip(time), self.within_clip(other)))
            return onset, offset
        first, last = touched_segments(time, other, self.content.segments)
        return float(first), float(last)


class Gesture(Protocol):
    """A mouse button is down. Every move gives a new value; `preview` is what a release now would do."""

    def moved(self, place: Place, held: Held) -> Self: ...

    def preview(self) -> Wish | None:
        """None while it is still a click, or back at its press."""
        ...

    def released(self) -> Wish | None:
        """What is to be done now that the button is up."""
        ...


@dataclass(frozen=True, eq=False)
class Drag(ABC):
    """A gesture that knows where it began, where it is, and whether it ever left its place."""

    ground: Ground
    start: Place
    now: Place
    held: Held
    has_moved: bool = False

    @classmethod
    def pressed(cls, ground: Ground, place: Place, held: Held) -> Self:
        return cls(ground, place, place, held)

    def moved(self, place: Place, held: Held) -> Self:
        has_moved = self.has_moved or abs(place.x - self.start.x) > CLICK_SLOP
        return replace(self, now=place, held=held, has_moved=has_moved)

    @abstractmethod
    def preview(self) -> Wish | None: ...

    @abstractmethod
    def released(self) -> Wish | None: ...

    @property
    def is_back(self) -> bool:
        """Whether the hand came back to where it pressed: there is nothing to be done."""
        return abs(self.now.x - self.start.x) <= CLICK_SLOP


def touched_segments(time: float, other: float, segments: int) -> tuple[int, int]:
    """The half-open range of segments from that of one time to that of the other, both inclusive."""
    first, last = sorted(math.floor(round(t, 3)) for t in (time, other))
    limit = segments - 1
    return min(max(0, first), limit), min(max(0, last), limit) + 1
