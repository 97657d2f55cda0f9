"""From parses and dense truth to the ten numbers; the same for a training's validation and for a parse file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from trainer import metrics
from trainer.annotations import Dataset
from trainer.labels import PRESENT, state_grid
from trainer.parses import Parse


def scored_names(dataset: Dataset, split: str) -> list[str]:
    """The clips of a split whose dense truth is complete, in file order."""
    return [name for name in dataset.splits.get(split, {}) if name in dataset.complete]


def score_parses(
    parses: Mapping[str, Parse], dataset: Dataset, names: Iterable[str], *, threshold: float
) -> dict[str, float]:
    """The ten numbers of trainer.metrics over the named clips that were parsed; empty when there are none."""
    scored = [(name, parses[name].predicted(threshold)) for name in names if name in parses]
    if not scored:
        return {}
    categories = dataset.categories
    longest = max(predicted.shape[1] for _, predicted in scored)
    cells = np.zeros((2, len(scored), 2, longest, len(categories)), np.bool_)
    valid = np.zeros((len(scored), longest), np.bool_)
    for i, (name, predicted) in enumerate(scored):
        segments = predicted.shape[1]
        truth = state_grid(dataset.truth.get(name, ()), categories, segments, complete=True) == PRESENT
        cells[0, i, :, :segments], cells[1, i, :, :segments] = predicted, truth
        valid[i, :segments] = True
    return metrics.scores(cells[0], cells[1], valid)
