"""What the keys that change labels do: those of the armed category, at the playhead or in the selection."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from avvp_studio.domain.edit import Edit, difference
from avvp_studio.domain.reshape import copied, groups, merged, nearest, reshaped, split
from avvp_studio.ui.subject import Subject
from avvp_studio.ui.timeline.gestures.wishes import Reshape, Split
from trainer.labels import MODALITIES, Event, Modality

NO_LABEL = "The armed category has no label here: put the playhead on one"
NOTHING_TO_SPLIT = "Nothing to split: put the playhead inside a label, away from its ends"
NOTHING_TO_MERGE = "Nothing to merge: select labels that say the same, or go to one that another follows"
NOTHING_TO_COPY = "Nothing to copy: put the playhead on a label, or select some"
IS_INSIDE = "The label reaches here already: put the playhead where it should reach"
NO_ROOM = "The label cannot go farther that way"
FINE = 0.01
"""Seconds of a nudge in free mode."""
NEAR = 1.0
"""Seconds between the playhead and a label that a nudge still means."""

Span = tuple[float, float]


class Reshaping:
    """Splits, merges, stretches, nudges and copies; and does to labels what gestures asked for."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._workspace = subject.workspace
        self._nudged: tuple[float, frozenset[Event]] = (0.0, frozenset())

    def commands(self) -> dict[str, Callable[[], object]]:
        """What each action does, by the action's name."""
        return {
            "split": self.split,
            "merge": self.merge,
            "extend": self.extend,
            "onset_earlier": partial(self.nudge, onset=-1),
            "onset_later": partial(self.nudge, onset=1),
            "offset_earlier": partial(self.nudge, offset=-1),
            "offset_later": partial(self.nudge, offset=1),
            "label_earlier": partial(self.nudge, onset=-1, offset=-1),
            "label_later": partial(self.nudge, onset=1, offset=1),
            "copy_to_seen": partial(self.copy, Modality.AUDIO, Modality.VISUAL),
            "copy_to_heard": partial(self.copy, Modality.VISUAL, Modality.AUDIO),
        }

    def carry_out(self, wish: Reshape | Split) -> bool:
        """Do to a label what a gesture asked for."""
        if isinstance(wish, Split):
            return self._subject.apply(lambda: split(wish.event, wish.time))
        return self._subject.apply(
            lambda: reshaped(
                self._workspace.events,
                wish.event,
                wish.onset,
                wish.offset,
                author=self._workspace.author,
                modality=wish.modality,
                is_copy=wish.is_copy,
            )
        )

    def split(self) -> None:
        """At the playhead, or (usually) at the border of segments nearest to it."""
        subject = self._subject
        at = subject.now if subject.is_free else float(round(subject.now))
        found = [label for label in self._labels_near(0.0) if label.onset < at < label.offset]
        self._do([partial(split, label, at) for label in found], NOTHING_TO_SPLIT)

    def merge(self) -> None:
        """The labels in the selection that follow one another; without one, those here each with the next."""
        category = self._subject.armed()
        if category is None:
            return
        chosen = self._workspace.selection
        wanted = []
        for modality in MODALITIES:
            for group in groups(self._lane(category, modality)):
                if chosen is not None:
                    found = [label for label in group if label.onset < chosen[1] and label.offset > chosen[0]]
                else:
                    here = [i for i, label in enumerate(group) if _holds(label, self._subject.now)]
                    found = group[here[0] : here[0] + 2] if here else []
                if len(found) > 1:
                    wanted.append(partial(merged, found, author=self._workspace.author))
        self._do(wanted, NOTHING_TO_MERGE)

    def extend(self) -> None:
        """The nearest label reaches over the segment at the playhead; in free mode to the playhead itself."""
        subject = self._subject
        labels = self._labels_near(math.inf)
        first, last = (subject.now, subject.now) if subject.is_free else subject.segment
        spans = [(min(label.onset, first), max(label.offset, last)) for label in labels]
        if labels and spans == [(label.onset, label.offset) for label in labels]:
            subject.hinted.emit(IS_INSIDE)
        else:
            self._reshape(labels, spans)

    def nudge(self, onset: int = 0, offset: int = 0) -> None:
        """Move the ends of the label here by steps; the same label again until the playhead moves."""
        labels = self._labels_to_nudge()
        spans = [self._stepped(label, onset, offset) for label in labels]
        if any(not 0 <= first < last <= self._subject.segments for first, last in spans):
            self._subject.hinted.emit(NO_ROOM)
            return
        before = self._workspace.events
        if self._reshape(labels, spans):
            changed = {(label.modality, *span) for label, span in zip(labels, spans, strict=True)}
            _, come = difference(before, self._workspace.events)
            held = frozenset(e for e in come if (e.modality, e.onset, e.offset) in changed)
            self._nudged = (self._subject.now, held)

    def copy(self, source: Modality, target: Modality) -> None:
        """What is said of the armed category in one modality, in the selection or here, holds in the other."""
        category = self._subject.armed()
        if category is None:
            return
        lane, chosen = self._lane(category, source), self._workspace.selection
        if chosen is None:
            found = [label for label in lane if _holds(label, self._subject.now)]
        else:
            found = [part for label in lane if (part := _within(label, *chosen)) is not None]
        author, events = self._workspace.author, self._workspace.events
        makers = [partial(copied, events, found, target, author=author)] if found else []
        self._do(makers, NOTHING_TO_COPY)

    def _labels_near(self, distance: float) -> tuple[Event, ...]:
        """The labels of the armed category at the playhead, or nearest to it within a distance."""
        category, now = self._subject.armed(), self._subject.now
        if category is None:
            return ()
        found = nearest(self._workspace.events, category, now)
        near = tuple(e for e in found if _holds(e, now) or max(e.onset - now, now - e.offset) <= distance)
        if not near and distance > 0:
            self._subject.hinted.emit(NO_LABEL)
        return near

    def _labels_to_nudge(self) -> tuple[Event, ...]:
        position, held = self._nudged
        is_same = position == self._subject.now and held <= set(self._workspace.events)
        if held and is_same and all(label.category == self._workspace.armed for label in held):
            return tuple(sorted(held))
        return self._labels_near(NEAR)

    def _stepped(self, label: Event, onset: int, offset: int) -> Span:
        if onset and offset:
            first = self._step(label.onset, onset)
            return first, round(first + label.duration, 3)
        return self._step(label.onset, onset), self._step(label.offset, offset)

    def _step(self, time: float, by: int) -> float:
        """To the next border of segments that way, or a little farther."""
        if not by:
            return time
        if self._subject.is_free:
            return round(time + by * FINE, 3)
        return math.floor(time) + 1.0 if by > 0 else math.ceil(time) - 1.0

    def _reshape(self, labels: Sequence[Event], spans: Sequence[Span]) -> bool:
        events, author = self._workspace.events, self._workspace.author
        makers = [
            partial(reshaped, events, label, *span, author=author)
            for label, span in zip(labels, spans, strict=True)
        ]
        return bool(makers) and self._subject.apply(*makers)

    def _do(self, makers: Sequence[Callable[[], Edit]], otherwise: str) -> None:
        if makers:
            self._subject.apply(*makers)
        elif self._workspace.clip is not None and self._workspace.armed is not None:
            self._subject.hinted.emit(otherwise)

    def _lane(self, category: str, modality: Modality) -> list[Event]:
        events = self._workspace.events
        return [event for event in events if event.category == category and event.modality is modality]


def _holds(label: Event, time: float) -> bool:
    return label.onset <= time < label.offset


def _within(label: Event, onset: float, offset: float) -> Event | None:
    """The part of a label in a range."""
    first, last = max(label.onset, onset), min(label.offset, offset)
    if first >= last:
        return None
    return Event(label.modality, label.category, first, last, label.state, label.author)
