"""Where in a lane the lines of thresholds lie. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from avvp_studio.ui.timeline.content import Lane, LaneTrack, lane
from avvp_studio.ui.timeline.gestures.place import OnThreshold, Place
from avvp_studio.ui.timeline.lane_style import LaneStyle, level_y
from avvp_studio.ui.timeline.scene import Scene
from trainer.labels import Modality

_REACH = 3
"""Pixels."""


@dataclass(frozen=True, eq=False)
class ThresholdLine:
    """`y` is measured from the top of the lane; from probability 0 to 1 it is `pixels`."""

    track: LaneTrack
    y: float
    pixels: float


def threshold_lines(style: LaneStyle, shown: Lane, height: int) -> list[ThresholdLine]:
    """Those of the newest parser, and of others that have room of their own; a heat has no height for any."""
    if style.is_heat or style.is_compact:
        return []
    drawn = style.drawn if style.has_bands else 1
    return [
        ThresholdLine(track, level_y(band, track.threshold), level_y(band, 0.0) - level_y(band, 1.0))
        for track, band in zip(shown.tracks, style.parts(height).beliefs[:drawn], strict=False)
        if not track.is_blind
    ]


def threshold_at(scene: Scene, place: Place) -> OnThreshold | None:
    """The line that the mouse is over."""
    row = scene.rows.of(place.category) if place.category is not None else None
    if row is None or place.modality is None or place.category is None or place.x < scene.view.left:
        return None
    band = row.lane(place.modality)
    shown = lane(scene.content, place.modality, place.category)
    for line in threshold_lines(scene.rows.style, shown, band.height):
        if abs(scene.origin + band.top + line.y - place.y) <= _REACH:
            track = line.track
            return OnThreshold(track.parser, track.threshold, track.own_threshold, line.pixels)
    return None


def line_of(scene: Scene, modality: Modality, category: str, parser: str) -> tuple[ThresholdLine, float] | None:
    """A parser's line, and how high it is on the widget; None when it is not drawn."""
    row = scene.rows.of(category)
    if row is None:
        return None
    band, shown = row.lane(modality), lane(scene.content, modality, category)
    for line in threshold_lines(scene.rows.style, shown, band.height):
        if line.track.parser == parser:
            return line, scene.origin + band.top + line.y
    return None
