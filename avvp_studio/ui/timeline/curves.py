"""Values per segment as steps on the screen. No Qt, and never more steps than pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avvp_studio.ui.timeline.view import TimeView
from trainer.labels import runs

_DENSE = 6.0
_NARROWEST = 3.0
"""Pixels: where segments are narrower, several share a step."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Step i reaches from pixel `edges[i]` to `edges[i + 1]` for the segments from `starts[i]` on."""

    edges: NDArray[np.float64]
    starts: NDArray[np.intp]
    last: int

    @property
    def is_dense(self) -> bool:
        """So narrow that corners and dashes could not be told apart."""
        return float(self.edges[-1] - self.edges[0]) < _DENSE * len(self.starts)

    def highest(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The highest value (T,) within each step; not a number where nothing is known."""
        return np.asarray(np.fmax.reduceat(values[: self.last], self.starts), dtype=np.float32)

    def any(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.asarray(np.logical_or.reduceat(flags[: self.last], self.starts))

    def spans(self, flags: NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
        """The pixel ranges in which the flags (T,) hold."""
        for first, last in runs(self.any(flags)):
            yield float(self.edges[first]), float(self.edges[last])


def steps(view: TimeView, segments: int) -> Steps | None:
    """The steps of the segments in view; None when there are none."""
    first, last = view.segments()
    last = min(last, segments)
    if first >= last:
        return None
    together = max(1, int(np.ceil(_NARROWEST / view.pixels_per_second)))
    # Whole multiples, so that the same segments share a step wherever the view begins.
    starts = np.arange(first - first % together, last, together)
    edges = view.left + (np.append(starts, last) - view.onset) * view.pixels_per_second
    return Steps(edges, starts, last)
