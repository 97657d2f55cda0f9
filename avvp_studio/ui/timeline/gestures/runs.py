"""Which cells a menu or a double click is about. No Qt."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avvp_studio.ui.timeline.content import TimelineContent, lane
from avvp_studio.ui.timeline.gestures.gesture import touched_segments
from avvp_studio.ui.timeline.gestures.place import OnEvent, Place
from trainer.labels import MODALITIES, UNSEEN, runs


def stretch_under(content: TimelineContent, place: Place) -> tuple[float, float] | None:
    """From where to where the label goes on that lies under the mouse, else the prediction; None without."""
    if isinstance(place.target, OnEvent):
        return place.target.event.onset, place.target.event.offset
    if place.category is None or place.category not in content.columns:
        return None
    modalities = MODALITIES if place.modality is None else (place.modality,)
    lanes = [lane(content, modality, place.category) for modality in modalities]
    present = np.logical_and.reduce([shown.present for shown in lanes])
    predicted = np.logical_and.reduce([shown.predicted for shown in lanes])
    for cells in (present, predicted):
        for first, last in runs(cells):
            if first <= place.time < last:
                return float(first), float(last)
    return None


def run_under(
    segment: int,
    states: NDArray[np.int8],
    predicted: NDArray[np.bool_],
    selection: tuple[float, float] | None = None,
) -> tuple[int, int]:
    """The half-open range of segments that a menu opened on `segment` of a lane is about.

    The selected range when the segment lies in it; else the run of equal labels around it; where nobody has
    labelled, the run that is predicted there and not labelled; else the segment alone.
    """
    if selection is not None and selection[0] < segment + 1 and selection[1] > segment:
        first, last = touched_segments(selection[0], selection[1], len(states))
        # The range is half-open: one that ends on a boundary does not touch the segment after it.
        return first, max(first + 1, min(last, math.ceil(selection[1])))
    state = states[segment]
    if state != UNSEEN:
        alike = states == state
    elif predicted[segment]:
        alike = predicted & (states == UNSEEN)
    else:
        return segment, segment + 1
    breaks = np.flatnonzero(~alike)
    before, after = breaks[breaks < segment], breaks[breaks > segment]
    first = int(before[-1]) + 1 if len(before) else 0
    return first, int(after[0]) if len(after) else len(alike)
