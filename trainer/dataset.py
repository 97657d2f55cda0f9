"""From a dataset folder and a feature store to tensors that stay on the device for the whole run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.annotations import Dataset
from trainer.batch import Batch
from trainer.config import FeatureConfig, LabelConfig
from trainer.features import Features, Scaling, some
from trainer.labels import ABSENT, PRESENT, UNSEEN, state_grid
from trainer.parses import Parse, ParseFile
from trainer.supervision import correct_video_labels

TRAIN, VAL, TEST = "train", "val", "test"

_EVALUATED = 128
"""Clips in a batch that is not trained on."""


class DatasetError(ValueError):
    """A dataset that must not be trained on, and why."""


@dataclass(frozen=True, eq=False)
class FeatureRows:
    """The features of clips on the device: `tables` (R, D) of the audio set, then of each visual set.

    One row a segment, the same rows in every table. A clip's are `lengths` rows from `starts` on; `places` says
    where in both it is. `scaling` has the mean and deviation (D,) by which a table is standardised, if it is.
    `joint`: the tables of the two joint sets, if they are asked for; those are never standardised.
    """

    places: Mapping[str, int]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    tables: tuple[Tensor, ...]
    scaling: tuple[tuple[Tensor, Tensor], ...] = ()
    joint: tuple[Tensor, ...] = ()

    @property
    def device(self) -> torch.device:
        return self.tables[0].device

    def gather(self, rows: Tensor, valid: Tensor | None) -> list[Tensor]:
        """The rows (B, T) of every table as (B, T, D), standardised, and 0 where not `valid` (B, T)."""
        return [
            _gathered(table, rows, valid, self.scaling[i] if self.scaling else None)
            for i, table in enumerate(self.tables)
        ]

    def gather_joint(self, rows: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """The same of the joint sets as they are, where there are any."""
        if not self.joint:
            return None
        audio, visual = (_gathered(table, rows, valid, None) for table in self.joint)
        return audio, visual


def _gathered(
    table: Tensor, rows: Tensor, valid: Tensor | None, scaling: tuple[Tensor, Tensor] | None
) -> Tensor:
    values = table.index_select(0, rows.flatten()).view(*rows.shape, -1)
    if scaling is not None:
        mean, deviation = scaling
        values.sub_(mean).div_(deviation)
    return values if valid is None else values.masked_fill_(~valid[:, :, None], 0)


def feature_rows(
    features: Features, config: FeatureConfig, device: torch.device, scaling: Scaling | None = None
) -> FeatureRows:
    """The features on the device.

    On a CPU the tables are the store's own: nothing is copied, and what is memory-mapped is read when a batch
    needs it. To another device go only the rows of these clips.
    """
    starts, lengths = features.starts, features.lengths
    if device.type == "cpu":
        tables = {name: _shared(features.tables[name]) for name in config.sets}
    else:
        firsts = np.cumsum(lengths) - lengths
        rows = np.arange(int(lengths.sum())) + np.repeat(starts - firsts, lengths)
        starts = firsts
        tables = {name: torch.from_numpy(features.tables[name][rows]).to(device) for name in config.sets}
    return FeatureRows(
        features.index,
        starts,
        lengths,
        tuple(tables[name] for name in (config.audio, *config.visual)),
        () if scaling is None else _scaling(scaling, device),
        tuple(tables[name] for name in config.joint),
    )


def _shared(table: NDArray[np.float32]) -> Tensor:
    """The array as a tensor, without a copy; nobody writes to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(table)


def _scaling(scaling: Scaling, device: torch.device) -> tuple[tuple[Tensor, Tensor], ...]:
    pairs = zip(scaling.means, scaling.deviations, strict=True)
    return tuple((torch.from_numpy(m).to(device), torch.from_numpy(d).to(device)) for m, d in pairs)


def feature_notes(features: Features) -> list[str]:
    """What a person should know about features that are there."""
    zeros = features.zeros
    files = "file is" if len(zeros) == 1 else "files are"
    said = [f"{len(zeros)} feature {files} all zeros: {some(zeros)}"] if zeros else []
    return [*said, features.note] if features.note else said


@dataclass(frozen=True, eq=False)
class ClipTensors:
    """N clips: which of the feature `rows` are theirs, and what is known of them.

    On the device: `starts` (N,), video-level `labels` (N, C) as the dataset has them, and `reviewed`
    (N, 2, T, C), both -1, 0, 1. In a clip without any video-level label all are unknown (-1): nobody said that
    nothing happens there. On the CPU: `lengths` (N,), so that no shape waits for the device.

    `truth` (N, T, C) and `pseudo_labels` (N, 2, T, C) are as in `Batch`, -1 behind a clip's segments; None
    where the training does not ask for them.
    """

    names: tuple[str, ...]
    rows: FeatureRows
    starts: Tensor
    lengths: Tensor
    labels: Tensor
    reviewed: Tensor
    truth: Tensor | None = None
    pseudo_labels: Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    @property
    def device(self) -> torch.device:
        return self.labels.device

    @property
    def longest(self) -> int:
        return self.reviewed.shape[2]

    @property
    def valid(self) -> Tensor:
        """(N, T) bool on the device: the segments that a clip has."""
        return torch.arange(self.longest, device=self.device) < self._lengths_on_device[:, None]

    @cached_property
    def _lengths_on_device(self) -> Tensor:
        return self.lengths.to(self.device)

    def batch(self, index: Tensor) -> Batch:
        """The clips at `index` (B,), padded to the longest of them. `index` is on the CPU, pinned for CUDA."""
        lengths = self.lengths[index]
        segments = int(lengths.max())
        is_padded = bool((lengths < segments).any())
        index = index.to(self.device, non_blocking=True)
        place = torch.arange(segments, device=self.device)
        valid = place < self._lengths_on_device[index][:, None]
        # Padding reads a row that is there, and becomes 0.
        rows = self.starts[index][:, None] + place * valid
        inside = valid if is_padded else None
        audio, *visual = self.rows.gather(rows, inside)
        return Batch(
            audio=audio,
            visual=tuple(visual),
            valid=valid,
            labels=self.labels[index],
            reviewed=self.reviewed[index, :, :segments],
            index=index,
            truth=None if self.truth is None else self.truth[index, :segments],
            pseudo_labels=None if self.pseudo_labels is None else self.pseudo_labels[index, :, :segments],
            joint=self.rows.gather_joint(rows, inside),
        )

    def batches(self) -> Iterator[Batch]:
        """All clips, in order, for what is not training."""
        for first in range(0, len(self), _EVALUATED):
            yield self.batch(torch.arange(first, min(first + _EVALUATED, len(self))))


def check_splits(dataset: Dataset) -> None:
    """Refuse a training split that shares a clip with validation or test."""
    train = dataset.splits.get(TRAIN, {})
    for split in (VAL, TEST):
        shared = [name for name in dataset.splits.get(split, {}) if name in train]
        if shared:
            raise DatasetError(
                f"{len(shared)} clips are in the train split and in the {split} split: {some(shared)}. "
                f"What is scored must never be trained on: take them out of one of the two"
            )


def trainable(dataset: Dataset) -> Dataset:
    """The dataset without the train clips of which nothing is known. Raises DatasetError when none is left."""
    train, taught = dataset.splits.get(TRAIN, {}), dataset.taught
    if not train:
        raise DatasetError("the train split is empty: there is nothing to train on")
    if not taught:
        raise DatasetError(
            f"none of the {len(train)} train clips has a video-level label or anything reviewed, so there is "
            f"nothing to learn from: label some of them, or give their video-level labels (train.csv)"
        )
    return replace(dataset, splits={**dataset.splits, TRAIN: taught})


def densely_labelled(dataset: Dataset) -> Dataset:
    """The dataset without the train clips that have no dense truth. Raises DatasetError when none is left."""
    train = dataset.splits.get(TRAIN, {})
    kept = {name: weak for name, weak in train.items() if dataset.truth.get(name)}
    if not kept:
        raise DatasetError(
            f"none of the {len(train)} train clips has dense truth, and that is what this recipe is taught by: "
            f"give a dataset that says when its train clips hold events, as UnAV-100 does"
        )
    return replace(dataset, splits={**dataset.splits, TRAIN: kept})


def clip_tensors(dataset: Dataset, split: str, rows: FeatureRows) -> ClipTensors:
    """The clips of a split that have features, in file order. Reviewed cells only for the train split."""
    members = {name: weak for name, weak in dataset.splits.get(split, {}).items() if name in rows.places}
    labels = np.full((len(members), len(dataset.categories)), ABSENT, np.float32)
    column = {category: i for i, category in enumerate(dataset.categories)}
    for row, weak in zip(labels, members.values(), strict=True):
        row[[column[category] for category in weak]] = PRESENT
        if not weak:
            row[:] = UNSEEN
    clips = _clips(rows, tuple(members), labels)
    for i, name in enumerate(members) if split == TRAIN else ():
        if events := dataset.reviewed.get(name):
            segments = int(clips.lengths[i])
            grid = state_grid(events, dataset.categories, segments)
            clips.reviewed[i, :, :segments] = torch.from_numpy(grid).to(clips.device)
    return clips


def with_truth(clips: ClipTensors, dataset: Dataset) -> ClipTensors:
    """The clips with their dense truth: 1 where a category is both heard and seen, -1 where there is none."""
    count, _, longest, categories = clips.reviewed.shape
    truth = np.full((count, longest, categories), UNSEEN, np.int8)
    for cells, name, segments in zip(truth, clips.names, clips.lengths.tolist(), strict=True):
        if dataset.truth.get(name) or name in dataset.complete:
            events = dataset.truth.get(name, ())
            grid = state_grid(events, dataset.categories, segments, complete=True)
            cells[:segments] = grid.min(axis=0)
    return replace(clips, truth=torch.from_numpy(truth).to(clips.device))


def with_pseudo_labels(
    clips: ClipTensors, parses: ParseFile, categories: Sequence[str], config: LabelConfig
) -> ClipTensors:
    """The clips with the pseudo-labels of a parse file, which may know more clips and more categories.

    Soft ones are its probabilities, others 0 and 1 as its rule predicts; `filtered`: 0 where the video-level
    labels, as a person's corrections leave them, say that a category is absent. A clip that the file does not
    hold has -1. Raises DatasetError for categories that it does not know, and for clips with other numbers of
    segments.
    """
    lacking = [category for category in categories if category not in parses.categories]
    if lacking:
        raise DatasetError(
            f"the pseudo-labels do not know {len(lacking)} of the {len(categories)} categories "
            f"({some(lacking)}): make them for this dataset (`avvp-trainer pseudo-label`)"
        )
    ordered = parses.with_categories(categories)
    places = {name: i for i, name in enumerate(parses.names)}
    _check_segments(clips, ordered, places)
    values = _cell_labels(ordered, soft=config.soft)
    found = np.full(clips.reviewed.shape, UNSEEN, np.float32)
    for cells, name, segments in zip(found, clips.names, clips.lengths.tolist(), strict=True):
        if name in places:
            first = int(ordered.offsets[places[name]])
            cells[:, :segments] = values[:, first : first + segments]
    labels = torch.from_numpy(found).to(clips.device)
    if config.filtered:
        corrected = correct_video_labels(clips.labels, clips.reviewed, clips.valid)
        labels = labels.masked_fill_((corrected == ABSENT)[:, None, None, :] & (labels != UNSEEN), 0)
    return replace(clips, pseudo_labels=labels)


def _check_segments(clips: ClipTensors, parses: ParseFile, places: Mapping[str, int]) -> None:
    """Refuse pseudo-labels that were made on another grid than that of the features."""
    told = np.diff(parses.offsets)
    wrong = [
        f"{name} ({told[places[name]]} instead of {segments})"
        for name, segments in zip(clips.names, clips.lengths.tolist(), strict=True)
        if name in places and told[places[name]] != segments
    ]
    if wrong:
        raise DatasetError(
            f"the pseudo-labels of {len(wrong)} clips have another number of segments than their features "
            f"({some(wrong)}): make them of these features (`avvp-trainer pseudo-label`)"
        )


def _cell_labels(parses: ParseFile, *, soft: bool) -> NDArray[np.float32]:
    """(2, R, C): what the file says of each of the R segments of its clips."""
    if soft:
        return np.stack([parses.audio, parses.visual])
    # Every segment as a clip of its own, under the gate of the clip that it is of.
    lengths = np.diff(parses.offsets)
    videos = (parses.video, parses.audio_video, parses.visual_video)
    whole, heard, seen = (None if video is None else video.repeat(lengths, axis=0) for video in videos)
    assert whole is not None
    every = Parse(parses.audio[:, None], parses.visual[:, None], whole, heard, seen)
    return np.asarray(every.predicted(parses.rule)[:, :, 0].swapaxes(0, 1), np.float32)


def unlabelled_tensors(rows: FeatureRows, categories: int) -> ClipTensors:
    """Clips to be parsed: nothing is known of them."""
    return _clips(rows, tuple(rows.places), np.full((len(rows.places), categories), UNSEEN, np.float32))


def _clips(rows: FeatureRows, names: tuple[str, ...], labels: NDArray[np.float32]) -> ClipTensors:
    """The clips with nothing reviewed."""
    places = np.array([rows.places[name] for name in names], np.int64)
    lengths = rows.lengths[places]
    grid = (len(names), 2, int(lengths.max(initial=1)), labels.shape[1])
    return ClipTensors(
        names=names,
        rows=rows,
        starts=torch.from_numpy(rows.starts[places]).to(rows.device),
        lengths=torch.from_numpy(lengths),
        labels=torch.from_numpy(labels).to(rows.device),
        reviewed=torch.full(grid, UNSEEN, dtype=torch.int8, device=rows.device),
    )
