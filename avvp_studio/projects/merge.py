"""What an import would change in a project: it adds, and never overwrites what a person said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.exchange.media_folder import MediaFiles
from avvp_studio.projects.clips import (
    Gathered,
    Progress,
    gather_dataset,
    gather_media,
    overlaid,
    probed_duration,
    within_clip,
)
from avvp_studio.store import Store
from trainer.annotations import Dataset, Finding, parse_llp_name
from trainer.labels import Event, segment_count

_PROJECT = "project"


@dataclass(frozen=True)
class Current:
    """What a project holds before an import."""

    clips: Mapping[str, Clip]
    events: Mapping[str, tuple[Event, ...]]
    edited: frozenset[str]

    @staticmethod
    def of(store: Store) -> Current:
        clips = {clip.name: clip for clip in store.clips()}
        return Current(clips, store.all_events(), frozenset(store.edited_clips()))

    def has_truth(self) -> bool:
        """Whether any dense truth came with a file."""
        came = (not event.author for events in self.events.values() for event in events)
        return any(clip.is_complete for clip in self.clips.values()) or any(came)

    def names(self) -> dict[str, list[str]]:
        """The names of the clips by split."""
        names: dict[str, list[str]] = {}
        for clip in self.clips.values():
            names.setdefault(clip.split, []).append(clip.name)
        return names


@dataclass
class Changes:
    """What an import does: clips and events that are new, clips that change, and edits."""

    gathered: Gathered = field(default_factory=Gathered)
    changed: dict[str, Clip] = field(default_factory=dict)
    edits: dict[str, Edit] = field(default_factory=dict)
    labelled: set[str] = field(default_factory=set)
    media_found: int = 0

    def keep(self, name: str, text: str) -> None:
        self.gathered.findings.append(Finding(_PROJECT, None, text, name))


def plan_import(current: Current, dataset: Dataset, media: MediaFiles, progress: Progress) -> Changes:
    """Compare what is imported with what is there."""
    new = {
        split: {name: labels for name, labels in clips.items() if name not in current.clips}
        for split, clips in dataset.splits.items()
    }
    changes = Changes(gather_dataset(replace(dataset, splits=new), media, progress))
    _link_media(current, media, changes)
    said = {name: split for split, clips in dataset.splits.items() for name in clips}
    touched = {**said, **dict.fromkeys((*dataset.truth, *dataset.reviewed, *sorted(dataset.complete)))}
    for name, split in touched.items():
        clip = changes.changed.get(name, current.clips.get(name))
        if clip is None:
            continue
        if split is not None and split != clip.split:
            changes.keep(name, "a clip is in another split of the project, where it stays, labelled as it is")
            continue
        if split is not None:
            _merge_video_labels(clip, dataset.splits[split][name], changes)
        _merge_events(current, changes.changed.get(name, clip), dataset, changes)
    strangers = media.beyond((*current.clips, *said))
    _extend(changes.gathered, gather_media(strangers, progress))
    return changes


def _merge_video_labels(clip: Clip, labels: frozenset[str], changes: Changes) -> None:
    if not clip.video_labels and labels:
        changes.changed[clip.name] = replace(clip, video_labels=labels)
        changes.labelled.add(clip.name)
    elif labels and labels != clip.video_labels:
        changes.keep(clip.name, "video-level labels differ from those of the project, which were kept")


def _merge_events(current: Current, clip: Clip, dataset: Dataset, changes: Changes) -> None:
    name = clip.name
    here = current.events.get(name, ())
    truth, reviewed = dataset.truth.get(name, ()), dataset.reviewed.get(name, ())
    has_truth = bool(truth) or name in dataset.complete
    if name in current.edited:
        wanted = overlaid(truth if has_truth else here, reviewed)
        if not _agree(wanted, here):
            changes.keep(name, "a clip that a person labelled differs from the import, kept as it is")
    elif has_truth and not here and not clip.is_complete:
        events = within_clip(clip, overlaid(truth, reviewed), changes.gathered)
        changes.changed[name] = replace(clip, is_complete=name in dataset.complete)
        changes.labelled.add(name)
        changes.gathered.events |= {name: events} if events else {}
    else:
        if has_truth and not _agree(truth, here):
            changes.keep(name, "dense truth differs from that of the project, which was kept")
        wanted = within_clip(clip, overlaid(here, reviewed), changes.gathered)
        removed, added = sorted({*here} - {*wanted}), sorted({*wanted} - {*here})
        if removed or added:
            changes.edits[name] = Edit(tuple(removed), tuple(added), "import labels")
            changes.labelled.add(name)


def _agree(events: Iterable[Event], others: Iterable[Event]) -> bool:
    """Whether they say the same, whoever says it."""
    return {replace(event, author="") for event in events} == {replace(event, author="") for event in others}


def _link_media(current: Current, media: MediaFiles, changes: Changes) -> None:
    """Give clips whose media are missing those that were found."""
    for name, clip in current.clips.items():
        path = media.of_clip(name)
        if path is None or (clip.media is not None and clip.media.exists()):
            continue
        linked = _linked(clip, path, is_labelled=name in current.events or clip.is_complete, changes=changes)
        if linked is not None:
            changes.changed[name] = linked
            changes.media_found += 1


def _linked(clip: Clip, path: Path, *, is_labelled: bool, changes: Changes) -> Clip | None:
    if parse_llp_name(clip.name) is not None:
        return replace(clip, media=path)
    duration = probed_duration(path, changes.gathered)
    if duration is None:
        return None
    if is_labelled:  # its labels lie on the grid that it has
        return replace(clip, media=path)
    return replace(clip, media=path, duration=duration, segments=segment_count(duration))


def _extend(gathered: Gathered, more: Gathered) -> None:
    gathered.clips += more.clips
    gathered.findings += more.findings
    gathered.unreadable += more.unreadable
