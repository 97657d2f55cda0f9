"""Which gesture a press begins. Where it happens decides.

Ruler and bands scrub (with Shift: select a range), the minimap takes the view along, the end of a label resizes
it, Ctrl on a label moves it (and with Shift copies it), lanes of the armed category mark, any other lane
selects a range, a header arms, or is taken along; lines between rows, bands and columns can be moved, and up
and down those of thresholds. A release that never left its press on the time axis is a seek, so no click can
change a label.
"""

from __future__ import annotations

from avvp_studio.ui.timeline.arrangement import MINIMAP
from avvp_studio.ui.timeline.gestures.arranging import Heading, Resizing, Widening
from avvp_studio.ui.timeline.gestures.axis import Panning, Scrubbing, Selecting
from avvp_studio.ui.timeline.gestures.gesture import Gesture, Ground, Held
from avvp_studio.ui.timeline.gestures.labelling import Marking
from avvp_studio.ui.timeline.gestures.overview import Framing
from avvp_studio.ui.timeline.gestures.place import OnColumnEdge, OnEvent, OnFoot, Place, Side, Zone
from avvp_studio.ui.timeline.gestures.reshaping import Moving, Pulling
from avvp_studio.ui.timeline.gestures.runs import stretch_under
from avvp_studio.ui.timeline.gestures.threshold import Levelling, usual_threshold
from avvp_studio.ui.timeline.gestures.twice import Twice
from avvp_studio.ui.timeline.gestures.wishes import Arm, Play


def begin(ground: Ground, place: Place, held: Held) -> Gesture | None:
    """The gesture of a press of the left button; None where nothing happens."""
    beside = _begin_beside_lines(ground, place, held)
    is_on_line = place.threshold is not None and not held.control
    return Levelling.on(ground, place, held, beside) if is_on_line else beside


def _begin_beside_lines(ground: Ground, place: Place, held: Held) -> Gesture | None:
    match place.target:
        case OnEvent() if held.control:
            return Moving.pressed(ground, place, held)
        case OnEvent(side=Side()) if held == Held():
            return Pulling.pressed(ground, place, held)
        case OnFoot():
            return Resizing.pressed(ground, place, held)
        case OnColumnEdge():
            return Widening.pressed(ground, place, held)
    match place.zone:
        case Zone.COLUMN:
            return None
        case Zone.HEADER:
            return Heading.pressed(ground, place, held)
        case Zone.BAND if place.band == MINIMAP and not ground.view.is_whole:
            return Framing.pressed(ground, place, held)
        case Zone.RULER | Zone.BAND if not held.shift:
            return Scrubbing.pressed(ground, place, held)
        case Zone.LANE if ground.armed is not None and place.category == ground.armed:
            return Marking.pressed(ground, place, held)
        case _:
            return Selecting.pressed(ground, place, held)


def begin_again(ground: Ground, place: Place, held: Held) -> Gesture | None:
    """The gesture of the second press of a double click: without a drag it plays what it is on, else arms."""
    if place.zone is not Zone.LANE or place.category is None:
        return begin(ground, place, held)
    usual = usual_threshold(place, held)
    if usual is not None:
        return Twice.of(begin(ground, place, held), usual)
    stretch = stretch_under(ground.content, place)
    if stretch is not None:
        return Twice.of(begin(ground, place, held), Play(*stretch))
    if place.category != ground.armed:
        return Twice.of(begin(ground, place, held), Arm(place.category))
    return begin(ground, place, held)


def begin_panning(ground: Ground, place: Place) -> Gesture:
    """The gesture of a press of the middle button."""
    return Panning.pressed(ground, place, Held())
