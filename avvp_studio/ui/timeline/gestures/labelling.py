"""Gestures that label."""

from __future__ import annotations

from avvp_studio.ui.timeline.gestures.gesture import Drag
from avvp_studio.ui.timeline.gestures.wishes import Mark, Seek, Wish
from trainer.labels import MODALITIES, State


class Marking(Drag):
    """Over the armed category: to the right is present, to the left is absent, with Shift is unseen.

    Over its audio-visual row, and with Alt, it marks both modalities. The keys may be pressed on the way.
    """

    def preview(self) -> Wish | None:
        if not self.has_moved or self.is_back or self.start.category is None:
            return None
        modality = self.start.modality
        onset, offset = self.ground.span(self.start.time, self.now.time)
        modalities = MODALITIES if modality is None or self.held.alt else (modality,)
        return Mark(modalities, self.start.category, onset, offset, self._state())

    def released(self) -> Wish | None:
        return self.preview() if self.has_moved else Seek(self.ground.within_clip(self.start.time))

    def _state(self) -> State:
        if self.held.shift:
            return State.UNSEEN
        return State.PRESENT if self.now.x > self.start.x else State.ABSENT
