"""Values per segment as steps on the screen. No Qt, and never more steps than pixels.

Segments are the last axis of all arrays here: what holds for one lane holds for many at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from avvp_studio.ui.timeline.view import TimeView
from trainer.labels import runs

Bits = TypeVar("Bits", np.bool_, np.uint16)

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
        """The highest value (..., T) within each step; not a number where nothing is known."""
        if self._is_single:
            return values[..., self.starts[0] : self.last]
        return np.asarray(np.fmax.reduceat(values[..., : self.last], self.starts, axis=-1), dtype=np.float32)

    def union(self, flags: NDArray[Bits]) -> NDArray[Bits]:
        """All bits, or the flag, of the segments (..., T) within each step."""
        if self._is_single:
            return flags[..., self.starts[0] : self.last]
        return np.asarray(np.bitwise_or.reduceat(flags[..., : self.last], self.starts, axis=-1))

    @property
    def _is_single(self) -> bool:
        """Whether no segments share a step."""
        return int(self.starts[0]) + len(self.starts) == self.last

    def spans(self, flags: NDArray[np.bool_]) -> Iterator[tuple[float, float]]:
        """The pixel ranges in which the flags (T,) hold."""
        for first, last in runs(self.union(flags)):
            yield float(self.edges[first]), float(self.edges[last])


class Columns:
    """What segments say in each of the device's columns of pixels, `width` of them from `left` on."""

    def __init__(self, steps: Steps, left: float, width: int, ratio: float) -> None:
        middles = left + (np.arange(width) + 0.5) / ratio
        step = np.searchsorted(steps.edges, middles, side="right") - 1
        self.width = width
        self._steps, self._is_outside = steps, (step < 0) | (step >= len(steps.starts))
        self._step = np.clip(step, 0, len(steps.starts) - 1)

    def highest(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Not a number beyond the segments."""
        found = self._steps.highest(values)[..., self._step]
        found[..., self._is_outside] = np.nan
        return found

    def union(self, flags: NDArray[Bits]) -> NDArray[Bits]:
        """Nothing beyond the segments."""
        found = self._steps.union(flags)[..., self._step]
        found[..., self._is_outside] = 0
        return found


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
