"""From parses and dense truth to scores; the same for a training's validation and for a parse file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer import metrics
from trainer.annotations import Dataset
from trainer.labels import PRESENT, UNSEEN, state_grid
from trainer.metrics import AUDIO_VISUAL_METRICS, METRICS
from trainer.parses import Parse
from trainer.prediction import PredictionRule


@dataclass(frozen=True, eq=False)
class ScoredCells:
    """What is predicted and true in N clips padded to one T: (N, 2, T, C) bool twice, `valid` (N, T)."""

    predicted: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    valid: NDArray[np.bool_]


def scored_names(dataset: Dataset, split: str) -> list[str]:
    """The clips of a split whose dense truth is complete, in file order."""
    return [name for name in dataset.splits.get(split, {}) if name in dataset.complete]


def scored_metrics(dataset: Dataset) -> tuple[str, ...]:
    """What can be scored: all ten, or AV alone where the truth is audio-visual only (UnAV-100)."""
    return AUDIO_VISUAL_METRICS if dataset.audio_visual_only else METRICS


def score_parses(
    parses: Mapping[str, Parse], dataset: Dataset, names: Iterable[str], *, rule: PredictionRule
) -> dict[str, float]:
    """The scores in per cent over the named clips that were parsed, by a rule; empty when there are none.

    Those of `scored_metrics`. What a person reviewed corrects the dense truth, cell by cell. Raises ParseError
    when the rule needs what the parses do not hold.
    """
    scored = [name for name in names if name in parses]
    if not scored:
        return {}
    cells = scored_cells(parses, dataset, scored, rule=rule)
    found = metrics.scores(cells.predicted, cells.truth, cells.valid)
    return {name: found[name] for name in scored_metrics(dataset)}


def scored_cells(
    parses: Mapping[str, Parse], dataset: Dataset, names: Sequence[str], *, rule: PredictionRule
) -> ScoredCells:
    """The cells to score of clips that all were parsed; a clip has the segments that its parse has."""
    chosen = [parses[name] for name in names]
    predicted = predicted_cells(chosen, rule)
    lengths = {name: len(parse.audio) for name, parse in zip(names, chosen, strict=True)}
    return ScoredCells(predicted, *true_cells(dataset, lengths, predicted.shape[2]))


def predicted_cells(parses: Sequence[Parse], rule: PredictionRule) -> NDArray[np.bool_]:
    """What N parses predict by a rule: (N, 2, T, C), padded to the longest."""
    return _padded(parses).predicted(rule)


def true_cells(
    dataset: Dataset, lengths: Mapping[str, int], longest: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The dense truth (N, 2, T, C) of clips of these lengths, padded to the `longest`, and `valid` (N, T)."""
    valid = np.arange(longest) < np.array(list(lengths.values()), np.int64)[:, None]
    truth = np.zeros((len(lengths), 2, longest, len(dataset.categories)), np.bool_)
    for cells, (name, segments) in zip(truth, lengths.items(), strict=True):
        cells[:, :segments] = truth_cells(dataset, name, segments)
    return truth, valid


def _padded(parses: Sequence[Parse]) -> Parse:
    """The parses as one, of many clips: zeros behind the short ones."""
    longest = max(len(parse.audio) for parse in parses)
    segments = np.zeros((2, len(parses), longest, len(parses[0].video)), np.float32)
    for i, parse in enumerate(parses):
        segments[:, i, : len(parse.audio)] = parse.audio, parse.visual
    return Parse(
        audio=segments[0],
        visual=segments[1],
        video=np.stack([parse.video for parse in parses]),
        audio_video=_stacked([parse.audio_video for parse in parses]),
        visual_video=_stacked([parse.visual_video for parse in parses]),
    )


def _stacked(arrays: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    known = [array for array in arrays if array is not None]
    return np.stack(known) if len(known) == len(arrays) else None


def truth_cells(dataset: Dataset, name: str, segments: int) -> NDArray[np.bool_]:
    """Where there is an event (2, T, C), in a clip whose dense truth is complete."""
    truth = state_grid(dataset.truth.get(name, ()), dataset.categories, segments, complete=True)
    reviewed = dataset.reviewed.get(name, ())
    if reviewed:
        corrected = state_grid(reviewed, dataset.categories, segments)
        truth = np.where(corrected == UNSEEN, truth, corrected)
    return np.asarray(truth == PRESENT)
