"""A project and its clips, as values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Clip:
    """One entry of a split.

    `media` is the path of its video, or None when it was not found; `duration` is in seconds, `segments`
    its number T of one-second segments. `is_complete` says that its dense truth is complete: a cell that no
    event covers is absent, not unseen.
    """

    name: str
    split: str
    media: Path | None
    duration: float
    segments: int
    video_labels: frozenset[str] = frozenset()
    is_complete: bool = False

    def within(self, onset: float, offset: float) -> tuple[float, float]:
        """The range inside the clip, on whole milliseconds.

        One that reaches the end of the media reaches that of the last segment: nothing more can be said of it.
        """
        end = float(self.segments)
        last = end if offset >= self.duration else offset
        return round(min(max(onset, 0.0), end), 3), round(min(max(last, 0.0), end), 3)


@dataclass(frozen=True, slots=True)
class Project:
    """An open project: its folder, its name, and its categories in index order."""

    root: Path
    name: str
    categories: tuple[str, ...]
