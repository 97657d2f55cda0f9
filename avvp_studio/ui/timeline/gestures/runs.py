"""Which cells a menu or a double click is about. No Qt."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avvp_studio.ui.timeline.gestures.gesture import touched_segments
from trainer.labels import UNSEEN


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
