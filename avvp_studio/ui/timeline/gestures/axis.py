"""Gestures along the time axis: scrubbing, selecting a range, and taking the view along."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from avvp_studio.ui.timeline.gestures.gesture import Drag, Held
from avvp_studio.ui.timeline.gestures.place import Place
from avvp_studio.ui.timeline.gestures.wishes import Look, Scrub, Seek, Select, Wish


class Scrubbing(Drag):
    """The playhead follows the hand, and is exact where the hand lets go."""

    def preview(self) -> Wish | None:
        return Scrub(self.ground.within_clip(self.now.time)) if self.has_moved else None

    def released(self) -> Wish | None:
        return Seek(self.ground.within_clip(self.now.time if self.has_moved else self.start.time))


class Selecting(Drag):
    """A range from press to release. Its keys are read at the press."""

    def moved(self, place: Place, held: Held) -> Self:
        return super().moved(place, self.held)

    def preview(self) -> Wish | None:
        if not self.has_moved or self.is_back:
            return None
        return Select(*self.ground.span(self.start.time, self.now.time))

    def released(self) -> Wish | None:
        return self.preview() if self.has_moved else Seek(self.ground.within_clip(self.start.time))


class Panning(Drag):
    """The time under the hand stays under it."""

    def moved(self, place: Place, held: Held) -> Self:
        return replace(super().moved(place, held), has_moved=True)

    def preview(self) -> Wish | None:
        view = self.ground.view
        return Look(view.panned((self.start.x - self.now.x) / view.pixels_per_second).onset)

    def released(self) -> Wish | None:
        return None
