"""Gestures that take hold of a label: of one of its ends, or of all of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

from avvp_studio.ui.timeline.gestures.gesture import CLICK_SLOP, Drag, Held
from avvp_studio.ui.timeline.gestures.place import OnEvent, Place, Side
from avvp_studio.ui.timeline.gestures.wishes import Reshape, Seek, Wish
from trainer.labels import Event

SHORTEST = 0.01
"""Seconds: how short a free hand can make a label."""


class _Holding(Drag):
    """A drag with a label in the hand. One that comes back to where it was does nothing."""

    @property
    def label(self) -> Event:
        assert isinstance(self.start.target, OnEvent)
        return self.start.target.event

    @property
    def way(self) -> float:
        """How far the hand has come, in seconds."""
        return self.now.time - self.start.time

    def released(self) -> Wish | None:
        return self.preview() if self.has_moved else Seek(self.ground.within_clip(self.start.time))


class Pulling(_Holding):
    """An end of a label follows the hand, and never passes the other end."""

    def preview(self) -> Wish | None:
        label, is_free = self.label, self.ground.is_free
        onset, offset = label.onset, label.offset
        if not self.has_moved or not isinstance(self.start.target, OnEvent):
            return None
        if self.start.target.side is Side.ONSET:
            last = offset - SHORTEST if is_free else math.ceil(offset) - 1.0
            onset = round(min(self.ground.settled(onset + self.way), last), 3)
        else:
            first = onset + SHORTEST if is_free else math.floor(onset) + 1.0
            offset = round(max(self.ground.settled(offset + self.way), first), 3)
        if (onset, offset) == (label.onset, label.offset):
            return None
        return Reshape(label, onset, offset, label.modality)


class Moving(_Holding):
    """A label follows the hand, also into the other lane of its category; with Shift, a copy of it does.

    Shift may be pressed on the way.
    """

    def moved(self, place: Place, held: Held) -> Self:
        moved = super().moved(place, held)
        return replace(moved, has_moved=moved.has_moved or abs(place.y - self.start.y) > CLICK_SLOP)

    def preview(self) -> Wish | None:
        label, now = self.label, self.now
        if not self.has_moved:
            return None
        is_own_row = now.category == label.category and now.modality is not None
        modality = now.modality if is_own_row and now.modality else label.modality
        onset = label.onset
        if not self.is_back:
            latest = self.ground.content.segments - label.duration
            onset = round(max(0.0, min(self.ground.settled(onset + self.way), latest)), 3)
        if (onset, modality) == (label.onset, label.modality):
            return None
        return Reshape(label, onset, round(onset + label.duration, 3), modality, is_copy=self.held.shift)
