"""What makes the pseudo-labels of a pipeline: a generator, or VALOR's rule, which needs no training."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from trainer.annotations import Dataset
from trainer.captions import Captions
from trainer.config import Config, FeatureConfig, LabelConfig
from trainer.parses import ParseFile
from trainer.pipeline.stage import Inputs
from trainer.protocol import Reporter
from trainer.pseudo_labels import Making, known_thresholds
from trainer.pseudo_labels.generator import Labelling, file_hash
from trainer.pseudo_labels.target import Target
from trainer.pseudo_labels.thresholds import check_searchable
from trainer.pseudo_labels.valor import SETS, ValorLabelling, said_of_valor, told_thresholds

_GIVE_CAPTIONS = "give with --captions a file that has thresholds of all its categories"


class Labeller(Protocol):
    """One way to label. A `checkpoint` is that of the generator, where there is one."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def sets(self) -> FeatureConfig:
        """The features that are labelled by."""

    @property
    def widths(self) -> Mapping[str, int] | None:
        """The columns that they must have."""

    def check(self, dataset: Dataset, known: Container[str] | None = None) -> None:
        """Refuse a dataset that tells no thresholds, by the clips that are `known`. Raises PseudoLabelError."""

    def inputs(self, dataset: Dataset, labels: LabelConfig, checkpoint: Path | None) -> Inputs:
        """What the labels depend on beside the dataset, its features and texts."""

    def make(
        self,
        target: Target,
        labels: LabelConfig,
        checkpoint: Path | None,
        device: torch.device,
        reporter: Reporter,
    ) -> ParseFile:
        """The labels. Raises what `make` of the labelling raises."""

    def said(self, categories: int) -> Mapping[str, Any]:
        """What a parser may ask the labels for, before they are made."""


@dataclass(frozen=True, kw_only=True)
class ByGenerator:
    """By a generator of these settings; `threshold`: one probability for all, where it is not searched."""

    config: Config
    widths: Mapping[str, int]
    threshold: float | None

    @property
    def name(self) -> str:
        return self.config.recipe

    @property
    def sets(self) -> FeatureConfig:
        return self.config.features

    def check(self, dataset: Dataset, known: Container[str] | None = None) -> None:
        if self.threshold is None:
            check_searchable(dataset, known)

    def inputs(self, dataset: Dataset, labels: LabelConfig, checkpoint: Path | None) -> Inputs:
        assert checkpoint is not None
        settings = {
            "labels.temperature": labels.temperature,
            "labels.filtered": labels.filtered,
            "--threshold": self.threshold,
        }
        return {"generator": file_hash(checkpoint), "settings": settings}

    def make(
        self,
        target: Target,
        labels: LabelConfig,
        checkpoint: Path | None,
        device: torch.device,
        reporter: Reporter,
    ) -> ParseFile:
        assert checkpoint is not None
        labelling = Labelling(
            features=target.features, dataset=target.dataset, checkpoint=checkpoint, device=device
        )
        thresholds = None
        if self.threshold is not None:
            thresholds = known_thresholds(self.threshold, len(target.dataset.categories))
        making = Making(temperature=labels.temperature, filtered=labels.filtered)
        return labelling.make(making, thresholds, reporter)

    def said(self, categories: int) -> Mapping[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class ByValor:
    """By captions: with the thresholds that their file tells, else with those that are searched on val."""

    captions: Captions
    sets: FeatureConfig = SETS
    name: str = "VALOR's rule"
    widths: None = None

    def check(self, dataset: Dataset, known: Container[str] | None = None) -> None:
        if self.captions.without_threshold(dataset.categories):
            check_searchable(dataset, known, _GIVE_CAPTIONS)

    def inputs(self, dataset: Dataset, labels: LabelConfig, checkpoint: Path | None) -> Inputs:
        is_told = not self.captions.without_threshold(dataset.categories)
        rows = self.captions.threshold_rows(dataset.categories).tolist() if is_told else "val"
        settings = {
            "labels.soft": labels.soft,
            "labels.temperature": labels.temperature,
            "labels.filtered": labels.filtered,
        }
        return {"method": self.name, "thresholds": rows, "settings": settings}

    def make(
        self,
        target: Target,
        labels: LabelConfig,
        checkpoint: Path | None,
        device: torch.device,
        reporter: Reporter,
    ) -> ParseFile:
        labelling = ValorLabelling(features=target.features, dataset=target.dataset, sets=self.sets)
        thresholds = told_thresholds(self.captions, target.dataset, None, reporter)
        making = Making(temperature=labels.temperature, hard=not labels.soft, filtered=labels.filtered)
        return labelling.make(making, thresholds, reporter)

    def said(self, categories: int) -> Mapping[str, Any]:
        return said_of_valor([[0.0] * categories] * 2)
