"""One training on planted clips, scored on its test split; and what several seeds say together."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from scipy import stats

from trainer import engine
from trainer.annotations import Dataset
from trainer.checkpoint import load_checkpoint
from trainer.config import Config
from trainer.jobs import feature_store
from trainer.parses import ParseFile
from trainer.parsing import parse_names
from trainer.prediction import PredictionRule
from trainer.protocol import Epoch, Message, Reporter
from trainer.scoring import score_parses

World = TypeVar("World")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Trial:
    """Total loss of the first and the last epoch, scores of the chosen checkpoint on test, and seconds.

    `file`: what it says of the test clips.
    """

    losses: tuple[float, float]
    scores: dict[str, float]
    seconds: float
    file: ParseFile


class _Losses(Reporter):
    def __init__(self) -> None:
        super().__init__(None)
        self.total: list[float] = []

    def send(self, message: Message) -> None:
        if isinstance(message, Epoch):
            self.total.append(message.losses["total"])


def run_trial(
    config: Config, dataset: Dataset, features: Path, pseudo_labels: ParseFile | None = None
) -> Trial:
    """Train by the config, choose by val, score on test."""
    began, device, reporter = time.perf_counter(), torch.device("cpu"), _Losses()
    store = feature_store(features, config)
    with tempfile.TemporaryDirectory() as folder:
        result = engine.train(
            config,
            dataset,
            store,
            Path(folder),
            device=device,
            reporter=reporter,
            pseudo_labels=pseudo_labels,
        )
        parser, info = load_checkpoint(result.checkpoint, device)
    seconds = time.perf_counter() - began
    names = list(dataset.splits["test"])
    file, _ = parse_names(parser, info, store, names, device=device, checkpoint="")
    scores = scores_on_test(file, dataset, config.prediction.rule())
    return Trial((reporter.total[0], reporter.total[-1]), scores, seconds, file)


def scores_on_test(file: ParseFile, dataset: Dataset, rule: PredictionRule) -> dict[str, float]:
    return scores_of(file, dataset, dataset.splits["test"], rule)


def scores_of(
    file: ParseFile, dataset: Dataset, names: Iterable[str], rule: PredictionRule
) -> dict[str, float]:
    """Over the named clips that were parsed."""
    names = list(names)
    parses = {name: parse for name in names if (parse := file.clip(name)) is not None}
    return score_parses(parses, dataset, names, rule=rule)


def timed(run: Callable[[World], Found], worlds: Sequence[World]) -> tuple[list[Found], float]:
    """What is found in each world, and the seconds that one takes."""
    began = time.perf_counter()
    found = [run(world) for world in worlds]
    return found, (time.perf_counter() - began) / len(worlds)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval by Student's t (nan for a single value)."""
    mean, count = float(np.mean(values)), len(values)
    if count < 2:
        return mean, float("nan")
    return mean, float(stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))


def shown(values: Sequence[float]) -> str:
    mean, half = interval(values)
    return f"{mean:5.1f} ± {half:4.1f}" if len(values) > 1 else f"{mean:5.1f}       "
