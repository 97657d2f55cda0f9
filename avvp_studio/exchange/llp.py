"""LLP's own file names, for its tools; beside them, under our names, only what those files cannot hold.

LLP's files know present events of whole seconds in val and test clips, and clips that have a video-level label.
Reading the folder again gives the same dataset, cell for cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.annotations import (
    CATEGORIES_FILE,
    LLP_FILES,
    OWN_FILES,
    SCORED_SPLITS,
    SNAPSHOT_FILE,
    SPLITS,
    AnnotationError,
    Dataset,
    dense_text,
    merged,
    parse_llp_name,
    read_dataset,
    snapshot_text,
    texts,
    weak_text,
    write_whole,
)
from trainer.labels import Event, Modality, State


def write(folder: Path, dataset: Dataset) -> tuple[str, ...]:
    """Write LLP's files to a folder that holds no annotations. Returns what they could not hold, in words.

    Raises AnnotationError for a dataset that could not be read again.
    """
    if dataset.audio_visual_only:
        raise AnnotationError(
            "the dense truth is of what is heard and seen at once, which LLP's files cannot say; "
            "export as a dataset folder"
        )
    own = texts(dataset)
    names = (CATEGORIES_FILE, OWN_FILES["reviewed"], OWN_FILES["clips"])
    files = {name: own[name] for name in names if name in own} | _weak_files(dataset)
    if dataset.truth or dataset.complete:
        files |= _dense_files(dataset)
    for name, text in files.items():
        write_whole(folder / name, text)
    write_whole(folder / SNAPSHOT_FILE, snapshot_text(dataset))
    return tuple(losses(dataset))


def read(folder: Path, categories: Sequence[str] | None = None) -> Dataset:
    """Read LLP's files, and ours beside them. Raises AnnotationError."""
    return read_dataset(folder, categories)


def losses(dataset: Dataset) -> Iterator[str]:
    """What LLP's own files cannot hold of a dataset and where it is instead: a sentence for each kind."""
    for count, noun, which, where in (*_lost_labels(dataset), *_lost_clips(dataset)):
        if count:
            what = noun if count == 1 else f"{noun}s"
            yield " ".join(filter(None, (str(count), what, which, "is" if count == 1 else "are", where)))


def _lost_labels(dataset: Dataset) -> Iterator[tuple[int, str, str, str]]:
    scored = {name for split in SCORED_SPLITS for name in dataset.splits.get(split, {})}
    reviewed = [(name, event) for name, events in dataset.reviewed.items() for event in events]
    present = [name for name, event in reviewed if event.state is State.PRESENT]
    truth = [(name, event) for name, events in dataset.truth.items() for event in events]
    training = sum(name not in scored for name in present)
    unsure = sum(name in scored - dataset.complete for name in present)
    untold = sum(name not in scored for name, _ in truth)
    uneven = sum(name in scored and event != _widened(event) for name, event in truth)
    only_dense = "only in audio_events.csv and visual_events.csv"
    yield len(reviewed) - len(present), "absent label", "", "only in reviewed.csv"
    yield training, "present label", "of the train split", "only in reviewed.csv"
    yield unsure, "present label", "of clips without complete dense truth", "only in reviewed.csv"
    yield untold, "dense event", "of the train split", only_dense
    yield uneven, "dense event", "not of whole seconds", f"widened to them; the exact times are {only_dense}"


def _lost_clips(dataset: Dataset) -> Iterator[tuple[int, str, str, str]]:
    splits = {name: split for split, clips in dataset.splits.items() for name in clips}
    unlabelled = sum(not labels for clips in dataset.splits.values() for labels in clips.values())
    is_dense = bool(dataset.truth or dataset.complete)
    scored = {name for name, split in splits.items() if split in SCORED_SPLITS}
    unsure = len(scored - dataset.complete) if is_dense else 0
    foreign = sum(parse_llp_name(name) is None for name in splits)
    yield unlabelled, "clip", "without video-level label", "only in train.csv, val.csv or test.csv"
    taken = "so marked only in clips.csv; LLP's tools take what has no event there for absent"
    yield unsure, "val or test clip", "without complete dense truth", taken
    yield len(dataset.durations), "duration", "that no name tells", "only in clips.csv"
    known = "known to LLP's tools by the first 11 characters alone"
    yield foreign, "clip", "not named <YouTube id>_<start>_<end>", known


def _weak_files(dataset: Dataset) -> dict[str, str]:
    """LLP's split files; the clips without a label, on which its tools fail, in ours."""
    files = {}
    for split in SPLITS:
        clips = dataset.splits.get(split, {})
        labelled = {name: labels for name, labels in clips.items() if labels}
        unlabelled = {name: labels for name, labels in clips.items() if not labels}
        files[LLP_FILES[split]] = weak_text(labelled, dataset.categories)
        if unlabelled:
            files[OWN_FILES[split]] = weak_text(unlabelled, dataset.categories)
    return files


def _dense_files(dataset: Dataset) -> dict[str, str]:
    """LLP's dense files; in ours the exact events of each clip of which LLP's do not say them."""
    files = {}
    scored = [name for split in SCORED_SPLITS for name in dataset.splits.get(split, {})]
    for modality in Modality:
        events = {
            name: tuple(event for event in found if event.modality is modality)
            for name, found in dataset.truth.items()
        }
        whole = {name: merged(map(_widened, events.get(name, ()))) for name in scored}
        exact = {name: found for name, found in events.items() if found and whole.get(name) != found}
        files[LLP_FILES[modality]] = dense_text(_rows(whole.items()), modality)
        if exact:
            files[OWN_FILES[modality]] = dense_text(_rows(exact.items()), modality)
    return files


def _rows(events: Iterable[tuple[str, Iterable[Event]]]) -> Iterator[tuple[str, Event]]:
    return ((name, event) for name, found in events for event in found)


def _widened(event: Event) -> Event:
    """The event over every whole second that it touches: the same segments."""
    return replace(event, onset=float(math.floor(event.onset)), offset=float(math.ceil(event.offset)))
