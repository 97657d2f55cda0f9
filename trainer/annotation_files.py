"""Between rows of annotation files and values: every oddity survived and told, every mistake refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from trainer.labels import Event, Modality, State
from trainer.tables import (
    AnnotationError,
    Finding,
    Problems,
    Row,
    format_time,
    read_lines,
    read_table,
    table_text,
    to_seconds,
    unknown_category,
)

WEAK_COLUMNS = ("filename", "event_labels")
DENSE_COLUMNS = ("filename", "onset", "offset", "event_labels")
REVIEWED_COLUMNS = ("filename", "modality", "category", "onset", "offset", "state")
CLIPS_COLUMNS = ("filename", "duration", "complete")
SPLITS = ("train", "val", "test")
SCORED_SPLITS = ("val", "test")
IMPORTED = "imported"
"""The author of reviewed events that come from a file: who made them is not written there."""


class LlpName(NamedTuple):
    """What an LLP clip name says: the YouTube id (11 characters) and where in that video the clip lies."""

    youtube_id: str
    start: float
    end: float


_LLP_NAME = re.compile(r"([A-Za-z0-9_-]{11})_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)", re.ASCII)


def parse_llp_name(name: str) -> LlpName | None:
    """The parts of `<11 characters>_<start>_<end>` (times may be decimal), or None for any other name."""
    match = _LLP_NAME.fullmatch(name)
    if match is None:
        return None
    start, end = to_seconds(float(match[2])), to_seconds(float(match[3]))
    return None if start is None or end is None or start >= end else LlpName(match[1], start, end)


def feature_key(name: str) -> str:
    """The stem of a clip's feature files: the YouTube id of an LLP name, else the name itself."""
    parsed = parse_llp_name(name)
    return name if parsed is None else parsed.youtube_id


def merged(events: Iterable[Event]) -> tuple[Event, ...]:
    """Present events, with those of one modality and category that overlap or touch made one."""
    joined: list[Event] = []
    for event in sorted(events):
        last = joined[-1] if joined else None
        same = last is not None and (last.modality, last.category) == (event.modality, event.category)
        if last is not None and same and event.onset <= last.offset:
            joined[-1] = replace(last, offset=max(last.offset, event.offset))
        else:
            joined.append(event)
    return tuple(joined)


def read_categories(path: Path) -> tuple[str, ...]:
    """The categories of a vocabulary file, one a line, in index order."""
    lines = [(number, line.strip()) for number, line in read_lines(path)]
    problems, seen = Problems(path), dict[str, int]()
    for number, name in lines:
        if "," in name or "\t" in name:
            problems.add(number, f"{name!r} holds a comma or a tab; write one category a line, without them")
        if name in seen:
            problems.add(number, f"{name!r} is already in row {seen[name]}; write each category once")
        seen.setdefault(name, number)
    problems.raise_if_any()
    if not lines:
        raise AnnotationError(f"{path}: the file is empty; write one category a line, in index order")
    return tuple(seen)


@dataclass
class AnnotationReader:
    """Reads the files of one dataset one after another, and remembers what it met."""

    categories: tuple[str, ...]
    known: Mapping[str, tuple[str, ...]]
    splits: dict[str, dict[str, frozenset[str]]] = field(
        default_factory=lambda: {split: {} for split in SPLITS}
    )
    places: dict[str, tuple[str, Finding]] = field(default_factory=dict)
    """For each clip its split and where it was listed."""
    truth: dict[str, list[Event]] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    """The categories that dense rows name for a clip, be their ranges empty or not."""
    reviewed: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)
    """Clips whose dense truth is said not to be complete."""
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names = {name for names in self.known.values() for name in names}

    def clips_of(self, split: str) -> dict[str, None]:
        return dict.fromkeys((*self.splits[split], *self.known.get(split, ())))

    def read_split(self, path: Path, split: str) -> None:
        """Clips of a split with their video-level labels. This and the next may raise AnnotationError."""
        problems = Problems(path)
        for row in read_table(path, WEAK_COLUMNS):
            name, text = row.cells
            labels = [label.strip() for label in text.split(",") if label.strip()]
            for label in labels:
                if label not in self.categories:
                    problems.add(row, unknown_category(label, self.categories))
            if len(set(labels)) < len(labels):
                self._find(path, row, "a video-level label is repeated, counted once", f"{name} {text}")
            if problem := self._add_clip(path, row, split, name, frozenset(labels)):
                problems.add(row, problem)
        problems.raise_if_any()

    def _add_clip(
        self, path: Path, row: Row | None, split: str, name: str, labels: frozenset[str]
    ) -> str | None:
        """List a clip, or say why it cannot be."""
        if not name.strip():
            return "the filename is missing; write the name of a clip"
        if name not in self.places:
            self.places[name] = (split, Finding(path.name, None if row is None else row.number, ""))
            self.splits[split][name] = labels
            self._names.add(name)
        elif self.places[name][0] == split and self.splits[split][name] == labels:
            self._find(path, row, "a clip is listed again, counted once", name)
        else:
            other, place = self.places[name]
            again = f"in the {other} split" if other != split else "with other labels"
            return f"{name} is already {again} ({place.place}); remove one of the two"
        return None

    def add_video(self, path: Path, split: str, name: str, labels: frozenset[str], duration: float) -> None:
        """A clip of a file that has no rows, whose dense truth names just its labels. See `add_dense`."""
        if problem := self._add_clip(path, None, split, name, labels):
            raise AnnotationError(f"{path}: {problem}")
        self.durations[name] = duration
        self.named.setdefault(name, set()).update(labels)

    def read_dense(self, path: Path, *modalities: Modality) -> None:
        """Dense truth, each row in these modalities, for clips of which no earlier file told it."""
        problems, seen, events = Problems(path), set[tuple[str, ...]](), dict[str, list[Event]]()
        rows = read_table(path, DENSE_COLUMNS)
        for row in rows:
            name, onset, offset, category = row.cells
            event = self._event(path, row, problems, modalities[0], (category, onset, offset))
            if not self._is_clip(path, row):
                continue
            self.named.setdefault(name, set()).add(category)
            if event is None:
                continue
            if row.cells in seen:
                self._find(path, row, "the same row again, counted once", " ".join(row.cells))
            else:
                events.setdefault(name, []).append(event)
            seen.add(row.cells)
        problems.raise_if_any()
        if rows and not any(row.cells[0] in self._names for row in rows):
            raise AnnotationError(
                f"{path}: none of its {len(rows)} rows belongs to a clip of the splits "
                f"(the first: {rows[0].cells[0]!r}); the filenames must be those of the split files"
            )
        self.add_dense(path, events, *modalities)

    def add_dense(self, path: Path, events: Mapping[str, Sequence[Event]], *modalities: Modality) -> None:
        """Dense truth by clip, given in the first of these modalities, where no earlier file told it."""
        covered = {
            name for name, found in self.truth.items() if any(e.modality is modalities[0] for e in found)
        }
        for name, found in events.items():
            if found and name not in covered:
                self._report_joined(path, name, found)
                joined = merged(found)
                self.truth.setdefault(name, []).extend(
                    Event(modality, event.category, event.onset, event.offset)
                    for modality in modalities
                    for event in joined
                )

    def _report_joined(self, path: Path, name: str, events: Sequence[Event]) -> None:
        for one, two in pairwise(sorted(events)):
            if one.category == two.category and two.onset <= one.offset:
                how = "overlap" if two.onset < one.offset else "touch"
                text = f"rows of one category {how}, counted as one event"
                self._find(path, None, text, f"{name} {one.category} {_span(one)} and {_span(two)}")

    def read_reviewed(self, path: Path) -> None:
        """What a person checked, present and absent."""
        problems, found = Problems(path), dict[str, list[tuple[Event, Row]]]()
        for row in read_table(path, REVIEWED_COLUMNS):
            name, modality, *said, state = row.cells
            if modality not in tuple(Modality):
                problems.add(row, f"modality {modality!r} is not known; write audio or visual")
            elif state not in (State.PRESENT, State.ABSENT):
                problems.add(row, f"state {state!r} is not known; write present or absent")
            else:
                event = self._event(path, row, problems, Modality(modality), said)
                if self._is_clip(path, row) and event is not None:
                    event = replace(event, state=State(state), author=IMPORTED)
                    found.setdefault(name, []).append((event, row))
        for name, events in found.items():
            self.reviewed[name] = self._without_overlaps(path, name, events, problems)
        problems.raise_if_any()

    def _without_overlaps(
        self, path: Path, name: str, events: Sequence[tuple[Event, Row]], problems: Problems
    ) -> tuple[Event, ...]:
        """Overlapping events of one state joined, in order; touching ones stay as they were drawn."""
        kept: list[tuple[Event, Row]] = []
        for event, row in sorted(events, key=lambda pair: (pair[0], pair[1].number)):
            last, last_row = kept[-1] if kept else (None, row)
            place = (event.modality, event.category)
            if last is None or (last.modality, last.category) != place or last.offset <= event.onset:
                kept.append((event, row))
            elif last.state is event.state:
                kept[-1] = (replace(last, offset=max(last.offset, event.offset)), last_row)
                self._find(path, row, "rows of one category and state overlap, counted as one", name)
            else:
                said = f"{name} {event.category} is both present and absent from {format_time(event.onset)} s"
                problems.add(row, f"{said} (see row {last_row.number}); correct one of the two rows")
        return tuple(event for event, _ in kept)

    def read_clips(self, path: Path) -> None:
        """Durations in seconds, and of which clips the dense truth is not complete."""
        problems = Problems(path)
        for row in read_table(path, CLIPS_COLUMNS):
            name, duration, complete = row.cells
            seconds = _seconds(duration) if duration else None
            if duration and not seconds:
                problems.add(row, f"duration {duration!r} is not a time; write seconds, more than 0")
            elif complete not in ("yes", "no"):
                problems.add(row, f"complete is {complete!r}; write yes or no")
            elif self._is_clip(path, row):
                self.incomplete |= {name} if complete == "no" else set()
                self.durations |= {name: seconds} if seconds else {}
        problems.raise_if_any()

    def odd_clips(self) -> Iterator[Finding]:
        """What is odd about the names and labels of the clips."""
        keys: dict[str, str] = {}
        for name, (split, place) in self.places.items():
            texts = []
            if name.startswith("-"):
                texts.append("a clip name begins with '-': on a command line, write --clips=NAME")
            parsed = parse_llp_name(name)
            if parsed is not None and not (parsed.start.is_integer() and parsed.end.is_integer()):
                texts.append("a clip name has decimal times")
            if keys.setdefault(feature_key(name), name) != name:
                texts.append(
                    "a clip has the YouTube id of another clip, so that both would use one feature file"
                )
            if not self.splits[split][name]:
                texts.append("a clip has no video-level label")
            yield from (replace(place, text=text, detail=name) for text in texts)

    def odd_truth(
        self, complete: frozenset[str], told: Sequence[tuple[Modality, str, Path]]
    ) -> Iterator[Finding]:
        """What is odd about complete dense truth; `told` says what tells it, as (AUDIO, "heard", path) does."""
        if len(told) == 1:
            text = "dense truth of what is heard and seen at once is in both modalities, and scored as AV only"
            yield Finding(told[0][2].name, None, text)
        for split in SCORED_SPLITS:
            labels = self.splits[split]
            names = [name for name in labels if name in complete]
            for modality, verb, path in told:
                for name in names:
                    if not any(event.modality is modality for event in self.truth.get(name, ())):
                        yield Finding(
                            path.name, None, f"a {split} clip has no event: nothing is {verb} in it", name
                        )
            odd = [name for name in names if labels[name] != self.named.get(name, set())]
            if odd:
                text = "video-level labels that are not the union of the dense labels, both kept as they are"
                detail = f"{len(odd)} of {len(names)} clips, the first {odd[0]}"
                yield Finding(self.places[odd[0]][1].file, None, text, detail)

    def _event(
        self, path: Path, row: Row, problems: Problems, modality: Modality, said: Sequence[str]
    ) -> Event | None:
        """The event of a row that says (category, onset, offset); None, and a problem or finding, if none."""
        category, onset, offset = said
        if category not in self.categories:
            problems.add(row, unknown_category(category, self.categories))
            return None
        first, last = _seconds(onset), _seconds(offset)
        if first is None or last is None:
            column, text = ("onset", onset) if first is None else ("offset", offset)
            problems.add(
                row, f"{column} {text!r} is not a time; write seconds from the clip's start, 0 or more"
            )
            return None
        if first >= last:
            kind = "an empty range" if first == last else "an inverted range"
            self._find(path, row, f"{kind}, left out", f"{row.cells[0]} {category} {onset}-{offset}")
            return None
        return Event(modality, category, first, last)

    def _is_clip(self, path: Path, row: Row) -> bool:
        name = row.cells[0]
        if name in self._names:
            return True
        if name.rstrip("`'\" ") in self._names:
            text = "a filename ends in a stray character and so belongs to no clip, left out as by LLP's tools"
        else:
            text = "a filename belongs to no clip of the splits, left out"
        self._find(path, row, text, name)
        return False

    def _find(self, path: Path, row: Row | None, text: str, detail: str) -> None:
        self.findings.append(Finding(path.name, None if row is None else row.number, text, detail))


def _seconds(text: str) -> float | None:
    try:
        return to_seconds(float(text))
    except ValueError:
        return None


def _span(event: Event) -> str:
    return f"{format_time(event.onset)}-{format_time(event.offset)}"


def weak_text(clips: Mapping[str, Iterable[str]], categories: Sequence[str]) -> str:
    """A split file: the video-level labels of clips, in index order."""
    index = {category: i for i, category in enumerate(categories)}
    rows = ((name, ",".join(sorted(labels, key=index.__getitem__))) for name, labels in clips.items())
    return table_text(WEAK_COLUMNS, rows)


def dense_text(events: Iterable[tuple[str, Event]], modality: Modality) -> str:
    """A file of dense truth: the events of one modality, each with the name of its clip."""
    rows = ((name, *_times(event), event.category) for name, event in events if event.modality is modality)
    return table_text(DENSE_COLUMNS, rows)


def reviewed_text(events: Iterable[tuple[str, Event]]) -> str:
    """The file of what a person checked: events, each with the name of its clip."""
    rows = ((name, e.modality, e.category, *_times(e), e.state) for name, e in events)
    return table_text(REVIEWED_COLUMNS, rows)


def _times(event: Event) -> tuple[str, str]:
    return format_time(event.onset), format_time(event.offset)
