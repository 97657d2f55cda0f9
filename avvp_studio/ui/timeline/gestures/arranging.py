"""Gestures that arrange the timeline itself: how tall rows are, how wide their headers, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from avvp_studio.ui.timeline.gestures.gesture import CLICK_SLOP, Drag, Held
from avvp_studio.ui.timeline.gestures.place import OnColumnEdge, OnFoot, Place, Zone
from avvp_studio.ui.timeline.gestures.wishes import Arm, Reorder, Resize, Widen, Wish

_LEAST = 16
"""Pixels; what is shown may need more."""


class Resizing(Drag):
    """The line under a row or a band follows the hand; with Shift, those of all rows."""

    def moved(self, place: Place, held: Held) -> Self:
        return replace(super().moved(place, held), has_moved=self.has_moved or place.y != self.start.y)

    def preview(self) -> Wish | None:
        foot = self.start.target
        if not self.has_moved or not isinstance(foot, OnFoot):
            return None
        height = max(_LEAST, round(foot.height + self.now.y - self.start.y))
        return resize(self.ground.content.rows, foot, height, is_all=self.held.shift)

    def released(self) -> Wish | None:
        return self.preview()


class Widening(Drag):
    """The right edge of the headers follows the hand."""

    def preview(self) -> Wish | None:
        edge = self.start.target
        if not self.has_moved or not isinstance(edge, OnColumnEdge):
            return None
        return Widen(max(_LEAST, round(edge.width + self.now.x - self.start.x)))

    def released(self) -> Wish | None:
        return self.preview()


class Heading(Drag):
    """A click on a header arms, on the armed one it disarms; a drag takes the row along."""

    def moved(self, place: Place, held: Held) -> Self:
        is_away = abs(place.y - self.start.y) > CLICK_SLOP
        return replace(super().moved(place, held), has_moved=self.has_moved or is_away)

    def preview(self) -> Wish | None:
        category, rows = self.start.category, self.ground.content.rows
        if not self.has_moved or category not in rows or category is None:
            return None
        before = self._row_below()
        after = rows[rows.index(category) + 1 :]
        is_same = before == category or before == (after[0] if after else None)
        return None if is_same else Reorder(category, before)

    def released(self) -> Wish | None:
        category = self.start.category
        if self.has_moved or category is None:
            return self.preview()
        return Arm(None if category == self.ground.armed else category)

    def _row_below(self) -> str | None:
        """The row before which the hand would let go; None at the end."""
        rows, place = self.ground.content.rows, self.now
        if place.category not in rows:
            is_above = place.zone in (Zone.RULER, Zone.BAND) or place.y < self.start.y
            return rows[0] if is_above else None
        if place.level > 0.5:
            return place.category
        below = rows[rows.index(place.category) + 1 :]
        return below[0] if below else None


def resize(rows: tuple[str, ...], foot: OnFoot, height: int | None, *, is_all: bool) -> Resize:
    """Give what stands on a foot another height, or (None) the usual one; or all rows."""
    if foot.band:
        return Resize(height, band=foot.band)
    return Resize(height, rows if is_all else (foot.category,))
