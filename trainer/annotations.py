"""Dataset folders: splits with video-level labels, dense truth, and what a person reviewed.

Both our own file names and LLP's are read, also side by side in one folder: then ours hold what LLP's cannot,
and win clip by clip. Sources of the format and of its quirks: LLP (Tian et al., ECCV 2020) and its repairs.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from trainer.annotation_files import (
    CLIPS_COLUMNS,
    DENSE_COLUMNS,
    IMPORTED,
    REVIEWED_COLUMNS,
    SCORED_SPLITS,
    SPLITS,
    WEAK_COLUMNS,
    AnnotationReader,
    LlpName,
    dense_text,
    feature_key,
    merged,
    parse_llp_name,
    read_categories,
    reviewed_text,
    weak_text,
)
from trainer.labels import Event, Modality, State, segment_count
from trainer.tables import (
    AnnotationError,
    Finding,
    format_time,
    read_header,
    read_json,
    summarise,
    table_text,
    unknown_category,
    write_whole,
)
from trainer.unav import UNAV_FILE, UnavFile, read_unav

__all__ = [
    "CATEGORIES_FILE",
    "CLIPS_COLUMNS",
    "DENSE_COLUMNS",
    "IMPORTED",
    "LLP_FILES",
    "OWN_FILES",
    "REVIEWED_COLUMNS",
    "SCORED_SPLITS",
    "SNAPSHOT_FILE",
    "SPLITS",
    "UNAV_FILES",
    "WEAK_COLUMNS",
    "AnnotationError",
    "Dataset",
    "Finding",
    "LlpName",
    "dataset_files",
    "dense_text",
    "feature_key",
    "labels_hash",
    "merged",
    "parse_llp_name",
    "read_categories",
    "read_dataset",
    "read_files",
    "read_header",
    "reviewed_text",
    "snapshot_text",
    "summarise",
    "texts",
    "weak_text",
    "write_dataset",
    "write_whole",
]

CATEGORIES_FILE = "categories.txt"
SNAPSHOT_FILE = "snapshot.json"
OWN_FILES = {
    "train": "train.csv",
    "val": "val.csv",
    "test": "test.csv",
    "audio": "audio_events.csv",
    "visual": "visual_events.csv",
    "audio_visual": "audio_visual_events.csv",
    "reviewed": "reviewed.csv",
    "clips": "clips.csv",
}
"""Our file names by what they hold; `clips.csv` is there only for clips of which the rest says too little, and
`audio_visual_events.csv` is there instead of the two others where truth says only what is heard and seen."""
LLP_FILES = {
    "train": "AVVP_train.csv",
    "val": "AVVP_val_pd.csv",
    "test": "AVVP_test_pd.csv",
    "audio": "AVVP_eval_audio.csv",
    "visual": "AVVP_eval_visual.csv",
}
UNAV_FILES = {"unav": UNAV_FILE}
"""UnAV-100's own file, which holds every split and its audio-visual truth."""


@dataclass(frozen=True)
class Dataset:
    """What a dataset folder says.

    `splits`: video-level labels by clip, by split, in file order. `truth`: dense truth by clip, present
    events of author "" that neither overlap nor touch. `complete`: the clips (of val and test) in which
    everything that `truth` does not cover is absent. `reviewed`: what a person checked, of any split.
    `durations`: seconds, of clips whose duration is known and not in their name. `snapshot`: where it is from.

    `audio_visual_only`: the truth says only where something is heard and seen at once (UnAV-100). Its events
    are in both modalities; what is audio-and-visual of them is exact, and nothing else may be scored.
    The truth of train clips, where there is any, is for methods that ask for it: weak supervision never does.
    """

    categories: tuple[str, ...]
    splits: dict[str, dict[str, frozenset[str]]]
    truth: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    reviewed: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    snapshot: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    audio_visual_only: bool = False

    @property
    def taught(self) -> dict[str, frozenset[str]]:
        """The train clips that can teach: those with a video-level label, or with something reviewed."""
        train = self.splits.get("train", {})
        return {name: labels for name, labels in train.items() if labels or self.reviewed.get(name)}

    @cached_property
    def segments(self) -> dict[str, int]:
        """The number T of segments of every clip whose duration is known, from its name or `durations`.

        It is `segment_count`, which forgives the padding of media files; but ceil(duration) where the truth is
        audio-visual only, since UnAV-100 is scored so, and a tenth of a second then changes AV by 0.04 points.
        """
        named = ((name, parse_llp_name(name)) for clips in self.splits.values() for name in clips)
        durations = {name: round(told.end - told.start, 3) for name, told in named if told} | self.durations
        count = math.ceil if self.audio_visual_only else segment_count
        return {name: count(duration) for name, duration in durations.items()}


# Reading


def read_dataset(folder: Path, categories: Sequence[str] | None = None) -> Dataset:
    """Read a dataset folder whole, or raise AnnotationError.

    Its categories.txt may be missing, or differ, where `categories` are given; and beside UnAV-100's own file.
    """
    if not folder.is_dir():
        raise AnnotationError(f"{folder}: there is no such folder; give the folder that holds train.csv")
    files = dataset_files(folder)
    if not any(role in files for role in (*SPLITS, *UNAV_FILES)):
        names = ", ".join(OWN_FILES[split] for split in SPLITS)
        raise AnnotationError(
            f"{folder}: none of {names} is here, nor AVVP_train.csv, AVVP_val_pd.csv, AVVP_test_pd.csv, "
            f"nor {UNAV_FILE}; give the folder that holds them"
        )
    vocabulary, own = folder / CATEGORIES_FILE, categories
    if vocabulary.is_file() or (categories is None and "unav" not in files):
        own = read_categories(vocabulary)
    dataset = read_files(files, own if categories is None else categories)
    snapshot = read_json(folder / SNAPSHOT_FILE) if (folder / SNAPSHOT_FILE).is_file() else {}
    findings = dataset.findings
    if own is not None and tuple(own) != dataset.categories:
        text = "not the categories that were asked for, or in another order: those that were asked for hold"
        findings += (Finding(CATEGORIES_FILE, None, text),)
    if "sha256" in snapshot and snapshot["sha256"] != labels_hash(dataset):
        findings += (Finding(SNAPSHOT_FILE, None, "the labels were changed after this snapshot was written"),)
    return replace(dataset, snapshot=snapshot, findings=findings)


def dataset_files(folder: Path) -> dict[str, list[Path]]:
    """The annotation files in a folder by what they hold (see `read_files`), ours before others'."""
    files: dict[str, list[Path]] = {}
    for names in (OWN_FILES, LLP_FILES, UNAV_FILES):
        for role, name in names.items():
            if (folder / name).exists():
                files.setdefault(role, []).append(folder / name)
    return files


def read_files(
    files: Mapping[str, Sequence[Path]],
    categories: Sequence[str] | None,
    known: Mapping[str, Iterable[str]] | None = None,
) -> Dataset:
    """Read annotation files given by role: a split's name, "audio", "visual", "reviewed" and so on.

    `known` names, by split, clips that need no row of their own in these files. Of several files of a role the
    first wins, clip by clip. The dense truth needs both of its files, or is audio-visual only. Without
    `categories` those of UnAV-100's own file hold, which must be among the files then.
    """
    told = _dense_files(files)
    unav = {path: read_unav(path) for path in files.get("unav", ())}
    if categories is None:
        categories = next(iter(unav.values())).categories
    reader = AnnotationReader(
        tuple(categories), {split: tuple(names) for split, names in (known or {}).items()}
    )
    for split in SPLITS:
        for path in files.get(split, ()):
            reader.read_split(path, split)
    for path, file in unav.items():
        _list_videos(reader, path, file)
    for modality in Modality:
        for path in files.get(modality.value, ()):
            reader.read_dense(path, modality)
    for path in files.get("audio_visual", ()):
        reader.read_dense(path, *Modality)
    for path, file in unav.items():
        reader.add_dense(path, {video.name: video.events for video in file.videos}, *Modality)
    for path in files.get("reviewed", ()):
        reader.read_reviewed(path)
    for path in files.get("clips", ()):
        reader.read_clips(path)
    scored = frozenset(name for split in SCORED_SPLITS for name in reader.clips_of(split))
    dataset = Dataset(
        categories=tuple(categories),
        splits=reader.splits,
        truth={name: tuple(sorted(events)) for name, events in reader.truth.items()},
        complete=scored - reader.incomplete if told else frozenset(),
        reviewed=reader.reviewed,
        durations=reader.durations,
        audio_visual_only=len(told) == 1,
    )
    oddities = (*reader.odd_clips(), *reader.odd_truth(dataset.complete, told))
    return replace(dataset, findings=(*reader.findings, *oddities))


def _dense_files(files: Mapping[str, Sequence[Path]]) -> list[tuple[Modality, str, Path]]:
    """What dense truth tells of, and the last file that tells it: two kinds of which one must do."""
    audio, visual = files.get("audio", ()), files.get("visual", ())
    both = (*files.get("audio_visual", ()), *files.get("unav", ()))
    if both and (audio or visual):
        other = (*audio, *visual)[0]
        raise AnnotationError(
            f"{both[0]}: holds what is heard and seen at once, and {other.name} beside it what is only one of "
            "them; keep one kind of dense truth in a folder"
        )
    if bool(audio) != bool(visual):
        here = (*audio, *visual)[0]
        names = LLP_FILES if here.name in LLP_FILES.values() else OWN_FILES
        missing = names["visual" if audio else "audio"]
        raise AnnotationError(
            f"{here.parent / missing}: there is no such file, and the dense truth in {here.name} needs it; "
            "add it (its header alone if it has no rows)"
        )
    if both:
        return [(Modality.AUDIO, "heard and seen", both[-1])]
    return [(Modality.AUDIO, "heard", audio[-1]), (Modality.VISUAL, "seen", visual[-1])] if audio else []


def _list_videos(reader: AnnotationReader, path: Path, file: UnavFile) -> None:
    for category in file.categories:
        if category not in reader.categories:
            raise AnnotationError(f"{path}: {unknown_category(category, reader.categories)}")
    reader.findings += file.findings
    for video in file.videos:
        reader.add_video(path, video.split, video.name, video.labels, video.duration)


# Writing


def write_dataset(folder: Path, dataset: Dataset) -> None:
    """Write a dataset folder under our own file names, each file whole; snapshot.json comes last.

    Raises AnnotationError for a dataset that could not be read again, and for a folder of others' files.
    """
    files = texts(dataset)
    foreign = [name for name in (*LLP_FILES.values(), UNAV_FILE) if (folder / name).exists()]
    if foreign:
        raise AnnotationError(f"{folder}: {foreign[0]} is here and would be read too; choose another folder")
    for name in {*OWN_FILES.values()} - {*files}:
        (folder / name).unlink(missing_ok=True)
    for name, text in files.items():
        write_whole(folder / name, text)
    write_whole(folder / SNAPSHOT_FILE, snapshot_text(dataset))


def texts(dataset: Dataset) -> dict[str, str]:
    """The text of every file of a dataset folder by its name, but for snapshot.json."""
    _check(dataset)
    files = {CATEGORIES_FILE: "".join(f"{category}\n" for category in dataset.categories)}
    for split in SPLITS:
        files[OWN_FILES[split]] = weak_text(dataset.splits.get(split, {}), dataset.categories)
    if dataset.audio_visual_only:
        events = _in_order(dataset, dataset.truth)
        files[OWN_FILES["audio_visual"]] = dense_text(events, Modality.AUDIO)
    elif dataset.truth or dataset.complete:
        for modality in Modality:
            files[OWN_FILES[modality.value]] = dense_text(_in_order(dataset, dataset.truth), modality)
    files[OWN_FILES["reviewed"]] = reviewed_text(_in_order(dataset, dataset.reviewed))
    clips = _clip_rows(dataset)
    return files | ({OWN_FILES["clips"]: table_text(CLIPS_COLUMNS, clips)} if clips else {})


def snapshot_text(dataset: Dataset) -> str:
    """What snapshot.json says: where the dataset came from, the hash of its labels, and counts."""
    counts = {split: len(dataset.splits.get(split, {})) for split in SPLITS} | {
        "complete": len(dataset.complete),
        "truth_events": sum(map(len, dataset.truth.values())),
        "reviewed_clips": len(dataset.reviewed),
        "reviewed_events": sum(map(len, dataset.reviewed.values())),
    }
    snapshot = {**dataset.snapshot, "sha256": labels_hash(dataset), "counts": counts}
    return json.dumps(snapshot, ensure_ascii=False, indent=2) + "\n"


def labels_hash(dataset: Dataset) -> str:
    """The SHA-256 of what a dataset says, whatever the order and the names of the files that said it."""
    digest = hashlib.sha256()
    for name, text in sorted(texts(dataset).items()):
        lines = text.split("\n")
        # The order of categories means something; that of rows does not.
        digest.update("\n".join([name, *(lines if name == CATEGORIES_FILE else sorted(lines))]).encode())
    return digest.hexdigest()


def _in_order(dataset: Dataset, events: Mapping[str, Iterable[Event]]) -> Iterator[tuple[str, Event]]:
    for clips in dataset.splits.values():
        yield from ((name, event) for name in clips for event in events.get(name, ()))


def _clip_rows(dataset: Dataset) -> list[tuple[str, str, str]]:
    """The clips that have another duration than their name says, or no complete truth where others have."""
    rows = []
    is_dense = bool(dataset.truth or dataset.complete or dataset.audio_visual_only)
    for split, clips in dataset.splits.items():
        for name in clips:
            is_unsure = is_dense and split in SCORED_SPLITS and name not in dataset.complete
            if is_unsure or name in dataset.durations:
                duration = format_time(dataset.durations[name]) if name in dataset.durations else ""
                rows.append((name, duration, "yes" if name in dataset.complete else "no"))
    return rows


def _check(dataset: Dataset) -> None:
    """Refuse what could not be read again."""
    splits = {name: split for split, clips in dataset.splits.items() for name in clips}
    if len(splits) < sum(map(len, dataset.splits.values())):
        raise AnnotationError("a clip is in two splits; take it out of one of them")
    weak = [pair for clips in dataset.splits.values() for pair in clips.items()]
    labelled = (*dataset.truth.items(), *dataset.reviewed.items())
    dense = [(name, {event.category for event in events}) for name, events in labelled]
    for name in (*splits, *(name for name, _ in dense), *dataset.complete, *dataset.durations):
        if name not in splits or not name.strip():
            raise AnnotationError(f"{name!r} is no clip of the splits; add it to one, or leave its labels out")
    for name, labels in (*weak, *dense):
        for label in labels - {*dataset.categories}:
            raise AnnotationError(f"{name}: {unknown_category(label, dataset.categories)}")
    if any(event.state is not State.PRESENT for events in dataset.truth.values() for event in events):
        raise AnnotationError("dense truth holds present events only: what it does not cover is absent")
    if dataset.audio_visual_only:
        for name, events in dataset.truth.items():
            heard, seen = ({_span(event) for event in events if event.modality is m} for m in Modality)
            if heard != seen:
                raise AnnotationError(f"{name}: an event of audio-visual truth is in one modality only")
    if any(splits[name] not in SCORED_SPLITS for name in dataset.complete):
        raise AnnotationError("only clips of the val and test splits can have a complete dense truth")


def _span(event: Event) -> tuple[str, float, float]:
    return event.category, event.onset, event.offset
