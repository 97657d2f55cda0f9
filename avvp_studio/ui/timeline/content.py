"""What the timeline shows of a clip, as one value."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from avvp_studio.domain.tracks import Reach, Track
from avvp_studio.ui.timeline.lane_style import MOST_STACKED
from trainer.labels import ABSENT, PRESENT, Event, Modality, State, runs

IS_PRESENT, IS_ABSENT, IS_BY_PERSON, IS_PREDICTED = 1, 2, 4, 8
"""Of a segment; that the parser at a place predicts it is the last, shifted by the place."""


@dataclass(frozen=True, eq=False)
class TimelineContent:
    """A clip as the timeline draws it.

    `categories` are all of the project, in index order: the columns of `states` (2, T, C) and of the tracks,
    of which the newest comes first. `rows` are the categories of interest, in the order they are shown.
    `events` only tell who said what: without them, labels are drawn but have no author. `no_tracks` and
    `no_rows` say why there are none, where that is known.
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
    no_rows: str = ""
    lanes_cut: dict[tuple[Modality, str], Lane] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def columns(self) -> dict[str, int]:
        """The place of each category among the columns."""
        return {category: column for column, category in enumerate(self.categories)}

    @cached_property
    def events_by_lane(self) -> dict[tuple[Modality, str], list[Event]]:
        found = defaultdict(list)
        for said in self.events:
            found[said.modality, said.category].append(said)
        return dict(found)

    @property
    def extent(self) -> float:
        """How far the time axis reaches: the last segment may end after the clip does."""
        return max(self.duration, float(self.segments))

    def author(self, modality: Modality, category: str, segment: int) -> str:
        """Who said what the label of this cell says; empty when it came with a file, or nobody did."""
        for said in self.events_by_lane.get((modality, category), ()):
            if said.onset < segment + 1 and said.offset > segment:
                return said.author
        return ""


@dataclass(frozen=True, eq=False)
class LaneTrack:
    """What one parser believes about one category in one modality: (T,) probabilities and predictions.

    `reach` tells how well the parser can know of it, where it says so itself. `own_threshold` is the parser's,
    whatever a person chose. What its gate has not admitted is predicted nowhere in the clip.
    """

    parser: str
    probabilities: NDArray[np.float32]
    predicted: NDArray[np.bool_]
    threshold: float
    reach: Reach | None = None
    own_threshold: float = 0.5
    is_admitted: bool = True

    @property
    def is_blind(self) -> bool:
        """Whether the parser cannot know: then its probabilities mean nothing, and are not drawn."""
        return self.reach is not None and not self.reach.is_known


@dataclass(frozen=True)
class Label:
    """A stretch of a lane of which the same is said. Its ends need not be those of segments."""

    onset: float
    offset: float
    state: State
    is_by_person: bool = False

    def is_within(self, onset: float, offset: float) -> bool:
        """Whether a part of it is between two times."""
        return self.onset < offset and self.offset > onset


@dataclass(frozen=True, eq=False)
class Lane:
    """One category in one modality: the label states (T,), the events behind them, and the tracks."""

    category: str
    modality: Modality
    states: NDArray[np.int8]
    events: tuple[Event, ...]
    tracks: tuple[LaneTrack, ...]

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Events where they really begin and end; then what is known of segments that no event touches."""
        said = [Label(event.onset, event.offset, event.state, bool(event.author)) for event in self.events]
        is_free = ~self._touched(self.events)
        implied = [
            Label(float(first), float(last), state)
            for state in (State.ABSENT, State.PRESENT)
            for first, last in runs((self.states == state.value_in_grid) & is_free)
        ]
        return (*said, *implied)

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        return np.asarray(self.states == PRESENT)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """What the newest parser predicts; nothing when there is none."""
        return self.tracks[0].predicted if self.tracks else np.zeros(len(self.states), dtype=bool)

    @cached_property
    def flags(self) -> NDArray[np.uint16]:
        """What is said of each segment (T,), in bits."""
        flags = np.where(self.present, IS_PRESENT, 0) | np.where(self.states == ABSENT, IS_ABSENT, 0)
        flags |= np.where(self._touched(said for said in self.events if said.author), IS_BY_PERSON, 0)
        for place, track in enumerate(self.tracks[:MOST_STACKED]):
            flags |= np.where(track.predicted, IS_PREDICTED << place, 0)
        return flags.astype(np.uint16)

    def _touched(self, events: Iterable[Event]) -> NDArray[np.bool_]:
        touched = np.zeros(len(self.states), dtype=bool)
        for said in events:
            touched[int(said.onset) : math.ceil(said.offset)] = True
        return touched


_TRACKS_CUT: WeakKeyDictionary[Track, dict[tuple[Modality, str, int], LaneTrack]] = WeakKeyDictionary()


def lane(content: TimelineContent, modality: Modality, category: str) -> Lane:
    """Cut one lane out of the content; the same lane again is not cut again."""
    key = modality, category
    if key not in content.lanes_cut:
        content.lanes_cut[key] = _cut(content, modality, category)
    return content.lanes_cut[key]


def _cut(content: TimelineContent, modality: Modality, category: str) -> Lane:
    return Lane(
        category=category,
        modality=modality,
        states=np.ascontiguousarray(content.states[modality.axis, :, content.columns[category]]),
        events=tuple(content.events_by_lane.get((modality, category), ())),
        tracks=tuple(_lane_track(track, modality, category, content) for track in content.tracks),
    )


def _lane_track(track: Track, modality: Modality, category: str, content: TimelineContent) -> LaneTrack:
    """Cut as long as the clip; of labels it tells nothing, hence other labels do not cut it again."""
    cuts = _TRACKS_CUT.setdefault(track, {})
    key = modality, category, content.segments
    if key not in cuts:
        cuts[key] = _cut_track(track, modality, category, content)
    return cuts[key]


def _cut_track(track: Track, modality: Modality, category: str, content: TimelineContent) -> LaneTrack:
    """A parse may be shorter or longer than the clip: what is missing is not a number, hence not drawn."""
    column, segments = content.columns[category], content.segments
    probabilities = np.full(segments, np.nan, dtype=np.float32)
    predicted = np.zeros(segments, dtype=bool)
    known = track.probabilities[modality.axis, :segments, column]
    probabilities[: len(known)] = known
    predicted[: len(known)] = track.predicted[modality.axis, :segments, column]
    threshold = track.rule.segment_threshold(modality.axis, column)
    own_threshold = track.own_rule.segment_threshold(modality.axis, column)
    is_admitted = bool(track.admitted[modality.axis, column])
    reach = track.reach.get((modality, category))
    if reach is not None and not reach.is_known:
        probabilities[:] = np.nan
    predicted &= np.isfinite(probabilities)
    return LaneTrack(track.parser, probabilities, predicted, threshold, reach, own_threshold, is_admitted)
