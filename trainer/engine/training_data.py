"""What a training reads before its first step: checked, on the device, and said where it is odd."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer import supervision as rules
from trainer.annotations import Dataset, labels_hash
from trainer.batch import Material
from trainer.config import Config, ConfigError
from trainer.dataset import (
    TEST,
    TRAIN,
    VAL,
    ClipTensors,
    DatasetError,
    check_splits,
    clip_tensors,
    densely_labelled,
    feature_notes,
    feature_rows,
    trainable,
    with_pseudo_labels,
    with_truth,
)
from trainer.features import Features, FeatureStore, Scaling, some
from trainer.group import Group
from trainer.labels import UNSEEN, state_grid
from trainer.models import MODELS
from trainer.parses import ParseFile
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter
from trainer.texts import read_texts

_META = "pseudo_labels"
"""What of a parse file's meta says how pseudo-labels were made."""

_MODALITIES = ("audio", "visual")


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The `train` and `validation` clips on the device; `dataset` without the train clips that teach nothing.

    `widths` and `scaling` are of the features, `labels` the hash of the whole dataset. `material` is what the
    parser is given before its first step, on the CPU.
    """

    dataset: Dataset
    train: ClipTensors
    validation: ClipTensors
    widths: dict[str, int]
    scaling: Scaling | None
    labels: str
    material: Material

    @cached_property
    def fingerprint(self) -> str:
        """Tells whether two runs train on the same clips with the same labels, and on the same texts."""
        digest = hashlib.sha256("\n".join((*self.dataset.categories, *self.train.names)).encode())
        train, material = self.train, self.material
        given = (train.labels, train.reviewed, train.truth, train.pseudo_labels)
        for tensor in (*given, *(material.texts or ()), material.thresholds):
            if tensor is not None:
                digest.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        digest.update(np.array(material.scales or ()).data)
        return digest.hexdigest()


def read_training_data(
    config: Config,
    dataset: Dataset,
    store: FeatureStore,
    device: torch.device,
    reporter: Reporter,
    group: Group,
    pseudo_labels: ParseFile | None = None,
) -> TrainingData:
    """Read all that the training needs, or raise ConfigError, DatasetError, FeatureError or TextError.

    Notes say what is left out.
    """
    labels = labels_hash(dataset)
    _check_kind(config, pseudo_labels)
    check_splits(dataset)
    dataset = _with_dense_truth(dataset, reporter) if _is_dense(config) else _trainable(dataset, reporter)
    _tell_of_reviewed(dataset, reporter)
    with group.first_ahead():  # who packs the features
        features = _read_features(config, dataset, store, reporter)
    texts = _read_texts(config, dataset, store, features)
    trained = [name for name in dataset.splits[TRAIN] if name in features.index]
    sets = config.features
    scaling = Scaling.of(features, trained, (sets.audio, *sets.visual)) if sets.standardise else None
    rows = feature_rows(features, sets, device, scaling)
    train, validation = (
        _with_labels(clip_tensors(dataset, split, rows), config, dataset, pseudo_labels)
        for split in (TRAIN, VAL)
    )
    return TrainingData(
        dataset=dataset,
        train=train,
        validation=validation,
        widths=dict(features.widths),
        scaling=scaling,
        labels=labels,
        material=Material(
            texts, _label_rates(train, reporter), *_logits_of_valor(pseudo_labels, dataset.categories)
        ),
    )


def _logits_of_valor(
    parses: ParseFile | None, categories: Sequence[str]
) -> tuple[Tensor, tuple[float, float]] | tuple[None, None]:
    """The thresholds (2, C) and scales of the logits that VALOR's pseudo-labels were made of; else nothing."""
    told = None if parses is None else _told_by_valor(parses)
    if parses is None or told is None:
        return None, None
    thresholds, scales = told
    columns = [parses.categories.index(category) for category in categories]
    return torch.from_numpy(thresholds[:, columns]), scales


def _told_by_valor(parses: ParseFile) -> tuple[NDArray[np.float64], tuple[float, float]] | None:
    """The same of all categories of the file, in its order; None where it does not tell them.

    Labels that VALOR published do not.
    """
    try:
        said = parses.meta[_META]
        thresholds = np.array([said["thresholds"][modality] for modality in _MODALITIES], np.float64)
        audio, visual = (float(said["scales"][modality]) for modality in _MODALITIES)
        is_valor = said["method"] == "valor"
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    fits = thresholds.shape == (2, len(parses.categories))
    is_finite = np.isfinite([*thresholds.flat, audio, visual]).all()
    return (thresholds, (audio, visual)) if is_valor and fits and is_finite else None


def _is_dense(config: Config) -> bool:
    return config.labels.kind == "dense"


def _check_kind(config: Config, pseudo_labels: ParseFile | None) -> None:
    """Refuse labels that the parser is not taught by, pseudo-labels that are not asked for, and their lack."""
    _, parser = MODELS[config.parser]
    kind = config.labels.kind
    if parser.taught_by != kind:
        raise ConfigError(
            f'labels.kind = "{kind}", but {config.parser} is taught by "{parser.taught_by}" labels: '
            f'set labels.kind = "{parser.taught_by}", or choose another parser'
        )
    if kind == "pseudo" and pseudo_labels is None:
        raise DatasetError(
            f"{config.recipe} is taught by pseudo-labels, and none are given: give a parse file with "
            f"--pseudo-labels (`avvp-trainer pseudo-label` makes one), or let `avvp-trainer pipeline` do it all"
        )
    if kind != "pseudo" and pseudo_labels is not None:
        raise DatasetError(
            f"{config.recipe} is not taught by pseudo-labels: leave them out, or choose a recipe whose "
            f'labels.kind is "pseudo"'
        )
    if config.features.joint:
        _check_joint(config, pseudo_labels)


def _check_joint(config: Config, pseudo_labels: ParseFile | None) -> None:
    """Refuse joint features that the parser does not read, or that nobody says thresholds for."""
    _, parser = MODELS[config.parser]
    joint = [*config.features.joint]
    if not parser.reads_joint:
        raise ConfigError(
            f"features.joint = {joint}: {config.parser} reads no such features; leave them out (--set "
            f'"features.joint=[]"), or choose another parser'
        )
    told = None if pseudo_labels is None else _told_by_valor(pseudo_labels)
    sets = None if pseudo_labels is None or told is None else pseudo_labels.meta[_META].get("features", joint)
    if sets != joint:
        others = "do not tell VALOR's" if sets is None else f"were made of {sets}"
        raise DatasetError(
            f"{config.recipe} makes pseudo-labels itself too, as VALOR does, of features.joint = {joint}, by "
            f"the thresholds of the pseudo-labels that it is taught by; those that are given {others}: make "
            f"them with `avvp-trainer pseudo-label valor`, or choose a recipe without features.joint"
        )


def _with_labels(
    clips: ClipTensors, config: Config, dataset: Dataset, pseudo_labels: ParseFile | None
) -> ClipTensors:
    """The clips with what the parser is taught by beside video-level labels."""
    if _is_dense(config):
        return with_truth(clips, dataset)
    if pseudo_labels is None:
        return clips
    return with_pseudo_labels(clips, pseudo_labels, dataset.categories, config.labels)


def _with_dense_truth(dataset: Dataset, reporter: Reporter) -> Dataset:
    """Without the train clips that have no dense truth; says how many those are."""
    kept = densely_labelled(dataset)
    every, taught = dataset.splits[TRAIN], kept.splits[TRAIN]
    left_out = [name for name in every if name not in taught]
    if left_out:
        text = f"{len(left_out)} of {len(every)} train clips have no dense truth, and are left out"
        reporter.send(Note(text=f"{text}: {some(left_out)}"))
    return kept


def _label_rates(clips: ClipTensors, reporter: Reporter) -> Tensor | None:
    """The share of segments that have a pseudo-label (2, C); says which clips have none."""
    labels = clips.pseudo_labels
    if labels is None:
        return None
    # The first segment is always a clip's own.
    lacks = (labels[:, 0, 0] == UNSEEN).all(dim=1).cpu().numpy()
    without = [name for name, has_none in zip(clips.names, lacks, strict=True) if has_none]
    if len(without) == len(clips):
        raise DatasetError(
            f"the pseudo-labels hold none of the {len(clips)} train clips: give those of this dataset "
            f"({some(without)})"
        )
    if without:
        text = f"{len(without)} of {len(clips)} train clips have no pseudo-labels"
        reporter.send(Note(text=f"{text}: their video-level labels alone are trained: {some(without)}"))
    rates: Tensor = rules.label_rates(labels, clips.valid)
    return rates.cpu()


def _read_texts(
    config: Config, dataset: Dataset, store: FeatureStore, features: Features
) -> tuple[Tensor, Tensor] | None:
    """The text features of the joint sets, or of the audio set and the first visual set, if any are read."""
    _, parser = MODELS[config.parser]
    sets = config.features
    if not parser.reads_texts and not sets.joint:
        return None
    names = sets.joint or (sets.audio, sets.visual[0])
    audio, visual = (_texts_of(name, dataset, store, features) for name in names)
    return audio, visual


def _texts_of(name: str, dataset: Dataset, store: FeatureStore, features: Features) -> Tensor:
    texts, width = read_texts(store.folder, name, dataset.categories), features.widths[name]
    if texts.shape[1] != width:
        raise DatasetError(
            f"the text features of {name} have {texts.shape[1]} columns and its segments {width}: make both "
            f"with one encoder, so that they lie in one space"
        )
    return torch.from_numpy(texts)


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
