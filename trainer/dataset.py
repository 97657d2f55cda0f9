"""From a dataset folder and a feature store to tensors that stay on the device for the whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.annotations import Dataset
from trainer.features import ClipFeatures, some
from trainer.labels import ABSENT, PRESENT, UNSEEN, state_grid

TRAIN, VAL, TEST = "train", "val", "test"


class DatasetError(ValueError):
    """A dataset that must not be trained on, and why."""


@dataclass(frozen=True, eq=False)
class ClipTensors:
    """N clips on the device, padded to the longest: `audio` (N,T,Da), `visual` (N,T,Dv) for each set,
    `valid` (N,T), video-level `labels` (N,C) as the dataset has them, and `reviewed` (N,2,T,C), both -1, 0, 1.
    In a clip without any video-level label all are unknown (-1): nobody said that nothing happens there."""

    names: tuple[str, ...]
    audio: Tensor
    visual: tuple[Tensor, ...]
    valid: Tensor
    labels: Tensor
    reviewed: Tensor

    def __len__(self) -> int:
        return len(self.names)


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


def clip_tensors(
    dataset: Dataset, split: str, features: Mapping[str, ClipFeatures], device: torch.device
) -> ClipTensors:
    """The clips of a split that have features, in file order. Reviewed cells only for the train split."""
    members = {name: weak for name, weak in dataset.splits.get(split, {}).items() if name in features}
    events = dataset.reviewed if split == TRAIN else {}
    labels = [_states(weak, dataset.categories) for weak in members.values()]
    reviewed = [
        state_grid(events.get(name, ()), dataset.categories, features[name].segments) for name in members
    ]
    return _stack({name: features[name] for name in members}, labels, reviewed, len(dataset.categories), device)


def unlabelled_tensors(
    features: Mapping[str, ClipFeatures], categories: int, device: torch.device
) -> ClipTensors:
    """Clips to be parsed: nothing is known of them."""
    return _stack(features, [[UNSEEN] * categories] * len(features), [], categories, device)


def _states(labels: frozenset[str], categories: Sequence[str]) -> list[int]:
    if not labels:
        return [UNSEEN] * len(categories)
    return [PRESENT if category in labels else ABSENT for category in categories]


def _stack(
    features: Mapping[str, ClipFeatures],
    labels: Sequence[Sequence[int]],
    reviewed: Sequence[NDArray[np.int8]],
    categories: int,
    device: torch.device,
) -> ClipTensors:
    clips = list(features.values())
    longest = max((clip.segments for clip in clips), default=1)
    valid = np.zeros((len(clips), longest), np.bool_)
    for row, clip in zip(valid, clips, strict=True):
        row[: clip.segments] = True
    cells = np.full((len(clips), 2, longest, categories), UNSEEN, np.int8)
    for i, grid in enumerate(reviewed):
        cells[i, :, : grid.shape[1]] = grid
    visual_sets = zip(*(clip.visual for clip in clips), strict=True)
    return ClipTensors(
        names=tuple(features),
        audio=_padded([clip.audio for clip in clips], longest).to(device),
        visual=tuple(_padded(arrays, longest).to(device) for arrays in visual_sets),
        valid=torch.from_numpy(valid).to(device),
        labels=torch.from_numpy(np.array(labels, np.float32).reshape(len(clips), categories)).to(device),
        reviewed=torch.from_numpy(cells).to(device),
    )


def _padded(arrays: Sequence[NDArray[np.float32]], rows: int) -> Tensor:
    block = np.zeros((len(arrays), rows, arrays[0].shape[1] if arrays else 0), np.float32)
    for row, array in zip(block, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(block)
