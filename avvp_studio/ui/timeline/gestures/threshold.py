"""The gesture that moves a threshold. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from avvp_studio.domain.thresholds import held as held_level
from avvp_studio.domain.thresholds import set_level
from avvp_studio.domain.tracks import Track
from avvp_studio.ui.timeline.gestures.gesture import CLICK_SLOP, Drag, Gesture, Ground, Held
from avvp_studio.ui.timeline.gestures.place import Place
from avvp_studio.ui.timeline.gestures.wishes import SetThreshold, Wish

_FINE = 0.1
"""How much slower the line goes with Shift: in a low lane a pixel is some hundredths."""


@dataclass(frozen=True, eq=False)
class Levelling(Drag):
    """A hand that goes up or down takes the line along, with Alt those of all categories.

    One that goes along the time does what it would do `beside` the line: nothing is in the way of labelling.
    """

    beside: Gesture | None = None
    is_along: bool = False
    lifted: float = 0.0

    @classmethod
    def on(cls, ground: Ground, place: Place, held: Held, beside: Gesture | None) -> Self:
        return replace(cls.pressed(ground, place, held), beside=beside)

    def moved(self, place: Place, held: Held) -> Self:
        across, up = abs(place.x - self.start.x), abs(place.y - self.start.y)
        begins = not self.has_moved and max(across, up) > CLICK_SLOP
        lifted = self.lifted + (self.now.y - place.y) * (_FINE if held.shift else 1.0)
        return replace(
            self,
            now=place,
            held=held,
            has_moved=self.has_moved or begins,
            is_along=across >= up if begins else self.is_along,
            beside=self.beside.moved(place, held) if self.beside is not None else None,
            lifted=lifted,
        )

    def preview(self) -> Wish | None:
        if not self.has_moved:
            return None
        if self.is_along:
            return self.beside.preview() if self.beside is not None else None
        line, place = self.start.threshold, self.start
        if line is None or place.modality is None or place.category is None:
            return None
        level = held_level(line.level + self.lifted / line.pixels)
        return SetThreshold(line.parser, place.modality, place.category, level, is_all=self.held.alt)

    def released(self) -> Wish | None:
        if self.has_moved and not self.is_along:
            return self.preview()
        return self.beside.released() if self.beside is not None else None


def usual_threshold(place: Place, held: Held) -> SetThreshold | None:
    """The parser's own threshold again, where a person has moved the line."""
    line = place.threshold
    if line is None or not line.is_chosen or place.modality is None or place.category is None:
        return None
    return SetThreshold(line.parser, place.modality, place.category, None, is_all=held.alt)


def with_threshold(track: Track, categories: Sequence[str], wish: SetThreshold) -> Track:
    """A track as it is when a wish is granted."""
    if track.parser != wish.parser:
        return track
    chosen = categories if wish.is_all else (wish.category,)
    return track.by_rule(set_level(track.rule, track.own_rule, categories, wish.modality, chosen, wish.level))
