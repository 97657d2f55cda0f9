"""The thresholds that logits must exceed to be labels: told, taken from a file, or searched on validation.

Logits are (2, T, C) float32 by clip, audio before visual. The rules are those of `trainer.supervision`.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer import supervision as rules
from trainer.annotations import SPLITS, Dataset
from trainer.captions import Captions
from trainer.features import some
from trainer.labels import ABSENT, PRESENT, UNSEEN, Modality, state_grid
from trainer.parses import read_parses
from trainer.protocol import Note, Reporter
from trainer.scoring import scored_names, truth_cells

Logits: TypeAlias = Mapping[str, NDArray[np.float32]]

META = "pseudo_labels"
"""What of a parse file's meta says how pseudo-labels were made."""

GENERATOR, VALOR = "generator", "valor"
"""Methods whose logits differ in scale, so that the thresholds of one mean nothing to the other."""

MODALITIES = tuple(str(modality) for modality in Modality)

GIVE_PROBABILITY = "give a probability with --threshold, such as 0.5"
GIVE_LOGITS = "give two logits with --threshold, such as 2 15, or with --captions a file that has thresholds"


class PseudoLabelError(ValueError):
    """Pseudo-labels that cannot be made, and what would do."""


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Of logits, `values` (2, C) float64, and where they are from, in words.

    A value may be minus infinity (every cell of the category is one), and nan where nothing tells. `captions`:
    the file that has them, where one has.
    """

    values: NDArray[np.float64]
    source: str
    captions: Captions | None = None

    def finite(self, logits: Logits, categories: Sequence[str], reporter: Reporter) -> NDArray[np.float64]:
        """What labels are made by: minus infinity becomes a logit below all others (UWAV's code), nan 0."""
        least = np.min([cells.min(axis=1) for cells in logits.values()], axis=0)  # (2, C)
        values = np.where(self.values == -np.inf, least - 1.0, self.values)
        _tell_unknown(values, categories, "probability 0.5", reporter)
        return np.where(np.isnan(values), 0.0, values)

    def with_medians(self, categories: Sequence[str], reporter: Reporter) -> Thresholds:
        """With the median of its modality where nothing tells. Raises PseudoLabelError where none is known."""
        known = [row[np.isfinite(row)] for row in self.values]
        for modality, row in zip(MODALITIES, known, strict=True):
            if not row.size:
                text = f"the validation clips tell no finite threshold of {modality} for any category"
                raise PseudoLabelError(f"{text}: {GIVE_LOGITS}")
        _tell_unknown(self.values, categories, "the median of the others", reporter)
        medians = np.array([[np.median(row)] for row in known])
        return replace(self, values=np.where(np.isnan(self.values), medians, self.values))


def _tell_unknown(
    values: NDArray[np.float64], categories: Sequence[str], instead: str, reporter: Reporter
) -> None:
    for modality, row in zip(MODALITIES, values, strict=True):
        unknown = [category for category, is_it in zip(categories, np.isnan(row), strict=True) if is_it]
        if unknown:
            text = f"no validation clip tells a threshold of {modality} for {len(unknown)} categories; "
            reporter.send(Note(text=f"{text}theirs is {instead}: {some(unknown)}"))


# Where they are from


def known_thresholds(probability: float, categories: int) -> Thresholds:
    """The logit of one probability, between 0 and 1, for all categories."""
    logit = math.log(probability / (1 - probability))
    return Thresholds(np.full((2, categories), logit), f"probability {probability:g}")


def given_thresholds(audio: float, visual: float, categories: int) -> Thresholds:
    """One logit a modality, for all categories."""
    values = np.repeat([[audio], [visual]], categories, axis=1).astype(np.float64)
    return Thresholds(values, f"logits {audio:g} (audio) and {visual:g} (visual)")


def published_thresholds(captions: Captions, categories: Sequence[str]) -> Thresholds:
    """Those that a file of captions has. Raises PseudoLabelError where it lacks some."""
    lacking = captions.without_threshold(categories)
    if lacking:
        raise PseudoLabelError(
            f"{captions.name}: has no thresholds of {len(lacking)} of the {len(categories)} categories "
            f"({some(lacking)}); search them with --thresholds val, or add them to a copy of the file"
        )
    return Thresholds(captions.threshold_rows(categories), f"captions {captions.name}", captions)


def thresholds_of(path: Path, categories: Sequence[str], method: str = GENERATOR) -> Thresholds:
    """Those that another file of pseudo-labels was made by. Raises ParseError and PseudoLabelError.

    `method`: what they are to be used for; VALOR's and a generator's logits differ in scale.
    """
    file = read_parses(path)
    try:
        said = file.meta[META]["thresholds"]
        made_by = str(file.meta[META]["method"])
        found = np.array([said[modality] for modality in MODALITIES], np.float64)
        if found.shape != (2, len(file.categories)) or not np.all(np.isfinite(found)):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise PseudoLabelError(
            f"{path}: does not say by which thresholds it was made; give a file of `pseudo-label {method}`"
        ) from None
    if (made_by == VALOR) != (method == VALOR):
        raise PseudoLabelError(
            f"{path}: its thresholds are of the logits of {made_by}, which have another scale than those of "
            f"{method}; give a file of `pseudo-label {method}`"
        )
    missing = [category for category in categories if category not in file.categories]
    if missing:
        raise PseudoLabelError(f"{path}: has no threshold for {some(missing)}")
    columns = [file.categories.index(category) for category in categories]
    return Thresholds(found[:, columns], str(path))


def searched_thresholds(
    logits: Logits, dataset: Dataset, instead: str = GIVE_PROBABILITY, *, filtered: bool = True
) -> Thresholds:
    """The thresholds of each category that score best on the validation clips (UWAV).

    `filtered`: a category is a candidate in clips whose video-level labels have it, or that have none; else in
    every clip, for which thresholds are higher. Raises PseudoLabelError where there is no truth of what is
    heard and what is seen; it says what to do `instead`.
    """
    names = check_searchable(dataset, logits, instead)
    lengths = [logits[name].shape[1] for name in names]
    sized = list(zip(names, lengths, strict=True))
    values = np.concatenate([logits[name] for name in names], axis=1)
    truth = np.concatenate([truth_cells(dataset, name, length) for name, length in sized], axis=1)
    labels = np.stack([video_labels(dataset, name, length) for name, length in sized])
    candidates = np.repeat((labels != ABSENT) | (not filtered), lengths, axis=0)
    found = [rules.class_thresholds(values[i], truth[i], candidates) for i in range(2)]
    source = "best F-score of segments on val" + ("" if filtered else ", by no video-level labels")
    return Thresholds(np.stack(found).astype(np.float64), source)


def check_searchable(
    dataset: Dataset, known: Container[str] | None = None, instead: str = GIVE_PROBABILITY
) -> list[str]:
    """The clips that thresholds can be searched by, of those that are `known`. Raises PseudoLabelError."""
    names = [name for name in scored_names(dataset, "val") if known is None or name in known]
    if names and not dataset.audio_visual_only:
        return names
    why = "no validation clip has complete truth" + ("" if known is None else " and features")
    if dataset.audio_visual_only:
        why = "its truth does not tell what is heard from what is seen"
    raise PseudoLabelError(f"the dataset gives nothing to search thresholds by ({why}): {instead}")


def video_labels(dataset: Dataset, name: str, segments: int) -> NDArray[np.float32]:
    """The video-level states (C,) of a clip, all unknown where it has no label.

    Those of a train clip are corrected by what a person reviewed in it; what was reviewed in val and test
    corrects the truth that scores, and must not help to make what is scored.
    """
    split = next(split for split in SPLITS if name in dataset.splits.get(split, {}))
    weak, categories = dataset.splits[split][name], dataset.categories
    states = [(PRESENT if category in weak else ABSENT) if weak else UNSEEN for category in categories]
    labels = np.array(states, np.float32)
    reviewed = dataset.reviewed.get(name, ()) if split == "train" else ()
    if not reviewed:
        return labels
    grid = state_grid(reviewed, categories, segments)
    return np.asarray(rules.correct_video_labels(labels, grid), np.float32)
