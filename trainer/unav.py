"""UnAV-100's own annotation file: when something is heard and seen at once, in videos of many lengths.

Source of the format: UnAV-100 (Geng et al., CVPR 2023).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from trainer.labels import Event, Modality
from trainer.tables import AnnotationError, Finding, format_time, read_json, to_seconds

UNAV_FILE = "unav100_annotations.json"
_SPLITS = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class Video:
    """One video, its duration in seconds, and its events: given as audio, and just as visual."""

    name: str
    split: str
    duration: float
    events: tuple[Event, ...]

    @property
    def labels(self) -> frozenset[str]:
        """The categories that it holds: its video-level labels."""
        return frozenset(event.category for event in self.events)


@dataclass(frozen=True)
class UnavFile:
    """What the file says: categories by their label_id, videos in file order, and what was odd."""

    categories: tuple[str, ...]
    videos: tuple[Video, ...]
    findings: tuple[Finding, ...]


def read_unav(path: Path) -> UnavFile:
    """Read the file whole, or raise AnnotationError, which names the video and the field."""
    database = read_json(path).get("database")
    if not isinstance(database, dict) or not database:
        raise AnnotationError(f"{path}: there is no object 'database' of videos in it; {_ASK}")
    reader = _Reader(path)
    videos = tuple(reader.video(name, said) for name, said in database.items())
    categories = tuple(reader.labels[number] for number in sorted(reader.labels))
    if categories and len(categories) <= max(reader.labels):
        text = "label ids that no video has are left out, which shifts the indices after them"
        reader.findings.append(Finding(path.name, None, text, f"{len(categories)} ids are there"))
    return UnavFile(categories, videos, tuple(reader.findings))


_ASK = "give UnAV-100's annotations as they were published, or correct this"


class _Reader:
    """Reads the videos of one file, and remembers the labels that it met and what was odd."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ids: dict[str, int] = {}
        self.labels: dict[int, str] = {}
        self.findings: list[Finding] = []

    def video(self, name: str, said: Any) -> Video:
        if not isinstance(said, dict):
            raise self._error(name, f"{shortened(said)} is not an object with duration, subset, annotations")
        split = _SPLITS.get(str(said.get("subset")))
        if split is None:
            raise self._wrong(name, said, "subset", "write train, validation or test")
        duration = _seconds(said.get("duration"))
        if not duration:
            raise self._wrong(name, said, "duration", "write seconds, more than 0")
        if not isinstance(said.get("annotations"), list):
            raise self._wrong(name, said, "annotations", "write a list")
        return Video(name, split, duration, tuple(self._events(name, said["annotations"], duration)))

    def _events(self, name: str, annotations: list[Any], duration: float) -> Iterator[Event]:
        for number, said in enumerate(annotations, start=1):
            place = f"{name}, annotation {number}"
            if not isinstance(said, dict):
                raise self._error(place, f"{shortened(said)} is not an object with segment, label, label_id")
            label, (onset, offset) = self._label(place, said), self._segment(place, said)
            if onset >= offset:
                kind = "an empty range" if onset == offset else "an inverted range"
                self._find(f"{kind}, left out", f"{name} {label} {format_time(onset)}-{format_time(offset)}")
                continue
            if offset > duration:
                times = f"{format_time(onset)}-{format_time(offset)} of {format_time(duration)} s"
                self._find("an event goes on beyond the end of its video", f"{name} {label} {times}")
            yield Event(Modality.AUDIO, label, onset, offset)

    def _label(self, place: str, said: Mapping[str, Any]) -> str:
        label, number = said.get("label"), said.get("label_id")
        if not isinstance(label, str) or not label.strip() or not label.isprintable() or "," in label:
            raise self._wrong(place, said, "label", "write the name of a category, without comma or tab")
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise self._wrong(place, said, "label_id", "write the index of the category, from 0")
        if self._ids.setdefault(label, number) != number:
            raise self._error(place, f"{label!r} has label_id {number} here and {self._ids[label]} before")
        if self.labels.setdefault(number, label) != label:
            raise self._error(place, f"label_id {number} is {label!r} here and {self.labels[number]!r} before")
        return label

    def _segment(self, place: str, said: Mapping[str, Any]) -> tuple[float, float]:
        segment = said.get("segment")
        if isinstance(segment, list) and len(segment) == 2:
            onset, offset = _seconds(segment[0]), _seconds(segment[1])
            if onset is not None and offset is not None:
                return onset, offset
        raise self._wrong(place, said, "segment", "write [onset, offset] in seconds, 0 or more")

    def _wrong(self, place: str, said: Mapping[str, Any], field: str, advice: str) -> AnnotationError:
        what = f"{field} is {shortened(said[field])}" if field in said else f"{field} is missing"
        return self._error(place, f"{what}; {advice}")

    def _error(self, place: str, text: str) -> AnnotationError:
        return AnnotationError(f"{self._path}: {place}: {text}")

    def _find(self, text: str, detail: str) -> None:
        self.findings.append(Finding(self._path.name, None, text, detail))


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return to_seconds(value) if is_number else None
