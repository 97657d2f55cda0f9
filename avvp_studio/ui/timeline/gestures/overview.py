"""Gestures on the minimap, which shows the whole clip whatever is in view. No Qt."""

from __future__ import annotations

from avvp_studio.ui.timeline.gestures.gesture import Drag
from avvp_studio.ui.timeline.gestures.wishes import Look, Seek, Wish


class Framing(Drag):
    """The window of the minimap follows the hand; pressed beside it, it comes under the hand.

    A click moves the playhead.
    """

    def preview(self) -> Wish | None:
        if not self.has_moved:
            return None
        view = self.ground.view
        whole = view.fitted()
        pressed, now = whole.time(self.start.x), whole.time(self.now.x)
        held_at = pressed - view.onset if view.shows(pressed) else view.span / 2
        return Look(view.starting_at(now - held_at).onset)

    def released(self) -> Wish | None:
        if self.has_moved:
            return self.preview()
        return Seek(self.ground.within_clip(self.ground.view.fitted().time(self.start.x)))
