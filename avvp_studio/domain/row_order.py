"""Which categories have rows in the timeline, and in which order: what a person chose for a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avvp_studio.domain.project import Clip
from avvp_studio.domain.tracks import Track
from trainer.labels import PRESENT, UNSEEN, Event


class RowChoice(StrEnum):
    """Of which categories rows are shown."""

    CANDIDATES = "candidates"
    """Labelled with, or predicted: what is usually worth a look."""
    ALL = "all"
    LABELLED = "labelled"
    """In the video-level label."""
    PREDICTED = "predicted"
    EDITED = "edited"
    """A person said something of them in this clip."""
    DISAGREEING = "disagreeing"
    """Labels and the newest parser, or two parsers, do not say the same."""


@dataclass(frozen=True)
class RowOrder:
    """What was moved by hand, what stays on top, and the rows that have heights of their own."""

    choice: RowChoice = RowChoice.CANDIDATES
    order: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    heights: Mapping[str, int] = field(default_factory=dict)

    def arranged(self, rows: Iterable[str]) -> tuple[str, ...]:
        """Pinned ones first, then as they were ordered by hand, then as they come."""
        places = {category: place for place, category in enumerate((*self.pinned, *self.order))}
        for place, category in enumerate(self.pinned):
            places[category] = place - len(self.pinned)
        return tuple(sorted(rows, key=lambda category: places.get(category, len(places))))

    def moved(self, rows: Sequence[str], category: str, before: str | None) -> RowOrder:
        """The order in which a row of those shown stands before another, or at the end.

        Among the pinned it stays pinned; a row that is moved between them is pinned too.
        """
        rest = [name for name in rows if name != category]
        place = rest.index(before) if before in rest else len(rest)
        rows = (*rest[:place], category, *rest[place:])
        last_pinned = max((rest.index(name) for name in self.pinned if name in rest), default=-1)
        pinned = {*self.pinned} - {category} | ({category} if place <= last_pinned else set())
        return RowOrder(
            self.choice,
            tuple(dict.fromkeys((*rows, *self.order))),
            tuple(dict.fromkeys(name for name in (*rows, *self.pinned) if name in pinned)),
            self.heights,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "choice": self.choice.value,
            "order": list(self.order),
            "pinned": list(self.pinned),
            "heights": dict(self.heights),
        }

    @staticmethod
    def from_json(said: Any) -> RowOrder:
        """Raises ValueError on what is none."""
        if not isinstance(said, dict):
            raise ValueError("it is not an object")
        heights = said.get("heights", {})
        if not isinstance(heights, dict) or not all(type(height) is int for height in heights.values()):
            raise ValueError("its heights are not whole numbers by category")
        return RowOrder(
            RowChoice(said.get("choice", RowChoice.CANDIDATES)),
            _names(said, "order"),
            _names(said, "pinned"),
            heights,
        )


def categories_by_choice(
    categories: Sequence[str],
    clip: Clip,
    events: Iterable[Event],
    states: NDArray[np.int8],
    tracks: Sequence[Track],
    candidates: Iterable[str],
) -> dict[RowChoice, tuple[str, ...]]:
    """The categories that each choice is about in a clip; its candidates are known already."""
    predicted = np.zeros(len(categories), dtype=bool)
    for track in tracks:
        predicted |= track.predicted.any(axis=(0, 1))
    edited = {event.category for event in events if event.author}
    disagreeing = _disagreeing(states, tracks)
    return {
        RowChoice.CANDIDATES: tuple(candidates),
        RowChoice.ALL: tuple(categories),
        RowChoice.LABELLED: tuple(name for name in categories if name in clip.video_labels),
        RowChoice.PREDICTED: _chosen(categories, predicted),
        RowChoice.EDITED: tuple(name for name in categories if name in edited),
        RowChoice.DISAGREEING: _chosen(categories, disagreeing),
    }


def _disagreeing(states: NDArray[np.int8], tracks: Sequence[Track]) -> NDArray[np.bool_]:
    """(C,): where a label is known and the newest parser says otherwise, or any parser than the newest."""
    found = np.zeros(states.shape[2], dtype=bool)
    if not tracks:
        return found
    newest = tracks[0].predicted
    found |= ((states != UNSEEN) & ((states == PRESENT) != newest)).any(axis=(0, 1))
    for track in tracks[1:]:
        found |= (newest != track.predicted).any(axis=(0, 1))
    return found


def _chosen(categories: Sequence[str], flags: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(name for name, is_in in zip(categories, flags, strict=True) if is_in)


def _names(said: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = said.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"its {key} is not a list of categories")
    return tuple(names)
