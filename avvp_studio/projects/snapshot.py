"""The labels of a project at one moment, as a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from avvp_studio.projects.clips import told_duration
from avvp_studio.store import Store
from trainer.annotations import IMPORTED, SCORED_SPLITS, SPLITS, Dataset, merged
from trainer.labels import MODALITIES, Event, State


def snapshot_dataset(store: Store) -> Dataset:
    """The labels of a project as they are now, as a training run gets them.

    The dense truth of a complete clip is what is present in it, whoever said so (in both modalities at once,
    where truth is audio-visual only); what a person said, or what is said to be absent, is reviewed.
    """
    clips, events = store.clips(), store.all_events()
    splits: dict[str, dict[str, frozenset[str]]] = {split: {} for split in SPLITS}
    for clip in clips:
        splits[clip.split][clip.name] = clip.video_labels
    complete = frozenset(clip.name for clip in clips if clip.is_complete and clip.split in SCORED_SPLITS)
    truth = {
        name: merged(
            replace(event, author="")
            for event in found
            if event.state is State.PRESENT and (name in complete or not event.author)
        )
        for name, found in events.items()
    }
    reviewed = {
        name: tuple(event for event in found if event.author or event.state is State.ABSENT)
        for name, found in events.items()
    }
    audio_visual_only = store.audio_visual_only()
    if audio_visual_only:
        truth = {name: _heard_and_seen(found) for name, found in truth.items()}
    return Dataset(
        categories=store.categories(),
        splits=splits,
        truth=_filled(truth),
        complete=complete,
        reviewed=_filled(reviewed),
        durations={clip.name: clip.duration for clip in clips if clip.duration != told_duration(clip.name)},
        snapshot={"project": store.project_name(), "time": datetime.now(UTC).isoformat(timespec="seconds")},
        audio_visual_only=audio_visual_only,
    )


def _heard_and_seen(events: Iterable[Event]) -> tuple[Event, ...]:
    """Where events of the two modalities agree, in both."""
    found = tuple(events)
    pairs = [
        (heard, max(heard.onset, seen.onset), min(heard.offset, seen.offset))
        for heard in found
        for seen in found
        if (heard.modality, seen.modality) == MODALITIES and heard.category == seen.category
    ]
    return merged(
        replace(event, modality=modality, onset=onset, offset=offset)
        for event, onset, offset in pairs
        for modality in MODALITIES
        if onset < offset
    )


def _filled(events: Mapping[str, tuple[Event, ...]]) -> dict[str, tuple[Event, ...]]:
    return {name: found for name, found in events.items() if found}


def authors(events: Iterable[Event]) -> set[str]:
    """Who said something, beyond those whose names a file could tell."""
    return {event.author for event in events} - {"", IMPORTED}
