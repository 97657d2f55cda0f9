"""Edits that say something where nobody has said anything yet. They take back no label, whoever made it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from avvp_studio.domain.edit import Edit, to_ms
from avvp_studio.domain.tracks import Track
from trainer.labels import Event, Modality, State, runs


@dataclass(frozen=True, slots=True)
class Span:
    """A range of one lane, in seconds."""

    modality: Modality
    category: str
    onset: float
    offset: float

    def within(self, onset: float, offset: float) -> Span:
        """The part of it in a range; one that has none is as long as nothing."""
        first, last = max(self.onset, onset), min(self.offset, offset)
        return replace(self, onset=first, offset=max(first, last))


def filled(events: Iterable[Event], spans: Iterable[Span], state: State, *, author: str, text: str) -> Edit:
    """`author` says the same of all that no label covers in some spans. Labels that would touch become one."""
    lanes: dict[tuple[Modality, str], list[Event]] = defaultdict(list)
    for event in events:
        lanes[event.modality, event.category].append(event)
    wanted: dict[tuple[Modality, str], list[tuple[int, int]]] = defaultdict(list)
    for span in spans:
        wanted[span.modality, span.category].append((to_ms(span.onset), to_ms(span.offset)))
    removed: list[Event] = []
    added: list[Event] = []
    for (modality, category), ranges in wanted.items():
        lane = sorted(lanes[modality, category], key=lambda event: event.onset)
        gaps = uncovered(lane, ranges)
        new = [Event(modality, category, first / 1000, last / 1000, state, author) for first, last in gaps]
        taken, joined = _joined(lane, new)
        removed += taken
        added += joined
    return Edit(tuple(sorted(removed)), tuple(sorted(added)), text)


def predicted_spans(
    track: Track, categories: Sequence[str], chosen: Iterable[str], modalities: Iterable[Modality]
) -> list[Span]:
    """What a parser predicts of the chosen categories; nothing where it says itself that it cannot know."""
    columns = {category: column for column, category in enumerate(categories)}
    found = []
    for modality in modalities:
        for category in chosen:
            reach = track.reach.get((modality, category))
            if reach is not None and not reach.is_known:
                continue
            cells = track.predicted[modality.axis, :, columns[category]]
            known = np.isfinite(track.probabilities[modality.axis, :, columns[category]])
            found += [Span(modality, category, float(a), float(b)) for a, b in runs(cells & known)]
    return found


def uncovered(lane: Sequence[Event], ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of some ranges (ms) no label of an ordered lane covers. Of both there may be thousands."""
    gaps, place, done = [], 0, 0
    for onset, end in sorted(ranges):
        start, done = max(onset, done), max(end, done)
        while place < len(lane) and to_ms(lane[place].offset) <= start:
            place += 1
        for index in range(place, len(lane)):
            first = to_ms(lane[index].onset)
            if first >= end:
                break
            if start < first:
                gaps.append((start, first))
            start = max(start, to_ms(lane[index].offset))
        if start < end:
            gaps.append((start, end))
    return gaps


def _joined(lane: Iterable[Event], new: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """The labels of a lane that new ones go on from, said by the same author; and the new ones with them."""
    fresh = set(new)
    chains: list[list[Event]] = []
    for label in sorted([*lane, *fresh], key=lambda label: label.onset):
        if chains and _goes_on(chains[-1][-1], label):
            chains[-1].append(label)
        else:
            chains.append([label])
    grown = [chain for chain in chains if not fresh.isdisjoint(chain)]
    taken = [label for chain in grown for label in chain if label not in fresh]
    return taken, [replace(chain[0], offset=chain[-1].offset) for chain in grown]


def _goes_on(label: Event, other: Event) -> bool:
    is_same = (label.state, label.author) == (other.state, other.author)
    return is_same and to_ms(label.offset) == to_ms(other.onset)
