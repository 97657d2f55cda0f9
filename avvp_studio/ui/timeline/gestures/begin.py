"""Which gesture a press begins. Where it happens decides.

Ruler and bands scrub (with Shift: select a range), lanes of the armed category mark, any other lane selects a
range, a header arms. A release that never left its press on the time axis is a seek, so no click can change a
label.
"""

from __future__ import annotations

from avvp_studio.ui.timeline.gestures.axis import Panning, Scrubbing, Selecting
from avvp_studio.ui.timeline.gestures.gesture import Gesture, Ground, Held
from avvp_studio.ui.timeline.gestures.labelling import Arming, Marking
from avvp_studio.ui.timeline.gestures.place import Place, Zone


def begin(ground: Ground, place: Place, held: Held) -> Gesture | None:
    """The gesture of a press of the left button; None where nothing happens."""
    match place.zone:
        case Zone.COLUMN:
            return None
        case Zone.HEADER:
            return Arming.pressed(ground, place, held)
        case Zone.RULER | Zone.BAND if not held.shift:
            return Scrubbing.pressed(ground, place, held)
        case Zone.LANE if ground.armed is not None and place.category == ground.armed:
            return Marking.pressed(ground, place, held)
        case _:
            return Selecting.pressed(ground, place, held)


def begin_panning(ground: Ground, place: Place) -> Gesture:
    """The gesture of a press of the middle button."""
    return Panning.pressed(ground, place, Held())
