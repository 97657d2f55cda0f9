"""What a training of a pipeline reads, and whether it can: asked before the first stage begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.annotations import Dataset
from trainer.checkpoint import build_model
from trainer.config import Config, FeatureConfig
from trainer.dataset import TRAIN, VAL, check_splits
from trainer.engine.training_data import read_training_data
from trainer.features import Features, FeatureStore
from trainer.group import Group
from trainer.jobs import UsageError, every_clip, feature_store, read_noted
from trainer.models import MODELS
from trainer.parses import Parse, ParseFile
from trainer.pipeline.stage import features_hash, part_hash, settings_of, texts_hash
from trainer.progress import progress_of
from trainer.protocol import Message, Progress, Reporter
from trainer.pseudo_labels.thresholds import META


@dataclass(frozen=True, eq=False)
class Material:
    """What a training reads: the `dataset` of a `folder`, and from the folder `features` the sets that the
    `config` asks for."""

    config: Config
    folder: Path
    features: Path
    dataset: Dataset
    store: FeatureStore

    @staticmethod
    def read(config: Config, folder: Path, features: Path, reporter: Reporter) -> Material:
        dataset = read_noted(folder, reporter)
        check_splits(dataset)
        return Material(config, folder, features, dataset, feature_store(features, config))

    @property
    def clips(self) -> list[str]:
        """Those that the training reads."""
        return [name for split in (TRAIN, VAL) for name in self.dataset.splits.get(split, {})]

    def inputs(self, features: Features) -> dict[str, object]:
        """What the training depends on; `features` are those of `read_features`."""
        inputs: dict[str, object] = {
            "settings": settings_of(self.config),
            "dataset": part_hash(self.dataset, splits=(TRAIN, VAL), truth=(TRAIN, VAL)),
            "features": features_hash(features, self.clips),
        }
        reads_texts = MODELS[self.config.parser][1].reads_texts or bool(self.config.features.joint)
        return {**inputs, "texts": self.texts(self.config.features)} if reads_texts else inputs

    def texts(self, sets: FeatureConfig) -> str:
        """Tells the text features that go with these sets here."""
        return texts_hash(self.features, sets, self.dataset.categories)

    def rehearse(self, reporter: Reporter, labels: ParseFile | None = None) -> Mapping[str, int]:
        """Read all that the training will and build its parser, which raises what it would raise then.

        Gives the widths of the feature sets. Notes are left to the training.
        """
        quiet, cpu = _Quiet(reporter), torch.device("cpu")
        data = read_training_data(self.config, self.dataset, self.store, cpu, quiet, Group(), labels)
        build_model(self.config, len(data.dataset.categories), data.widths)
        return data.widths

    def read_features(
        self, sets: FeatureConfig, reporter: Reporter, widths: Mapping[str, int] | None = None
    ) -> Features:
        """The features of every clip, of these sets, all checked and packed.

        `widths`: the columns that they must have, which are those of the generator's features.
        """
        store, segments = feature_store(self.features, replace(self.config, features=sets)), None
        if sets.resample:
            segments = self.dataset.segments
        read = store.read(every_clip(self.dataset), segments=segments, progress=progress_of(reporter, "load"))
        other = [
            f"{name} has {read.widths[name]} columns, and {width} where the generator is trained"
            for name, width in (widths or {}).items()
            if read.widths[name] != width
        ]
        if other:
            raise UsageError(f"{self.features}: {'; '.join(other)}: extract both by one encoder")
        return read


def no_labels(segments: Mapping[str, int], categories: Sequence[str], said: Mapping[str, Any]) -> ParseFile:
    """Pseudo-labels of clips of so many `segments`: nothing is heard or seen. `said`: how they were made."""
    nothing = np.zeros(len(categories), np.float32)
    clips = {name: np.zeros((count, len(categories)), np.float32) for name, count in segments.items()}
    parses = {name: Parse(cells, cells, nothing, nothing, nothing) for name, cells in clips.items()}
    return ParseFile.from_clips(parses, categories, {META: dict(said)})


class _Quiet(Reporter):
    """Tells of progress alone."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(None)
        self._reporter = reporter

    def send(self, message: Message) -> None:
        if isinstance(message, Progress):
            self._reporter.send(message)

    @property
    def is_stop_requested(self) -> bool:
        return self._reporter.is_stop_requested
