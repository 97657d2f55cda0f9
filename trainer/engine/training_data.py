"""What a training reads before its first step: checked, on the device, and said where it is odd."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import torch

from trainer.annotations import Dataset, labels_hash
from trainer.config import Config
from trainer.dataset import (
    TEST,
    TRAIN,
    VAL,
    ClipTensors,
    DatasetError,
    check_splits,
    clip_tensors,
    feature_notes,
    feature_rows,
    trainable,
)
from trainer.features import Features, FeatureStore, Scaling, some
from trainer.group import Group
from trainer.labels import UNSEEN, state_grid
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The `train` and `validation` clips on the device; `dataset` without the train clips that teach nothing.

    `widths` and `scaling` are of the features, `labels` the hash of the whole dataset.
    """

    dataset: Dataset
    train: ClipTensors
    validation: ClipTensors
    widths: dict[str, int]
    scaling: Scaling | None
    labels: str

    def fingerprint(self) -> str:
        """Tells whether two runs train on the same clips with the same labels."""
        digest = hashlib.sha256("\n".join((*self.dataset.categories, *self.train.names)).encode())
        for tensor in (self.train.labels, self.train.reviewed):
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()


def read_training_data(
    config: Config,
    dataset: Dataset,
    store: FeatureStore,
    device: torch.device,
    reporter: Reporter,
    group: Group,
) -> TrainingData:
    """Read all that the training needs, or raise DatasetError or FeatureError; notes say what is left out."""
    labels = labels_hash(dataset)
    check_splits(dataset)
    dataset = _trainable(dataset, reporter)
    _tell_of_reviewed(dataset, reporter)
    with group.first_ahead():  # who packs the features
        features = _read_features(config, dataset, store, reporter)
    trained = [name for name in dataset.splits[TRAIN] if name in features.index]
    scaling = Scaling.of(features, trained) if config.features.standardise else None
    rows = feature_rows(features, config.features, device, scaling)
    return TrainingData(
        dataset=dataset,
        train=clip_tensors(dataset, TRAIN, rows),
        validation=clip_tensors(dataset, VAL, rows),
        widths=dict(features.widths),
        scaling=scaling,
        labels=labels,
    )


def _trainable(dataset: Dataset, reporter: Reporter) -> Dataset:
    """Without the train clips of which nothing is known; says which those are, and of which little is."""
    kept = trainable(dataset)
    every, taught = dataset.splits[TRAIN], kept.splits[TRAIN]
    unknown = [name for name in every if name not in taught]
    reviewed_only = [name for name, labels in taught.items() if not labels]
    for names, text in (
        (unknown, "have no video-level label and nothing reviewed, and are left out"),
        (reviewed_only, "have no video-level label: only what was reviewed in them is trained"),
    ):
        if names:
            reporter.send(Note(text=f"{len(names)} of {len(every)} train clips {text}: {some(names)}"))
    return kept


def _tell_of_reviewed(dataset: Dataset, reporter: Reporter) -> None:
    """Say which reviewed cells are not trained on, because they correct what a training is scored by."""
    scored = {name for split in (VAL, TEST) for name in dataset.splits.get(split, {})}
    names = [name for name, events in dataset.reviewed.items() if events and name in scored]
    cells = 0
    for name in names:
        events = dataset.reviewed[name]
        segments = math.ceil(max(event.offset for event in events))
        cells += int(np.count_nonzero(state_grid(events, dataset.categories, segments) != UNSEEN))
    if names:
        reporter.send(
            Note(
                text=f"{cells} reviewed cells of {len(names)} val and test clips are refused as training "
                f"labels: they correct the truth that scores, and nothing else ({some(names)})"
            )
        )


def _read_features(config: Config, dataset: Dataset, store: FeatureStore, reporter: Reporter) -> Features:
    """The features of train and val; clips that have none are left out and said, unless it is all of train."""
    train_clips, val_clips = (dataset.splits.get(split, {}) for split in (TRAIN, VAL))
    segments = dataset.segments if config.features.resample else None
    names = [*train_clips, *val_clips]
    features = store.read(names, segments=segments, progress=progress_of(reporter, "load"))
    if not any(name in features.index for name in train_clips):
        raise DatasetError(
            f"none of the {len(train_clips)} labelled train clips has features: extract them first "
            f"({some(list(train_clips))})"
        )
    if features.missing:
        counts = [
            f"{sum(name in clips for name in features.missing)} of {len(clips)} {split} clips"
            for split, clips in ((TRAIN, train_clips), (VAL, val_clips))
        ]
        reporter.send(
            Note(text=f"left out for want of features: {', '.join(counts)}: {some(features.missing)}")
        )
    for text in feature_notes(features):
        reporter.send(Note(text=text))
    return features
