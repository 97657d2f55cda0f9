"""From parses and dense truth to the ten numbers; the same for a training's validation and for a parse file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from trainer import metrics
from trainer.annotations import Dataset
from trainer.labels import PRESENT, UNSEEN, state_grid
from trainer.parses import Parse


def scored_names(dataset: Dataset, split: str) -> list[str]:
    """The clips of a split whose dense truth is complete, in file order."""
    return [name for name in dataset.splits.get(split, {}) if name in dataset.complete]


def score_parses(
    parses: Mapping[str, Parse], dataset: Dataset, names: Iterable[str], *, threshold: float
) -> dict[str, float]:
    """The ten numbers of trainer.metrics over the named clips that were parsed; empty when there are none.

    What a person reviewed corrects the dense truth, cell by cell.
    """
    scored = [(name, parses[name].predicted(threshold)) for name in names if name in parses]
    if not scored:
        return {}
    categories = dataset.categories
    longest = max(predicted.shape[1] for _, predicted in scored)
    cells = np.zeros((2, len(scored), 2, longest, len(categories)), np.bool_)
    valid = np.zeros((len(scored), longest), np.bool_)
    for i, (name, predicted) in enumerate(scored):
        segments = predicted.shape[1]
        cells[0, i, :, :segments] = predicted
        cells[1, i, :, :segments] = _truth(dataset, name, segments)
        valid[i, :segments] = True
    return metrics.scores(cells[0], cells[1], valid)


def _truth(dataset: Dataset, name: str, segments: int) -> NDArray[np.bool_]:
    """Where there is an event (2, T, C), in a clip whose dense truth is complete."""
    truth = state_grid(dataset.truth.get(name, ()), dataset.categories, segments, complete=True)
    reviewed = state_grid(dataset.reviewed.get(name, ()), dataset.categories, segments)
    return np.asarray(np.where(reviewed == UNSEEN, truth, reviewed) == PRESENT)
