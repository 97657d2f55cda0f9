"""What is said about a clip: events in two modalities, on a grid of one-second segments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

UNSEEN, ABSENT, PRESENT = -1, 0, 1
"""The values of a cell in a state grid."""

_ORDER = attrgetter("modality", "category", "onset", "offset", "state", "author")
_ROUNDING = 0.1
"""Seconds a file may run over its nominal length (audio padding) without gaining a segment."""


class Modality(StrEnum):
    """Where an event is perceived. Audio-visual is derived (heard and seen), never stored."""

    AUDIO = "audio"
    VISUAL = "visual"

    @property
    def axis(self) -> int:
        """Its place on the modality axis of every (2, T, C) array."""
        return 0 if self is Modality.AUDIO else 1


MODALITIES = (Modality.AUDIO, Modality.VISUAL)


class State(StrEnum):
    """What is known of a cell. `UNSEEN` means that nobody looked, which is not the same as `ABSENT`."""

    UNSEEN = "unseen"
    ABSENT = "absent"
    PRESENT = "present"

    @property
    def value_in_grid(self) -> int:
        return {State.UNSEEN: UNSEEN, State.ABSENT: ABSENT, State.PRESENT: PRESENT}[self]


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One category in one modality from onset to offset (seconds, half-open), said to be present or absent.

    `author` is the person who said so; empty for labels that came with a file.
    """

    modality: Modality
    category: str
    onset: float
    offset: float
    state: State = State.PRESENT
    author: str = ""

    def __post_init__(self) -> None:
        if self.state is State.UNSEEN:
            raise ValueError("an event is present or absent: unseen is where there is no event")
        if not 0 <= self.onset < self.offset:
            raise ValueError(f"an event needs 0 <= onset < offset, not {self.onset} and {self.offset}")

    @property
    def duration(self) -> float:
        return self.offset - self.onset


def ordered(events: Iterable[Event]) -> tuple[Event, ...]:
    """Sorted as events compare, and many times quicker than by comparing them one by one."""
    return tuple(sorted(events, key=_ORDER))


def segment_count(duration: float) -> int:
    """The number T of one-second segments of a clip that lasts `duration` seconds (at least one)."""
    return max(1, math.ceil(duration - _ROUNDING))


def state_grid(
    events: Iterable[Event], categories: Sequence[str], segments: int, *, complete: bool = False
) -> NDArray[np.int8]:
    """Rasterise events to a state grid (2, T, C) of UNSEEN, ABSENT and PRESENT.

    A present event covers every segment that it touches, an absent one only those that it fills;
    present wins. With `complete`, what no event covers is absent instead of unseen (dense truth).
    Events of categories that are not in `categories` are left out.
    """
    index = {category: i for i, category in enumerate(categories)}
    grid = np.full((2, segments, len(index)), ABSENT if complete else UNSEEN, dtype=np.int8)
    said = [event for event in events if event.category in index]
    for state, first, last in ((State.ABSENT, math.ceil, math.floor), (State.PRESENT, math.floor, math.ceil)):
        value = state.value_in_grid
        for event in said:
            if event.state is state:
                segments_said = slice(first(event.onset), last(event.offset))
                grid[event.modality.axis, segments_said, index[event.category]] = value
    return grid


def runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The maximal runs of true values in a (T,) array, as half-open (first, last) pairs."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active.astype(bool), [False])).astype(np.int8)))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]
