"""From a dataset and media files to the clips and events of a project."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from avvp_studio.domain.project import Clip
from avvp_studio.exchange.media_folder import MediaFiles
from avvp_studio.media.probe import MediaError, probe
from trainer.annotations import SPLITS, Dataset, Finding, parse_llp_name
from trainer.labels import Event, segment_count

Progress = Callable[[str, int, int], None]
"""Told of a stage how much is done of how much."""

NOMINAL_DURATION = 10.0
"""Seconds of a clip of which neither its name, nor a file, nor its media tell."""


@dataclass
class Gathered:
    """Clips that are about to be stored, with their events, and what was odd about them."""

    clips: list[Clip] = field(default_factory=list)
    events: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def gather_dataset(dataset: Dataset, media: MediaFiles, progress: Progress) -> Gathered:
    """The clips of a dataset, each with its media where they were found.

    Only media of clips whose names do not tell a duration are looked into; what cannot be read is left out.
    """
    gathered, segments = Gathered(), dataset.segments
    names = [
        (split, name, labels) for split in SPLITS for name, labels in dataset.splits.get(split, {}).items()
    ]
    for done, (split, name, labels) in enumerate(names):
        if done % 100 == 0:
            progress("clips", done, len(names))
        path = media.of_clip(name)
        duration = dataset.durations.get(name) or told_duration(name)
        if path is not None and parse_llp_name(name) is None:
            probed = probed_duration(path, gathered)
            path, duration = (path, duration or probed) if probed else (None, duration)
        events = overlaid(dataset.truth.get(name, ()), dataset.reviewed.get(name, ()))
        duration = duration or max([NOMINAL_DURATION, *(math.ceil(event.offset) for event in events)])
        is_complete = name in dataset.complete
        count = segments.get(name) or segment_count(duration)
        clip = Clip(name, split, path, duration, count, labels, is_complete)
        gathered.clips.append(clip)
        if events := within_clip(clip, events, gathered):
            gathered.events[name] = events
    progress("clips", len(names), len(names))
    return gathered


def gather_media(media: Iterable[Path], progress: Progress) -> Gathered:
    """A clip of the train split for each media file, named after it; files that cannot be read are left out."""
    gathered = Gathered()
    paths = list(media)
    for done, path in enumerate(paths):
        progress("media", done, len(paths))
        if not path.stem.isprintable():
            gathered.unreadable.append((path, "its name holds a tab or a line break; rename it"))
        elif duration := probed_duration(path, gathered):
            gathered.clips.append(Clip(path.stem, "train", path, duration, segment_count(duration)))
    progress("media", len(paths), len(paths))
    return gathered


def repeated_media(media: MediaFiles) -> Iterator[Finding]:
    """What to say of media files that have the name of another."""
    for path, taken in media.repeated:
        text = "a media file has the name of another, which was taken"
        yield Finding(path.parent.name, None, text, f"{path.name}, for {taken}")


def overlaid(truth: Iterable[Event], reviewed: Iterable[Event]) -> tuple[Event, ...]:
    """One statement for each moment: what was reviewed, and the dense truth where nothing was."""
    reviewed = tuple(reviewed)
    kept = [piece for event in truth for piece in _outside(event, reviewed)]
    return tuple(sorted([*kept, *reviewed]))


def _outside(event: Event, others: Iterable[Event]) -> list[Event]:
    """What is left of an event beyond those of its modality and category."""
    pieces = [event]
    for other in others:
        if (other.modality, other.category) == (event.modality, event.category):
            pieces = [piece for whole in pieces for piece in _around(whole, other)]
    return pieces


def _around(event: Event, other: Event) -> list[Event]:
    if other.offset <= event.onset or event.offset <= other.onset:
        return [event]
    before = [replace(event, offset=other.onset)] if event.onset < other.onset else []
    after = [replace(event, onset=other.offset)] if other.offset < event.offset else []
    return before + after


def told_duration(name: str) -> float | None:
    """The seconds of a clip by its name, None when that does not tell."""
    told = parse_llp_name(name)
    return None if told is None else round(told.end - told.start, 3)


def probed_duration(path: Path, gathered: Gathered) -> float | None:
    """The duration of a media file; None, and a word to the user, when it cannot be read."""
    try:
        return round(probe(path).duration, 3)
    except MediaError as error:
        gathered.unreadable.append((path, str(error)))
        return None


def within_clip(clip: Clip, events: Iterable[Event], gathered: Gathered) -> tuple[Event, ...]:
    """The events, cut where the clip ends."""
    end = max(clip.duration, float(clip.segments))
    inside = []
    for event in events:
        if event.offset > end:
            text = "an event goes on beyond the end of its clip, cut there"
            detail = f"{clip.name} {event.category} {event.onset:g}-{event.offset:g}, of {clip.duration:g} s"
            gathered.findings.append(Finding(f"{event.modality} events", None, text, detail))
        if event.onset < end:
            inside.append(replace(event, offset=min(event.offset, end)))
    return tuple(inside)
