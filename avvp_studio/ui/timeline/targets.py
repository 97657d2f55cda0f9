"""What of a place the mouse is over: an event or its end, a line that can be moved. No Qt."""

from __future__ import annotations

from bisect import bisect_right

from avvp_studio.ui.timeline.gestures.place import (
    OnColumnEdge,
    OnEvent,
    OnFoot,
    Place,
    Side,
    Target,
    Zone,
)
from avvp_studio.ui.timeline.scene import Scene
from trainer.labels import Event

_REACH = 3
"""Pixels."""
_GRIP = 5
"""The same for the ends of labels."""


def target_at(scene: Scene, place: Place) -> Target | None:
    """The nearest thing that can be taken hold of; None where there is only time."""
    return _event(scene, place) or _edge(scene, place)


def _event(scene: Scene, place: Place) -> OnEvent | None:
    """The label under the mouse, or near enough to one of its ends to take hold of that."""
    row = scene.rows.of(place.category) if place.category is not None and place.modality is not None else None
    if row is None or place.modality is None or place.zone is not Zone.LANE:
        return None
    band = row.lane(place.modality)
    height = place.y - scene.origin - band.top
    if not scene.rows.style.parts(band.height).labels.holds(height):
        return None
    events = scene.content.events_by_lane.get((place.modality, row.category), [])
    slop = _GRIP / scene.view.pixels_per_second
    before = bisect_right(events, place.time, key=lambda event: event.onset)
    near = events[max(0, before - 1) : before + 1]
    for event in near:
        if event.onset <= place.time < event.offset:
            return OnEvent(event, _side(event, place.time, min(slop, event.duration / 3)))
    for event in near:
        if (side := _side(event, place.time, slop)) is not None:
            return OnEvent(event, side)
    return None


def _side(event: Event, time: float, slop: float) -> Side | None:
    """The end of an event that is near a time."""
    if abs(time - event.onset) <= slop:
        return Side.ONSET
    return Side.OFFSET if abs(time - event.offset) <= slop else None


def _edge(scene: Scene, place: Place) -> OnFoot | OnColumnEdge | None:
    """A line that can be moved: at the right of the headers, under a header, or under a band."""
    if abs(place.x - scene.view.left) <= _REACH:
        return OnColumnEdge(scene.sizes.header)
    if place.zone in (Zone.HEADER, Zone.COLUMN):
        for y in (place.y - _REACH, place.y):
            row = scene.rows.at(y - scene.origin) if y >= scene.bands.bottom else None
            if row is not None and abs(row.whole.bottom + scene.origin - place.y) <= _REACH:
                return OnFoot(row.whole.height, category=row.category)
    for name, band in scene.bands:
        if abs(band.bottom - place.y) <= _REACH and place.zone in (Zone.BAND, Zone.COLUMN, Zone.HEADER):
            return OnFoot(band.height, band=name)
    return None
