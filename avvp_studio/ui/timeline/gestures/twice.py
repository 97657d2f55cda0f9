"""A second press that comes quickly: a double click, unless it becomes a drag."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from avvp_studio.ui.timeline.gestures.gesture import Drag, Gesture, Held
from avvp_studio.ui.timeline.gestures.place import Place
from avvp_studio.ui.timeline.gestures.wishes import Wish


@dataclass(frozen=True, eq=False)
class Twice:
    """Does what the drag does, and where the hand never moved something else."""

    drag: Drag
    wish: Wish

    @staticmethod
    def of(gesture: Gesture | None, wish: Wish) -> Gesture | None:
        return Twice(gesture, wish) if isinstance(gesture, Drag) else gesture

    def moved(self, place: Place, held: Held) -> Self:
        return replace(self, drag=self.drag.moved(place, held))

    def preview(self) -> Wish | None:
        return self.drag.preview()

    def released(self) -> Wish | None:
        return self.drag.released() if self.drag.has_moved else self.wish
