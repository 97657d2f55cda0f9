"""What a press, a drag and a release on the timeline mean. No Qt: places and plain numbers in, wishes out.

Where it happens decides what it is: the ruler and the waveform scrub (with Shift: select a range), a lane of
the armed category marks, any other lane selects a range, a header arms. A release that never left its press is
always a seek, so no click can change a label. Marking snaps to the segments that the drag touches: to the
right is present, to the left is absent, with Shift is unseen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from trainer.labels import UNSEEN, Modality, State

CLICK_SLOP = 4.0
"""Pixels that a hand may move during a click."""


class Zone(Enum):
    """The parts of the timeline that answer to the mouse in their own way."""

    RULER = auto()
    WAVEFORM = auto()
    HEADER = auto()
    LANE = auto()
    COLUMN = auto()
    """The left column where no category is: nothing happens there."""
    EMPTY = auto()


@dataclass(frozen=True)
class Place:
    """What lies under the mouse. A lane without a modality is the derived audio-visual row."""

    zone: Zone
    x: float
    time: float
    category: str | None = None
    modality: Modality | None = None


@dataclass(frozen=True)
class Seek:
    time: float


@dataclass(frozen=True)
class Scrub:
    time: float


@dataclass(frozen=True)
class Select:
    onset: float
    offset: float


@dataclass(frozen=True)
class Mark:
    modality: Modality
    category: str
    onset: float
    offset: float
    state: State


@dataclass(frozen=True)
class Arm:
    """Arm a category, or disarm."""

    category: str | None


Wish = Seek | Scrub | Select | Mark | Arm


def touched_segments(time: float, other: float, segments: int) -> tuple[int, int]:
    """The half-open range of segments from that of one time to that of the other, both inclusive."""
    first, last = sorted(math.floor(round(t, 3)) for t in (time, other))
    limit = segments - 1
    return min(max(0, first), limit), min(max(0, last), limit) + 1


@dataclass(frozen=True)
class Drag:
    """The mouse button is down. Every move gives a new value; `preview` is what a release now would do."""

    start: Place
    now: Place
    segments: int
    duration: float
    armed: str | None = None
    has_shift: bool = False
    has_moved: bool = False

    @staticmethod
    def pressed(place: Place, *, segments: int, duration: float, armed: str | None, shift: bool) -> Drag:
        return Drag(place, place, segments, duration, armed, shift)

    def moved(self, place: Place, *, shift: bool) -> Drag:
        has_moved = self.has_moved or abs(place.x - self.start.x) > CLICK_SLOP
        # On the ruler Shift is read at the press: letting go of it halfway must not turn a range into a scrub.
        has_shift = shift if self.is_marking else self.has_shift
        return replace(self, now=place, has_moved=has_moved, has_shift=has_shift)

    @property
    def is_marking(self) -> bool:
        start = self.start
        on_lane = start.zone is Zone.LANE and start.modality is not None
        return on_lane and self.armed is not None and start.category == self.armed

    @property
    def is_scrubbing(self) -> bool:
        return self.start.zone in (Zone.RULER, Zone.WAVEFORM) and not self.has_shift

    def preview(self) -> Scrub | Select | Mark | None:
        """What the drag asks for at this moment; None while it is still a click, or back at its press."""
        if not self.has_moved or self.start.zone in (Zone.HEADER, Zone.COLUMN):
            return None
        if self.is_scrubbing:
            return Scrub(self._within_clip(self.now.time))
        if abs(self.now.x - self.start.x) <= CLICK_SLOP:
            return None
        first, last = touched_segments(self.start.time, self.now.time, self.segments)
        if not self.is_marking:
            return Select(float(first), float(last))
        assert self.start.modality is not None
        assert self.armed is not None
        return Mark(self.start.modality, self.armed, float(first), float(last), self._state())

    def released(self) -> Wish | None:
        """What is to be done now that the button is up."""
        if self.start.zone is Zone.HEADER:
            category = self.start.category
            is_click = not self.has_moved and category is not None
            return Arm(None if category == self.armed else category) if is_click else None
        if self.start.zone is Zone.COLUMN:
            return None
        if not self.has_moved:
            return Seek(self._within_clip(self.start.time))
        wish = self.preview()
        # A scrub shows whatever picture is near; where it ends, the exact one is wanted.
        return Seek(wish.time) if isinstance(wish, Scrub) else wish

    def _state(self) -> State:
        if self.has_shift:
            return State.UNSEEN
        return State.PRESENT if self.now.x > self.start.x else State.ABSENT

    def _within_clip(self, time: float) -> float:
        return min(max(0.0, time), self.duration)


def run_under(
    segment: int,
    states: NDArray[np.int8],
    predicted: NDArray[np.bool_],
    selection: tuple[float, float] | None = None,
) -> tuple[int, int]:
    """The half-open range of segments that a menu opened on `segment` of a lane is about.

    The selected range when the segment lies in it; else the run of equal labels around it; where nobody has
    labelled, the run that is predicted there and not labelled; else the segment alone.
    """
    if selection is not None and selection[0] < segment + 1 and selection[1] > segment:
        first, last = touched_segments(selection[0], selection[1], len(states))
        # The range is half-open: one that ends on a boundary does not touch the segment after it.
        return first, max(first + 1, min(last, math.ceil(selection[1])))
    state = states[segment]
    if state != UNSEEN:
        alike = states == state
    elif predicted[segment]:
        alike = predicted & (states == UNSEEN)
    else:
        return segment, segment + 1
    breaks = np.flatnonzero(~alike)
    before, after = breaks[breaks < segment], breaks[breaks > segment]
    first = int(before[-1]) + 1 if len(before) else 0
    return first, int(after[0]) if len(after) else len(alike)
