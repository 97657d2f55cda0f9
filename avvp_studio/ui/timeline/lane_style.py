"""How lanes are drawn, and how a lane's height is shared by labels and parsers. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from avvp_studio.ui.timeline.band import Band

MOST_OVERLAID = 4
"""More curves in one lane would hide one another."""
MOST_STACKED = 8
_VERDICT = 4
_OLDER_VERDICT = 3


@dataclass(frozen=True)
class LaneParts:
    """Bands from the top of a lane: the labels', and each drawn parser's, the newest first.

    `verdicts` are where what a parser predicts is said, by yes or no.
    """

    labels: Band
    beliefs: tuple[Band, ...] = ()
    verdicts: tuple[Band, ...] = ()


def level_y(band: Band, level: float) -> float:
    """Where in a parser's band a probability lies, in pixels from the top of the lane."""
    margin = _level_margin(band)
    return band.bottom - margin - level * (band.height - 2 * margin)


def level_at(band: Band, y: float) -> float:
    """The probability at a height; beyond the ends of the scale it is held there."""
    margin = _level_margin(band)
    return min(max(0.0, (band.bottom - margin - y) / max(1.0, band.height - 2 * margin)), 1.0)


def _level_margin(band: Band) -> float:
    return 3.5 if band.height >= 20 else 1.0


@dataclass(frozen=True)
class LaneStyle:
    """Of `parsers` that are shown: as curves or as heat, over one another or each in a band of its own."""

    parsers: int = 0
    is_heat: bool = False
    is_stacked: bool = False
    is_compact: bool = False

    @property
    def has_bands(self) -> bool:
        """Whether each parser has its own: colours, other than lines, cannot lie over one another."""
        return (self.is_stacked or self.is_heat) and self.parsers > 0

    @property
    def drawn(self) -> int:
        """How many of the parsers there is room for, the newest first."""
        if self.is_compact and not self.has_bands:
            return min(self.parsers, 1)
        return min(self.parsers, MOST_STACKED if self.has_bands else MOST_OVERLAID)

    def shortest(self, line: int) -> int:
        """The least height of a lane, from the height of a line of text."""
        if self.is_compact:
            return 10 + (5 * self.drawn if self.has_bands else 0)
        if not self.has_bands:
            return line + 10 + 4 * max(0, self.drawn - 2)
        return line + (9 if self.is_heat else line + 2) * self.drawn

    def tallest(self, line: int) -> int:
        if self.is_compact:
            return self.shortest(line)
        return max(line * 4, self.shortest(line))

    def parts(self, height: int) -> LaneParts:
        return _parts(self, height)


@lru_cache(maxsize=256)
def _parts(style: LaneStyle, height: int) -> LaneParts:
    if not style.drawn:
        return LaneParts(Band(0, height))
    return _banded(style, height) if style.has_bands else _overlaid(style.drawn, height)


def _overlaid(drawn: int, height: int) -> LaneParts:
    """Labels and curves share the lane but for the verdicts, which lie under one another at its foot."""
    is_low = height < 20
    heights = [2] * min(drawn, 2) if is_low else [_VERDICT, *[_OLDER_VERDICT] * (drawn - 1)]
    top = height - sum(heights) - (0 if is_low else len(heights))
    shared = Band(0, top)
    verdicts = []
    for thickness in heights:
        verdicts.append(Band(top, thickness))
        top += thickness + (0 if is_low else 1)
    return LaneParts(shared, (shared,) * drawn, tuple(verdicts))


def _banded(style: LaneStyle, height: int) -> LaneParts:
    """The labels above, then band by band; each parser's verdict is the foot of its band."""
    drawn = style.drawn
    share = height * 2 // 5 if style.is_heat or drawn == 1 else height // (drawn + 1)
    labels = Band(0, max(5, min(share, height - 5 * drawn)))
    rest, beliefs, verdicts = height - labels.height, [], []
    for index in range(drawn):
        top = labels.height + rest * index // drawn + 1
        bottom = labels.height + rest * (index + 1) // drawn
        thickness = 2 if bottom - top < 14 else 3
        beliefs.append(Band(top, max(1, bottom - top - thickness - (1 if bottom - top >= 8 else 0))))
        verdicts.append(Band(bottom - thickness, thickness))
    return LaneParts(labels, tuple(beliefs), tuple(verdicts))
