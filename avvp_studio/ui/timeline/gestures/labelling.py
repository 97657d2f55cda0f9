"""Gestures that label, and that choose what is labelled."""

from __future__ import annotations

from avvp_studio.ui.timeline.gestures.gesture import Drag
from avvp_studio.ui.timeline.gestures.wishes import Arm, Mark, Seek, Wish
from trainer.labels import MODALITIES, State


class Marking(Drag):
    """Over the armed category: to the right is present, to the left is absent, with Shift is unseen.

    Over its audio-visual row it marks both modalities. Shift may be pressed on the way.
    """

    def preview(self) -> Wish | None:
        if not self.has_moved or self.is_back or self.start.category is None:
            return None
        modality = self.start.modality
        onset, offset = self.ground.span(self.start.time, self.now.time)
        modalities = MODALITIES if modality is None else (modality,)
        return Mark(modalities, self.start.category, onset, offset, self._state())

    def released(self) -> Wish | None:
        return self.preview() if self.has_moved else Seek(self.ground.within_clip(self.start.time))

    def _state(self) -> State:
        if self.held.shift:
            return State.UNSEEN
        return State.PRESENT if self.now.x > self.start.x else State.ABSENT


class Arming(Drag):
    """A click on a header arms; on the armed one it disarms."""

    def preview(self) -> Wish | None:
        return None

    def released(self) -> Wish | None:
        category = self.start.category
        if self.has_moved or category is None:
            return None
        return Arm(None if category == self.ground.armed else category)
