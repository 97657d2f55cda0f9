"""Dataset folders: splits with video-level labels, dense truth, and what a person reviewed.

Both our own file names and LLP's are read, also side by side in one folder: then ours hold what LLP's cannot,
and win clip by clip. Sources of the format and of its quirks: LLP (Tian et al., ECCV 2020) and its repairs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from trainer.annotation_files import (
    CLIPS_COLUMNS,
    DENSE_COLUMNS,
    IMPORTED,
    REVIEWED_COLUMNS,
    SPLITS,
    WEAK_COLUMNS,
    AnnotationReader,
    dense_text,
    merged,
    reviewed_text,
    weak_text,
)
from trainer.labels import Event, Modality, State
from trainer.tables import (
    AnnotationError,
    Finding,
    Problems,
    format_time,
    read_header,
    read_lines,
    read_text,
    summarise,
    table_text,
    unknown_category,
    write_whole,
)

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

SCORED_SPLITS = ("val", "test")
CATEGORIES_FILE = "categories.txt"
SNAPSHOT_FILE = "snapshot.json"
OWN_FILES = {
    "train": "train.csv",
    "val": "val.csv",
    "test": "test.csv",
    "audio": "audio_events.csv",
    "visual": "visual_events.csv",
    "reviewed": "reviewed.csv",
    "clips": "clips.csv",
}
"""Our file names by what they hold; `clips.csv` is there only for clips of which the rest says too little."""
LLP_FILES = {
    "train": "AVVP_train.csv",
    "val": "AVVP_val_pd.csv",
    "test": "AVVP_test_pd.csv",
    "audio": "AVVP_eval_audio.csv",
    "visual": "AVVP_eval_visual.csv",
}


class LlpName(NamedTuple):
    """What an LLP clip name says: the YouTube id (11 characters) and where in that video the clip lies."""

    youtube_id: str
    start: float
    end: float


_LLP_NAME = re.compile(r"([A-Za-z0-9_-]{11})_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)", re.ASCII)


def parse_llp_name(name: str) -> LlpName | None:
    """The parts of `<11 characters>_<start>_<end>` (times may be decimal), or None for any other name."""
    match = _LLP_NAME.fullmatch(name)
    if match is None or float(match[2]) >= float(match[3]):
        return None
    return LlpName(match[1], float(match[2]), float(match[3]))


def feature_key(name: str) -> str:
    """The stem of a clip's feature files: the YouTube id of an LLP name, else the name itself."""
    parsed = parse_llp_name(name)
    return name if parsed is None else parsed.youtube_id


@dataclass(frozen=True)
class Dataset:
    """What a dataset folder says.

    `splits`: video-level labels by clip, by split, in file order. `truth`: dense truth by clip, present
    events of author "" that neither overlap nor touch. `complete`: the clips (of val and test) in which
    everything that `truth` does not cover is absent. `reviewed`: what a person checked, of any split.
    `durations`: seconds, of clips whose duration is known and not in their name. `snapshot`: where it is from.
    """

    categories: tuple[str, ...]
    splits: dict[str, dict[str, frozenset[str]]]
    truth: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    complete: frozenset[str] = frozenset()
    reviewed: dict[str, tuple[Event, ...]] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    snapshot: dict[str, Any] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def taught(self) -> dict[str, frozenset[str]]:
        """The train clips that can teach: those with a video-level label, or with something reviewed."""
        train = self.splits.get("train", {})
        return {name: labels for name, labels in train.items() if labels or self.reviewed.get(name)}


# Reading


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


def read_dataset(folder: Path, categories: Sequence[str] | None = None) -> Dataset:
    """Read a dataset folder whole, or raise AnnotationError.

    Its categories.txt may be missing, or differ, where `categories` are given.
    """
    if not folder.is_dir():
        raise AnnotationError(f"{folder}: there is no such folder; give the folder that holds train.csv")
    files = dataset_files(folder)
    if not any(split in files for split in SPLITS):
        names = ", ".join(OWN_FILES[split] for split in SPLITS)
        raise AnnotationError(
            f"{folder}: none of {names} is here, nor AVVP_train.csv, AVVP_val_pd.csv, AVVP_test_pd.csv; "
            "give the folder that holds them"
        )
    vocabulary = folder / CATEGORIES_FILE
    own = read_categories(vocabulary) if categories is None or vocabulary.is_file() else tuple(categories)
    dataset = read_files(files, own if categories is None else categories)
    snapshot = _read_snapshot(folder / SNAPSHOT_FILE)
    findings = dataset.findings
    if own != dataset.categories:
        text = "not the categories that were asked for, or in another order: those that were asked for hold"
        findings += (Finding(CATEGORIES_FILE, None, text),)
    if "sha256" in snapshot and snapshot["sha256"] != labels_hash(dataset):
        findings += (Finding(SNAPSHOT_FILE, None, "the labels were changed after this snapshot was written"),)
    return replace(dataset, snapshot=snapshot, findings=findings)


def dataset_files(folder: Path) -> dict[str, list[Path]]:
    """The annotation files in a folder by what they hold (see `read_files`), ours before LLP's."""
    files: dict[str, list[Path]] = {}
    for names in (OWN_FILES, LLP_FILES):
        for role, name in names.items():
            if (folder / name).is_file():
                files.setdefault(role, []).append(folder / name)
    return files


def read_files(
    files: Mapping[str, Sequence[Path]],
    categories: Sequence[str],
    known: Mapping[str, Iterable[str]] | None = None,
) -> Dataset:
    """Read annotation files given by role: a split's name, "audio", "visual", "reviewed", "clips".

    `known` names, by split, clips that need no row of their own in these files. Of several files of a role the
    first wins, clip by clip. The dense truth needs both of its files.
    """
    reader = AnnotationReader(
        tuple(categories), {split: tuple(names) for split, names in (known or {}).items()}
    )
    for split in SPLITS:
        for path in files.get(split, ()):
            reader.read_split(path, split)
    _need_both(files)
    for modality in Modality:
        for path in files.get(modality.value, ()):
            reader.read_dense(path, modality)
    for path in files.get("reviewed", ()):
        reader.read_reviewed(path)
    for path in files.get("clips", ()):
        reader.read_clips(path)
    scored = frozenset(name for split in SCORED_SPLITS for name in reader.clips_of(split))
    dataset = Dataset(
        categories=tuple(categories),
        splits=reader.splits,
        truth={name: tuple(sorted(events)) for name, events in reader.truth.items()},
        complete=scored - reader.incomplete if "audio" in files else frozenset(),
        reviewed=reader.reviewed,
        durations=reader.durations,
    )
    oddities = [*_odd_clips(dataset, reader.places), *_odd_truth(dataset, files, reader.named)]
    return replace(dataset, findings=(*reader.findings, *oddities))


def _need_both(files: Mapping[str, Sequence[Path]]) -> None:
    audio, visual = files.get("audio"), files.get("visual")
    if bool(audio) != bool(visual):
        (here,) = (paths[0] for paths in (audio, visual) if paths)
        names = LLP_FILES if here.name in LLP_FILES.values() else OWN_FILES
        missing = names["visual" if audio else "audio"]
        raise AnnotationError(
            f"{here.parent / missing}: there is no such file, and the dense truth in {here.name} needs it; "
            "add it (its header alone if it has no rows)"
        )


def _read_snapshot(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        snapshot = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise AnnotationError(f"{path}:{error.lineno}: not JSON ({error.msg}); correct or remove it") from None
    if not isinstance(snapshot, dict):
        raise AnnotationError(f"{path}:1: not a JSON object; correct or remove it")
    return snapshot


def _odd_clips(dataset: Dataset, places: Mapping[str, tuple[str, Finding]]) -> Iterator[Finding]:
    keys: dict[str, str] = {}
    for name, (split, place) in places.items():
        texts = []
        if name.startswith("-"):
            texts.append("a clip name begins with '-': on a command line, write -- before it")
        parsed = parse_llp_name(name)
        if parsed is not None and not (parsed.start.is_integer() and parsed.end.is_integer()):
            texts.append("a clip name has decimal times")
        if keys.setdefault(feature_key(name), name) != name:
            texts.append("a clip has the YouTube id of another clip, so that both would use one feature file")
        if not dataset.splits[split][name]:
            texts.append("a clip has no video-level label")
        yield from (replace(place, text=text, detail=name) for text in texts)


def _odd_truth(
    dataset: Dataset, files: Mapping[str, Sequence[Path]], named: Mapping[str, set[str]]
) -> Iterator[Finding]:
    for split in SCORED_SPLITS:
        labels = dataset.splits[split]
        names = [name for name in labels if name in dataset.complete]
        truth = {name: dataset.truth.get(name, ()) for name in names}
        for modality, verb in ((Modality.AUDIO, "heard"), (Modality.VISUAL, "seen")):
            for name in names:
                if not any(event.modality is modality for event in truth[name]):
                    text = f"a {split} clip has no event: nothing is {verb} in it"
                    yield Finding(files[modality.value][-1].name, None, text, name)
        odd = [name for name in names if labels[name] != named.get(name, set())]
        if odd:
            text = "video-level labels that are not the union of the dense labels, both kept as they are"
            detail = f"{len(odd)} of {len(names)} clips, the first {odd[0]}"
            yield Finding(files[split][-1].name, None, text, detail)


# Writing


def write_dataset(folder: Path, dataset: Dataset) -> None:
    """Write a dataset folder under our own file names, each file whole; snapshot.json comes last.

    Raises AnnotationError for a dataset that could not be read again, and for a folder that holds LLP's files.
    """
    files = texts(dataset)
    foreign = [name for name in LLP_FILES.values() if (folder / name).exists()]
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
    if dataset.truth or dataset.complete:
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
    is_dense = bool(dataset.truth or dataset.complete)
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
    if any(splits[name] not in SCORED_SPLITS for name in dataset.complete):
        raise AnnotationError("only clips of the val and test splits can have a complete dense truth")
