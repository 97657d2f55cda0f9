"""Where the rows are: sizes that follow the font, and the bands of every category. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from trainer.labels import Modality

GUTTER = 12
"""At the right, always: the vertical scroll bar lies here, so that its coming and going moves no column."""


@dataclass(frozen=True)
class Sizes:
    """Lengths in pixels, from the height of a line of text and the mean width of a character."""

    line: int
    character: int

    @property
    def header(self) -> int:
        return min(max(196, self.character * 31), 300)

    @property
    def ruler(self) -> int:
        return self.line + 10

    def band(self, name: str) -> int:
        """The usual height of a band between ruler and lanes."""
        return {"waveform": self.line * 2 + 20}[name]

    @property
    def shortest_lane(self) -> int:
        return self.line + 15

    @property
    def tallest_lane(self) -> int:
        return self.line * 4

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
class Band:
    """A stretch of pixels from top to bottom."""

    top: int
    height: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    def holds(self, y: float) -> bool:
        return self.top <= y < self.bottom


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
        return Modality.VISUAL if y < self.visual.bottom + 1 else None


@dataclass(frozen=True)
class Rows:
    """All categories under one another, as tall as fits into `height`, but never too small to read."""

    sizes: Sizes
    categories: tuple[str, ...]
    height: int

    @cached_property
    def lane_height(self) -> int:
        if not self.categories:
            return self.sizes.tallest_lane
        share = self.height // len(self.categories)
        lanes = share - 2 * self.sizes.margin - 2 * self.sizes.gap - self.sizes.both
        return min(max(self.sizes.shortest_lane, lanes // 2), self.sizes.tallest_lane)

    @property
    def row_height(self) -> int:
        sizes = self.sizes
        return 2 * self.lane_height + 2 * sizes.gap + sizes.both + 2 * sizes.margin

    @property
    def total(self) -> int:
        return self.row_height * len(self.categories)

    def row(self, index: int) -> CategoryRow:
        top = index * self.row_height
        audio = Band(top + self.sizes.margin, self.lane_height)
        visual = Band(audio.bottom + self.sizes.gap, self.lane_height)
        both = Band(visual.bottom + self.sizes.gap, self.sizes.both)
        return CategoryRow(self.categories[index], Band(top, self.row_height), audio, visual, both)

    def of(self, category: str) -> CategoryRow | None:
        return self.row(self.categories.index(category)) if category in self.categories else None

    def at(self, y: float) -> CategoryRow | None:
        index = int(y // self.row_height)
        return self.row(index) if y >= 0 and index < len(self.categories) else None

    def between(self, top: int, bottom: int) -> Sequence[CategoryRow]:
        """The categories of which at least a part lies between two heights."""
        first = max(0, top // self.row_height)
        last = min(len(self.categories), -(-bottom // self.row_height))
        return [self.row(index) for index in range(first, last)]
