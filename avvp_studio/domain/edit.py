"""An edit: one undoable change to the events of a clip."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from trainer.labels import Event, Modality, State, ordered

_MANY = 128

SENSES = {Modality.AUDIO: "heard", Modality.VISUAL: "seen"}


class EditError(ValueError):
    """An edit that does not fit the events it is applied to, and why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Events taken away and events put in their place.

    `text` starts in lower case, so that it reads well behind a verb: "Undo mark Dog heard 2–5 s".
    """

    removed: tuple[Event, ...]
    added: tuple[Event, ...]
    text: str

    @property
    def is_empty(self) -> bool:
        return not self.removed and not self.added

    def inverse(self) -> Edit:
        """The edit that takes this one back."""
        return Edit(self.added, self.removed, self.text)

    def applied_to(self, events: Iterable[Event]) -> tuple[Event, ...]:
        """The events after the edit, sorted.

        Raises EditError when the edit is stale: an event to remove is not there, or one to add is in the
        way of another.
        """
        kept = set(events)
        missing = [event for event in self.removed if event not in kept]
        if missing:
            raise EditError(f"the labels have changed since: {label_text(missing[0])} is no longer there")
        kept.difference_update(self.removed)
        after, new = ordered([*kept, *self.added]), set(self.added)
        for event, other in pairwise(after):
            if overlap(event, other) and not new.isdisjoint((event, other)):
                found = other if event in new else event
                raise EditError(f"the labels have changed since: {label_text(found)} is in the way")
        return after


def spliced(events: Sequence[Event], edit: Edit) -> tuple[Event, ...]:
    """The events after an edit that fits them, sorted as they were: nothing is looked at but its places.

    Raises EditError where an event to remove is not there.
    """
    after = list(events)
    for event in edit.removed:
        place = bisect_left(after, event)
        if place == len(after) or after[place] != event:
            raise EditError(f"the labels have changed since: {label_text(event)} is no longer there")
        del after[place]
    for event in edit.added:
        insort(after, event)
    return tuple(after)


def difference(before: Sequence[Event], after: Sequence[Event]) -> tuple[frozenset[Event], frozenset[Event]]:
    """The events that have gone, and those that have come. Quick where the others are the same objects."""
    first = _alike(before, after)
    last = _alike(before[:first:-1], after[:first:-1])
    olds, news = (events[first : len(events) - last] for events in (before, after))
    old_ids, new_ids = set(map(id, olds)), set(map(id, news))
    gone = frozenset(event for event in olds if id(event) not in new_ids)
    come = frozenset(event for event in news if id(event) not in old_ids)
    return gone - come, come - gone


def _alike(one: Sequence[Event], other: Sequence[Event]) -> int:
    """With how many the two begin alike, or a few less: they are compared many at a time."""
    place = 0
    while place < min(len(one), len(other)) and one[place : place + _MANY] == other[place : place + _MANY]:
        place += _MANY
    return min(place, len(one), len(other))


def mark(
    events: Iterable[Event],
    *,
    modality: Modality,
    category: str,
    onset: float,
    offset: float,
    state: State,
    author: str,
) -> Edit:
    """The edit by which `author` says that a category has `state` from onset to offset; UNSEEN clears.

    What is cut keeps its author. Where others said the same, the range becomes `author`'s word; where
    `author` did, nothing changes. Touching events of one state and author become one.
    """
    start, end = to_ms(onset), to_ms(offset)
    if not 0 <= start < end:
        raise EditError(f"a range needs 0 <= onset < offset, not {onset:g} and {offset:g}")
    text = mark_text((modality,), category, onset, offset, state)
    lane = sorted(event for event in events if event.modality is modality and event.category == category)
    same = [event for event in lane if event.state is state and event.author == author]
    if covered_ms(same, start, end) == end - start:
        return Edit((), (), text)
    absorbed, first, last = _absorb(same, start, end)
    cut = [event for event in lane if event not in absorbed and covered_ms([event], start, end)]
    added = [piece for event in cut for piece in outside(event, start, end)]
    if state is not State.UNSEEN:
        added.append(Event(modality, category, first / 1000, last / 1000, state, author))
    return Edit((*absorbed, *cut), tuple(sorted(added)), text)


def joined(edits: Sequence[Edit], text: str = "") -> Edit:
    """Edits of different lanes as one, so that one undo takes them back.

    Where several do anything it is told by `text`; without one, by the first of them.
    """
    wanted = [edit for edit in edits if not edit.is_empty] or list(edits[:1])
    if len(wanted) == 1:
        return wanted[0]
    removed = tuple(event for edit in wanted for event in edit.removed)
    added = tuple(event for edit in wanted for event in edit.added)
    return Edit(removed, added, text or f"{wanted[0].text} and {len(wanted) - 1} more")


def without_overlaps(events: Iterable[Event]) -> tuple[Event, ...]:
    """The same statements such that no two of one modality and category overlap: the later one holds.

    Files may contradict or repeat themselves; a project never does. Events that do not overlap stay as
    they are, also when they touch.
    """
    lanes: dict[tuple[Modality, str], list[Event]] = {}
    for event in events:
        lane = lanes.setdefault((event.modality, event.category), [])
        if any(overlap(event, other) for other in lane):
            lane[:] = _marked(lane, event)
        else:
            lane.append(event)
    return tuple(sorted(event for lane in lanes.values() for event in lane))


def overlap(a: Event, b: Event) -> bool:
    """Whether two events of one modality and category share time."""
    return a.onset < b.offset and b.onset < a.offset and a.category == b.category and a.modality is b.modality


def _marked(lane: Collection[Event], event: Event) -> tuple[Event, ...]:
    return mark(
        lane,
        modality=event.modality,
        category=event.category,
        onset=event.onset,
        offset=event.offset,
        state=event.state,
        author=event.author,
    ).applied_to(lane)


def _absorb(same: list[Event], start: int, end: int) -> tuple[list[Event], int, int]:
    """The events that touch the range, or one another from there on, and the range grown over them."""
    absorbed: list[Event] = []
    rest = same
    while touching := [event for event in rest if to_ms(event.onset) <= end and start <= to_ms(event.offset)]:
        absorbed += touching
        rest = [event for event in rest if event not in touching]
        start = min(start, *(to_ms(event.onset) for event in touching))
        end = max(end, *(to_ms(event.offset) for event in touching))
    return absorbed, start, end


def outside(event: Event, start: int, end: int) -> list[Event]:
    """What is left of an event before and after the range."""
    pieces = []
    if to_ms(event.onset) < start:
        pieces.append(replace(event, offset=start / 1000))
    if end < to_ms(event.offset):
        pieces.append(replace(event, onset=end / 1000))
    return pieces


def covered_ms(events: Iterable[Event], start: int, end: int) -> int:
    return sum(max(0, min(to_ms(event.offset), end) - max(to_ms(event.onset), start)) for event in events)


def to_ms(seconds: float) -> int:
    """Drags give 1.9999999999999978: edits live on whole milliseconds."""
    return round(seconds * 1000)


def mark_text(modalities: Sequence[Modality], category: str, onset: float, offset: float, state: State) -> str:
    """What a mark does, in words: "mark Dog heard and seen 2–5 s"."""
    verb = "forget" if state is State.UNSEEN else "mark"
    first, *others = modalities
    name = " and ".join([name_of(first, category, state), *(_sense(other, state) for other in others)])
    return f"{verb} {name} {span_of(to_ms(onset), to_ms(offset))}"


def label_text(event: Event) -> str:
    """A label in words: "Dog not heard 2–5 s"."""
    name = name_of(event.modality, event.category, event.state)
    return f"{name} {span_of(to_ms(event.onset), to_ms(event.offset))}"


def name_of(modality: Modality, category: str, state: State) -> str:
    """What is said, without when: "Dog not heard"."""
    return f"{category.replace('_', ' ')} {_sense(modality, state)}"


def _sense(modality: Modality, state: State) -> str:
    return ("not " if state is State.ABSENT else "") + SENSES[modality]


def span_of(start: int, end: int) -> str:
    """A range of milliseconds in words: "2–5.25 s"."""
    return f"{_seconds(start)}–{_seconds(end)} s"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}".rstrip("0").rstrip(".")
