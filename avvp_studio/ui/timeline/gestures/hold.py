"""A key that is held while the clip plays: it marks from where it went down to where it is let go. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from avvp_studio.ui.timeline.gestures.wishes import Mark
from trainer.labels import Modality, State

TOUCH = 0.25
"""Seconds of a segment that the key must be held through: a finger is not exact, whatever is taken off."""
_TAP = 0.2
"""Seconds: a shorter hold means the segment, in free mode too."""
_JUMP_BACK, _JUMP_ON = 0.3, 2.0
"""Seconds that a playhead that plays does not move at once."""


@dataclass(frozen=True)
class Hold:
    """`onset` is where the playhead was when the key went down, less the time that a person takes to react."""

    modalities: tuple[Modality, ...]
    category: str
    state: State
    onset: float
    now: float

    def followed(self, now: float) -> Self:
        return replace(self, now=now)

    def is_jump(self, now: float, direction: int) -> bool:
        """Whether the playhead went elsewhere instead of playing on: a loop began again, or it was sent."""
        way = (now - self.now) * direction
        return not -_JUMP_BACK <= way <= _JUMP_ON

    def mark(self, segments: int, *, is_free: bool, reaction: float = 0.0) -> Mark:
        """What it has marked until now, less a reaction (seconds; below 0 when playing backwards)."""
        ends = sorted((self.onset, self.now - reaction))
        onset, offset = (min(max(0.0, round(end, 3)), float(segments)) for end in ends)
        first, last = math.floor(onset + TOUCH), math.ceil(offset - TOUCH)
        if is_free and offset - onset >= _TAP:
            return self._mark(onset, offset)
        if last <= first:
            first = math.floor((onset + offset) / 2)
        first = min(max(0, first), segments - 1)
        return self._mark(float(first), float(min(max(first + 1, last), segments)))

    def _mark(self, onset: float, offset: float) -> Mark:
        return Mark(self.modalities, self.category, onset, offset, self.state)
