"""How a person has arranged the timeline: which bands are shown, and how tall things are. No Qt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from avvp_studio.ui.timeline.rows import Band, Sizes

WAVEFORM = "waveform"
BANDS = (WAVEFORM,)
"""The bands between ruler and lanes, from top to bottom."""


@dataclass(frozen=True)
class Arrangement:
    """What has no height of its own here is as tall as suits the window."""

    shown: frozenset[str] = frozenset({WAVEFORM})
    heights: Mapping[str, int] = field(default_factory=dict)
    """Of bands by their name, in pixels."""


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
