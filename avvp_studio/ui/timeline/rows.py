"""Where the rows are: sizes that follow the font, and the bands of every category. No Qt."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from avvp_studio.ui.timeline.band import Band
from avvp_studio.ui.timeline.lane_style import LaneStyle
from trainer.labels import Modality

GUTTER = 12
"""At the right, always: the vertical scroll bar lies here, so that its coming and going moves no column."""
_TALLEST = 1000
"""Pixels: what a row may be given."""


@dataclass(frozen=True)
class Sizes:
    """Lengths in pixels, from the height of a line of text and the mean width of a character.

    `column` is how wide a person made the headers; 0 is as wide as suits the text.
    """

    line: int
    character: int
    column: int = 0

    @property
    def header(self) -> int:
        usual = min(max(196, self.character * 31), 300)
        return min(max(self.narrowest_header, self.column or usual), 3 * usual)

    @property
    def narrowest_header(self) -> int:
        return self.character * 14

    @property
    def ruler(self) -> int:
        return self.line + 10

    def band(self, name: str) -> int:
        """The usual height of a band between ruler and lanes."""
        lines = {"thumbnails": 1.7, "waveform": 1.4, "spectrogram": 5.0}
        return self.line + 8 if name == "minimap" else round(self.line * lines[name]) + 20

    @property
    def shortest_lane(self) -> int:
        return self.line + 10

    @property
    def both(self) -> int:
        """The derived audio-visual row."""
        return max(9, self.line // 2 + 2)

    @property
    def margin(self) -> int:
        """Above and below the lanes of a category."""
        return 5

    @property
    def gap(self) -> int:
        """Between the lanes of one category."""
        return 2


@dataclass(frozen=True)
class CategoryRow:
    """The bands of one category, measured from the top of the first category."""

    category: str
    whole: Band
    audio: Band
    visual: Band
    both: Band

    def lane(self, modality: Modality) -> Band:
        return self.audio if modality is Modality.AUDIO else self.visual

    def modality_at(self, y: float) -> Modality | None:
        """Which lane a height belongs to, margins included; None is the derived row."""
        if y < self.audio.bottom + 1:
            return Modality.AUDIO
        return Modality.VISUAL if y < self.visual.bottom + 1 or not self.both.height else None


@dataclass(frozen=True)
class Rows:
    """All categories under one another, as tall as fits into `height`, but never too small to read.

    `own` are the heights of rows that a person chose.
    """

    sizes: Sizes
    categories: tuple[str, ...]
    height: int
    style: LaneStyle = field(default_factory=LaneStyle)
    own: Mapping[str, int] = field(default_factory=dict)

    @property
    def shortest(self) -> int:
        """The least height of a row."""
        return self._around_lanes + 2 * self.style.shortest(self.sizes.line)

    @cached_property
    def usual(self) -> int:
        """The height of a row that has none of its own: an even share, within bounds."""
        tallest = self._around_lanes + 2 * self.style.tallest(self.sizes.line)
        free = [name for name in self.categories if name not in self.own]
        taken = sum(self._own(name) for name in self.categories if name in self.own)
        share = (self.height - taken) // max(1, len(free))
        return min(max(self.shortest, share), tallest)

    @property
    def total(self) -> int:
        return self._tops[-1]

    def row(self, index: int) -> CategoryRow:
        top, height = self._tops[index], self._tops[index + 1] - self._tops[index]
        margin, gap, both = self._margin, self.sizes.gap, self._both
        lane_height = (height - self._around_lanes) // 2
        audio = Band(top + margin, lane_height)
        visual = Band(audio.bottom + gap, lane_height)
        derived = Band(visual.bottom + gap, both)
        return CategoryRow(self.categories[index], Band(top, height), audio, visual, derived)

    def of(self, category: str) -> CategoryRow | None:
        return self.row(self.categories.index(category)) if category in self.categories else None

    def at(self, y: float) -> CategoryRow | None:
        return self.row(bisect_right(self._tops, y) - 1) if 0 <= y < self.total else None

    def between(self, top: int, bottom: int) -> Sequence[CategoryRow]:
        """The categories of which at least a part lies between two heights."""
        first = max(0, bisect_right(self._tops, top) - 1)
        indices = range(first, len(self.categories))
        return [self.row(index) for index in indices if self._tops[index] < bottom]

    @property
    def _margin(self) -> int:
        return 2 if self.style.is_compact else self.sizes.margin

    @property
    def _both(self) -> int:
        return 0 if self.style.is_compact else self.sizes.both

    @property
    def _around_lanes(self) -> int:
        gaps = self.sizes.gap * (1 if self.style.is_compact else 2)
        return 2 * self._margin + gaps + self._both

    def _own(self, category: str) -> int:
        return max(self.shortest, min(self.own[category], _TALLEST))

    @cached_property
    def _tops(self) -> list[int]:
        heights = (self._own(name) if name in self.own else self.usual for name in self.categories)
        return list(accumulate(heights, initial=0))
