"""How a person has arranged the timeline: which bands are shown, and how tall things are. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.lane_style import LaneStyle
from avvp_studio.ui.timeline.rows import Sizes

MINIMAP, THUMBNAILS, WAVEFORM, SPECTROGRAM = "minimap", "thumbnails", "waveform", "spectrogram"
BANDS = (MINIMAP, THUMBNAILS, WAVEFORM, SPECTROGRAM)
"""The bands between ruler and lanes, from top to bottom."""
_LEAST, _MOST = 16, 400
"""Pixels: what a band may be given."""


@dataclass(frozen=True)
class Arrangement:
    """What has no height of its own here is as tall as suits the window."""

    shown: frozenset[str] = frozenset({THUMBNAILS, WAVEFORM})
    heights: Mapping[str, int] = field(default_factory=dict)
    """Of bands by their name, in pixels."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """The same of rows, by their category."""
    column: int = 0
    """How wide the headers are, in pixels; 0 is as wide as suits the text."""
    is_heat: bool = False
    is_stacked: bool = False
    is_compact: bool = False

    def with_rows(self, heights: Mapping[str, int | None]) -> Arrangement:
        """Rows have other heights; None is the usual one."""
        return replace(self, rows=_merged(self.rows, heights))

    def with_band(self, name: str, height: int | None) -> Arrangement:
        """A band has another height; None is the usual one."""
        return replace(self, heights=_merged(self.heights, {name: height}))

    def lane_style(self, parsers: int) -> LaneStyle:
        """How lanes are drawn when that many parsers are shown."""
        return LaneStyle(parsers, self.is_heat, self.is_stacked, self.is_compact)


@dataclass(frozen=True)
class Bands:
    """Where the bands lie, in pixels from the top of the timeline."""

    sizes: Sizes
    arrangement: Arrangement

    @cached_property
    def by_name(self) -> dict[str, Band]:
        bands, top = {}, self.sizes.ruler
        for name in BANDS:
            if name in self.arrangement.shown:
                height = self.arrangement.heights.get(name, self.sizes.band(name))
                height = min(max(_LEAST, height), _MOST)
                bands[name] = Band(top, height)
                top += height
        return bands

    @property
    def bottom(self) -> int:
        """Where the bands end and the lanes begin."""
        return max((band.bottom for band in self.by_name.values()), default=self.sizes.ruler)

    def at(self, y: float) -> str:
        """The band at a height; empty where there is none."""
        return next((name for name, band in self.by_name.items() if band.holds(y)), "")

    def __iter__(self) -> Iterator[tuple[str, Band]]:
        return iter(self.by_name.items())


def _merged(heights: Mapping[str, int], changes: Mapping[str, int | None]) -> dict[str, int]:
    both = {**heights, **changes}
    return {name: height for name, height in both.items() if height is not None}
