"""An edit: one undoable change to the events of a clip."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from trainer.labels import Event, Modality, State

_SENSES = {Modality.AUDIO: "heard", Modality.VISUAL: "seen"}


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
            raise EditError(f"the labels have changed since: {_describe(missing[0])} is no longer there")
        kept.difference_update(self.removed)
        for new in self.added:
            other = next((event for event in kept if overlap(event, new)), None)
            if other is not None:
                raise EditError(f"the labels have changed since: {_describe(other)} is in the way")
            kept.add(new)
        return tuple(sorted(kept))


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
    start, end = _ms(onset), _ms(offset)
    if not 0 <= start < end:
        raise EditError(f"a range needs 0 <= onset < offset, not {onset:g} and {offset:g}")
    text = _text(modality, category, start, end, state)
    lane = sorted(event for event in events if event.modality is modality and event.category == category)
    same = [event for event in lane if event.state is state and event.author == author]
    if _covered_ms(same, start, end) == end - start:
        return Edit((), (), text)
    absorbed, first, last = _absorb(same, start, end)
    cut = [event for event in lane if event not in absorbed and _covered_ms([event], start, end)]
    added = [piece for event in cut for piece in _outside(event, start, end)]
    if state is not State.UNSEEN:
        added.append(Event(modality, category, first / 1000, last / 1000, state, author))
    return Edit((*absorbed, *cut), tuple(sorted(added)), text)


def joined(edits: Sequence[Edit]) -> Edit:
    """Edits of different lanes as one, so that one undo takes them back; told by the first that does any."""
    wanted = [edit for edit in edits if not edit.is_empty] or list(edits[:1])
    if len(wanted) == 1:
        return wanted[0]
    removed = tuple(event for edit in wanted for event in edit.removed)
    added = tuple(event for edit in wanted for event in edit.added)
    return Edit(removed, added, f"{wanted[0].text} and {len(wanted) - 1} more")


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
    while touching := [event for event in rest if _ms(event.onset) <= end and start <= _ms(event.offset)]:
        absorbed += touching
        rest = [event for event in rest if event not in touching]
        start = min(start, *(_ms(event.onset) for event in touching))
        end = max(end, *(_ms(event.offset) for event in touching))
    return absorbed, start, end


def _outside(event: Event, start: int, end: int) -> list[Event]:
    """What is left of an event before and after the range."""
    pieces = []
    if _ms(event.onset) < start:
        pieces.append(replace(event, offset=start / 1000))
    if end < _ms(event.offset):
        pieces.append(replace(event, onset=end / 1000))
    return pieces


def _covered_ms(events: Iterable[Event], start: int, end: int) -> int:
    return sum(max(0, min(_ms(event.offset), end) - max(_ms(event.onset), start)) for event in events)


def _ms(seconds: float) -> int:
    """Drags give 1.9999999999999978: edits live on whole milliseconds."""
    return round(seconds * 1000)


def _text(modality: Modality, category: str, start: int, end: int, state: State) -> str:
    verb = "forget" if state is State.UNSEEN else "mark"
    sense = ("not " if state is State.ABSENT else "") + _SENSES[modality]
    name = category.replace("_", " ")
    return f"{verb} {name} {sense} {_seconds(start)}–{_seconds(end)} s"


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}".rstrip("0").rstrip(".")


def _describe(event: Event) -> str:
    return _text(event.modality, event.category, _ms(event.onset), _ms(event.offset), event.state).removeprefix(
        "mark "
    )
