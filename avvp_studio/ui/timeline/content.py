"""What the timeline shows of a clip, as one value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avvp_studio.domain.tracks import Reach, Track
from trainer.labels import PRESENT, Event, Modality

MAX_DRAWN_TRACKS = 2
"""The newest parser and the one before it; more in one lane would hide one another."""


@dataclass(frozen=True, eq=False)
class TimelineContent:
    """A clip as the timeline draws it.

    `categories` are all of the project, in index order: the columns of `states` (2, T, C) and of the tracks,
    of which the newest comes first. `rows` are the categories of interest, in the order they are shown.
    `events` only tell who said what: without them, labels are drawn but have no author. `no_tracks` says why
    there are none, where that is known.
    """

    duration: float
    segments: int
    categories: tuple[str, ...]
    rows: tuple[str, ...]
    states: NDArray[np.int8]
    tracks: tuple[Track, ...] = ()
    video_labels: frozenset[str] = frozenset()
    events: tuple[Event, ...] = ()
    no_tracks: str = ""

    @property
    def extent(self) -> float:
        """How far the time axis reaches: the last segment may end after the clip does."""
        return max(self.duration, float(self.segments))

    def author(self, modality: Modality, category: str, segment: int) -> str:
        """Who said what the label of this cell says; empty when it came with a file, or nobody did."""
        for said in self.events:
            is_here = said.onset < segment + 1 and said.offset > segment
            if is_here and said.modality is modality and said.category == category:
                return said.author
        return ""


@dataclass(frozen=True, eq=False)
class LaneTrack:
    """What one parser believes about one category in one modality: (T,) probabilities and predictions.

    `reach` tells how well the parser can know of it, where it says so itself.
    """

    parser: str
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.bool_]
    threshold: float
    reach: Reach | None = None

    @property
    def is_blind(self) -> bool:
        """Whether the parser cannot know: then its probabilities mean nothing, and are not drawn."""
        return self.reach is not None and not self.reach.is_known


@dataclass(frozen=True, eq=False)
class Lane:
    """One category in one modality: the label states (T,), which of them a person set, and the tracks."""

    category: str
    modality: Modality
    states: NDArray[np.int8]
    by_person: NDArray[np.bool_]
    tracks: tuple[LaneTrack, ...]

    @property
    def present(self) -> NDArray[np.bool_]:
        return np.asarray(self.states == PRESENT)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """What the newest parser predicts; nothing when there is none."""
        return self.tracks[0].predicted if self.tracks else np.zeros(len(self.states), dtype=bool)


def lane(content: TimelineContent, modality: Modality, category: str) -> Lane:
    """Cut one lane out of the content."""
    column = content.categories.index(category)
    by_person = np.zeros(content.segments, dtype=bool)
    for said in content.events:
        if said.author and said.modality is modality and said.category == category:
            by_person[int(said.onset) : int(np.ceil(said.offset))] = True
    return Lane(
        category=category,
        modality=modality,
        states=content.states[modality.axis, :, column],
        by_person=by_person,
        tracks=tuple(_lane_track(track, modality, category, content) for track in content.tracks),
    )


def _lane_track(track: Track, modality: Modality, category: str, content: TimelineContent) -> LaneTrack:
    """A parse may be shorter or longer than the clip: what is missing is not a number, hence not drawn."""
    column, segments = content.categories.index(category), content.segments
    probabilities = np.full(segments, np.nan, dtype=np.float32)
    predicted = np.zeros(segments, dtype=bool)
    known = track.probabilities[modality.axis, :segments, column]
    probabilities[: len(known)] = known
    predicted[: len(known)] = track.predicted[modality.axis, :segments, column]
    threshold = track.rule.segment_threshold(modality.axis, column)
    reach = track.reach.get((modality, category))
    if reach is not None and not reach.is_known:
        probabilities[:] = np.nan
    predicted &= np.isfinite(probabilities)
    return LaneTrack(track.parser, probabilities, predicted, threshold, reach)
