"""Between rows and domain values: the only place that knows how a value is written down."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.store.errors import StoreError
from trainer.labels import ABSENT, MODALITIES, Event, Modality, State

_STATES = (State.ABSENT, State.PRESENT)
assert ABSENT == 0  # a state's number in a row is its place here, and its value in a grid


class EditStatus(StrEnum):
    """Whether an edit holds, can be redone, or was overtaken by another after it was undone."""

    DONE = "done"
    UNDONE = "undone"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One edit in the history of a clip: who made it, when (UTC), and what has become of it."""

    number: int
    person: str
    at: datetime
    edit: Edit
    status: EditStatus


def now() -> datetime:
    """The time in UTC as rows hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)


@dataclass(frozen=True)
class Rows:
    """Writes and reads the values of one project: its folder, and its categories in index order."""

    root: Path
    categories: tuple[str, ...]

    def category_id(self, clip: str, category: str) -> int:
        """The category's index. Raises StoreError, which names the clip, when there is no such category."""
        try:
            return self._category_ids[category]
        except KeyError:
            raise StoreError(f"{clip}: {category!r} is not a category of this project") from None

    @cached_property
    def _category_ids(self) -> Mapping[str, int]:
        return {category: i for i, category in enumerate(self.categories)}

    def media_text(self, media: Path | None) -> str | None:
        """Relative for a file inside the project folder or beside it, so that both can move together."""
        if media is None:
            return None
        absolute = Path(os.path.abspath(media))
        if not absolute.is_relative_to(self.root.parent):
            return str(absolute)
        return Path(os.path.relpath(absolute, self.root)).as_posix()

    def media_path(self, text: str | None) -> Path | None:
        return None if text is None else Path(os.path.normpath(os.path.join(self.root, text)))

    def clip_columns(self, clip: Clip) -> dict[str, Any]:
        return {
            "name": clip.name,
            "split": clip.split,
            "media": self.media_text(clip.media),
            "duration_ms": to_ms(clip.duration),
            "segments": clip.segments,
            "is_complete": clip.is_complete,
        }

    def clip(
        self,
        name: str,
        split: str,
        media: str | None,
        duration_ms: int,
        segments: int,
        is_complete: bool,
        labels: str | None,
    ) -> Clip:
        """`labels` are category ids with commas between them, as SQL's group_concat gives them."""
        names = frozenset(self.categories[int(i)] for i in labels.split(",")) if labels else frozenset()
        return Clip(name, split, self.media_path(media), duration_ms / 1000, segments, names, bool(is_complete))

    def check_events(self, clip: str, events: Iterable[Event]) -> None:
        """Raise StoreError, which names the clip, for an event that cannot be written down."""
        for event in events:
            self.category_id(clip, event.category)
            if to_ms(event.onset) >= to_ms(event.offset):
                raise StoreError(
                    f"{clip}: an event at {event.onset:g} s lasts less than a millisecond; remove it"
                )

    def event_columns(self, clip_id: int, events: Iterable[Event]) -> list[dict[str, Any]]:
        return [
            {
                "clip_id": clip_id,
                "modality": event.modality.axis,
                "category_id": self._category_ids[event.category],
                "onset_ms": to_ms(event.onset),
                "offset_ms": to_ms(event.offset),
                "state": event.state.value_in_grid,
                "author": event.author,
            }
            for event in events
        ]

    def event(
        self, modality: int, category_id: int, onset_ms: int, offset_ms: int, state: int, author: str
    ) -> Event:
        category = self.categories[category_id]
        return Event(MODALITIES[modality], category, onset_ms / 1000, offset_ms / 1000, _STATES[state], author)


def events_to_json(events: Iterable[Event]) -> list[Any]:
    """Readable by a person who opens the database with another tool: names, not numbers."""
    return [
        [event.modality, event.category, to_ms(event.onset), to_ms(event.offset), event.state, event.author]
        for event in events
    ]


def events_from_json(rows: Sequence[Sequence[Any]]) -> tuple[Event, ...]:
    return tuple(
        Event(Modality(modality), category, onset_ms / 1000, offset_ms / 1000, State(state), author)
        for modality, category, onset_ms, offset_ms, state, author in rows
    )
