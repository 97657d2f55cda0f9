"""Edits that change labels as they stand: elsewhere, longer or shorter, in two, or as one.

Who reshapes a label says what it says then. What is cut on the way keeps its author.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from avvp_studio.domain.edit import (
    SENSES,
    Edit,
    EditError,
    covered_ms,
    label_text,
    name_of,
    outside,
    span_of,
    to_ms,
)
from avvp_studio.domain.fill import uncovered
from trainer.labels import Event, Modality


def reshaped(
    events: Iterable[Event],
    event: Event,
    onset: float,
    offset: float,
    *,
    author: str,
    modality: Modality | None = None,
    is_copy: bool = False,
) -> Edit:
    """A label holds from another onset to another offset, in another modality if one is given.

    With `is_copy` it stays as well. What lies in the way is cut; what is only touched stays apart.
    """
    start, end = to_ms(onset), to_ms(offset)
    if not 0 <= start < end:
        raise EditError(f"a range needs 0 <= onset < offset, not {onset:g} and {offset:g}")
    new = replace(
        event,
        modality=modality or event.modality,
        onset=start / 1000,
        offset=end / 1000,
        author=author,
    )
    text = _reshape_text(event, new, is_copy=is_copy)
    if replace(new, author=event.author) == event:
        return Edit((), (), text)
    lane = [other for other in _lane(events, new) if is_copy or other != event]
    cut = [other for other in lane if covered_ms([other], start, end)]
    pieces = [piece for other in cut for piece in outside(other, start, end)]
    removed = cut if is_copy else [event, *cut]
    return Edit(tuple(sorted(removed)), tuple(sorted([*pieces, new])), text)


def split(event: Event, time: float) -> Edit:
    """A label becomes two that touch at a time. Nothing new is said: both keep the author."""
    at = to_ms(time)
    if not to_ms(event.onset) < at < to_ms(event.offset):
        raise EditError(f"{label_text(event)} does not go on through {time:g} s")
    halves = replace(event, offset=at / 1000), replace(event, onset=at / 1000)
    return Edit((event,), halves, f"split {label_text(event)} at {at / 1000:g} s")


def merged(labels: Collection[Event], *, author: str) -> Edit:
    """Labels that follow one another in a lane and say the same become one, over the gaps between them."""
    ordered = sorted(labels, key=lambda label: label.onset)
    if len({(label.modality, label.category, label.state) for label in ordered}) != 1:
        raise EditError("only labels that say the same of one category can become one")
    first, last = ordered[0], ordered[-1]
    name = name_of(first.modality, first.category, first.state)
    span = span_of(to_ms(first.onset), to_ms(last.offset))
    text = f"merge {len(ordered)} labels of {name} to {span}"
    if len(ordered) == 1:
        return Edit((), (), text)
    return Edit(tuple(sorted(ordered)), (replace(first, offset=last.offset, author=author),), text)


def copied(events: Iterable[Event], labels: Collection[Event], modality: Modality, *, author: str) -> Edit:
    """What labels of one lane say holds in another modality too. What lies in the way is cut."""
    ordered = sorted(labels, key=lambda label: label.onset)
    new = [replace(label, modality=modality, author=author) for label in ordered]
    first, last = to_ms(ordered[0].onset), to_ms(ordered[-1].offset)
    cut = [other for other in _lane(events, new[0]) if covered_ms([other], first, last)]
    pieces = [
        replace(other, onset=start / 1000, offset=end / 1000)
        for other in cut
        for start, end in uncovered(ordered, [(to_ms(other.onset), to_ms(other.offset))])
    ]
    before, after = set(cut), {*pieces, *new}
    name = label_text(ordered[0]) if len(ordered) == 1 else f"{len(ordered)} labels"
    text = f"copy {name} to {SENSES[modality]}"
    return Edit(tuple(sorted(before - after)), tuple(sorted(after - before)), text)


def groups(lane: Iterable[Event]) -> list[list[Event]]:
    """The labels of one lane in order, those together that follow one another and say the same."""
    found: list[list[Event]] = []
    for label in sorted(lane, key=lambda label: label.onset):
        if found and found[-1][-1].state is label.state:
            found[-1].append(label)
        else:
            found.append([label])
    return found


def nearest(events: Iterable[Event], category: str, time: float) -> tuple[Event, ...]:
    """The labels of a category at a time; where there are none, those that end or begin nearest to it.

    There may be two, one in each modality.
    """
    labels = [event for event in events if event.category == category]
    at_time = tuple(event for event in labels if event.onset <= time < event.offset)
    if at_time or not labels:
        return at_time
    distances = [to_ms(max(event.onset - time, time - event.offset)) for event in labels]
    found = [event for event, far in zip(labels, distances, strict=True) if far == min(distances)]
    return tuple(sorted({event.modality: event for event in reversed(found)}.values()))


def _lane(events: Iterable[Event], like: Event) -> list[Event]:
    return [event for event in events if event.modality is like.modality and event.category == like.category]


def _reshape_text(event: Event, new: Event, *, is_copy: bool) -> str:
    if is_copy:
        verb = "copy"
    elif to_ms(event.duration) == to_ms(new.duration):
        verb = "move"
    else:
        verb = "change"
    whereto = span_of(to_ms(new.onset), to_ms(new.offset))
    if new.modality is not event.modality:
        whereto = label_text(new)
    return f"{verb} {label_text(event)} to {whereto}"
