"""Steps, bands and boxes painted with numpy, in many pictures of one size at once: quicker than paths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avvp_studio.ui.timeline.pixels import Colour

Flags = NDArray[np.bool_]
"""For each picture and column of pixels (N, W)."""
HATCHES = 4


class Raster:
    """Pictures (N, H, W), clear at first. What is painted later lies on top, and hides what is below."""

    def __init__(self, count: int, width: int, height: int) -> None:
        self.pixels = np.zeros((count, height, width), np.uint32)
        self._rows = np.arange(height, dtype=np.uint16)[:, None]
        self._columns = np.arange(width, dtype=np.int16)

    def fill(self, tops: NDArray[np.int16], foot: int, colour: Colour, where: Flags) -> None:
        """From a height of its own in each column down to the foot."""
        is_in = self._rows[:foot] >= np.where(where, tops, foot)[:, None].astype(np.uint16)
        np.copyto(self.pixels[:, :foot], np.uint32(colour), where=is_in)

    def steps(
        self,
        heights: NDArray[np.int16],
        where: Flags,
        colour: Colour,
        *,
        thickness: int = 1,
        dashes: Sequence[int] = (),
        on: Flags | None = None,
        colour_on: Colour = 0,
    ) -> None:
        """A line through the heights, upright between them; of another colour in the columns `on`."""
        before = heights.copy()
        np.copyto(before[:, 1:], heights[:, :-1], where=where[:, :-1])
        tops, lengths = np.minimum(heights, before), np.abs(heights - before) + thickness
        if dashes:
            where = where & (self._dashed(dashes) | (heights != before))
        lengths[~where] = 0
        # Numbers without a sign: what is above is far below.
        is_in = self._rows - tops[:, None].astype(np.uint16) < lengths[:, None].astype(np.uint16)
        colours = np.full(where.shape, colour, np.uint32)
        if on is not None:
            colours[on] = colour_on
        np.copyto(self.pixels, colours[:, None], where=is_in)

    def band(self, top: int, height: int, colours: NDArray[np.uint32], where: Flags) -> None:
        """Each column in its own colour."""
        np.copyto(self.pixels[:, top : top + height], colours[:, None], where=where[:, None])

    def bar(self, top: int, height: int, colour: Colour, where: Flags, *, hatch: int = 0) -> None:
        """One colour in some columns; hatches above 0 leave gaps, each its own."""
        if not where.any():
            return
        part, is_in = self.pixels[:, top : top + height], where[:, None]
        if hatch:
            is_in = is_in & self._hatched(hatch, top, part.shape[1])
        np.copyto(part, np.uint32(colour), where=is_in)

    def frame(self, top: int, height: int, colour: Colour, where: Flags, *, thickness: int = 1) -> None:
        """The outline of the boxes that runs of columns make."""
        edges = where & ~(_moved(where, 1) & _moved(where, -1))
        for _ in range(thickness - 1):
            edges = where & (edges | _moved(edges, 1) | _moved(edges, -1))
        self.bar(top, height, colour, edges)
        for y in (top, top + height - thickness):
            self.bar(y, thickness, colour, where)

    def _dashed(self, dashes: Sequence[int]) -> Flags:
        pattern = np.concatenate([np.full(length, turn % 2 == 0) for turn, length in enumerate(dashes)])
        return np.asarray(pattern[self._columns % len(pattern)])

    def _hatched(self, hatch: int, top: int, height: int) -> Flags:
        x, y = self._columns, self._rows[top : top + height]
        match hatch % HATCHES:
            case 1:
                return np.asarray((x + y) % 4 < 2)
            case 2:
                return np.asarray(x % 3 < 1) | (y < 0)
            case 3:
                return np.asarray((x - y) % 6 < 4)
        return np.asarray(x % 8 < 5) | (y < 0)


def _moved(flags: Flags, by: int) -> Flags:
    """The flags of the column before (1) or after (-1); beyond the picture it goes on as at its edge."""
    kept = flags[:, :1] if by > 0 else flags[:, -1:]
    parts = (kept, flags[:, :-1]) if by > 0 else (flags[:, 1:], kept)
    return np.concatenate(parts, axis=1)
