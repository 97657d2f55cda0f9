"""What of a place the mouse is over: an event or its end, a threshold, a line that can be moved. No Qt."""

from __future__ import annotations

from avvp_studio.ui.timeline.gestures.place import OnEvent, OnFoot, OnThreshold, Place, Target
from avvp_studio.ui.timeline.scene import Scene


def target_at(scene: Scene, place: Place) -> Target | None:
    """The nearest thing that can be taken hold of; None where there is only time."""
    return _threshold(scene, place) or _event(scene, place) or _foot(scene, place)


def _threshold(scene: Scene, place: Place) -> OnThreshold | None:
    return None


def _event(scene: Scene, place: Place) -> OnEvent | None:
    return None


def _foot(scene: Scene, place: Place) -> OnFoot | None:
    return None
