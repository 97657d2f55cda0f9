"""From logits to pseudo-labels in a parse file (EAR Eq. 9, which is UWAV's Eq. 10 and 12), and their origin.

Logits are (2, T, C) float32 by clip, audio before visual. The rules are those of `trainer.supervision`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer import supervision as rules
from trainer.annotations import SPLITS, Dataset, labels_hash
from trainer.features import some
from trainer.label_folders import LabelLayout, read_label_folder, write_label_folder
from trainer.labels import ABSENT, PRESENT, UNSEEN, state_grid
from trainer.parses import Parse, ParseFile, read_parses
from trainer.prediction import PredictionRule
from trainer.protocol import Note, Reporter
from trainer.scoring import scored_names, truth_cells

Logits: TypeAlias = Mapping[str, NDArray[np.float32]]

META = "pseudo_labels"
"""What of a parse file's meta says how pseudo-labels were made."""

RULE = PredictionRule.at(0.5, "none", strict=True)
"""By which a file of pseudo-labels predicts: a soft label above 0.5 is a hard label."""

_MODALITIES = ("audio", "visual")


class PseudoLabelError(ValueError):
    """Pseudo-labels that cannot be made, and what would do."""


@dataclass(frozen=True, kw_only=True)
class Making:
    """How logits become labels: soft, sigmoid((z - threshold) / temperature), or `hard`, z > threshold.

    `filtered`: 0 for categories that the clip's video-level labels lack; a clip without any is not filtered.
    UWAV's code has temperature 2, its paper 1.
    """

    temperature: float = 2.0
    hard: bool = False
    filtered: bool = True


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Of logits, `values` (2, C) float64, and where they are from, in words.

    A value may be minus infinity (every cell of the category is one), and nan where nothing tells.
    """

    values: NDArray[np.float64]
    source: str


def known_thresholds(probability: float, categories: int) -> Thresholds:
    """The logit of one probability, between 0 and 1, for all categories."""
    logit = math.log(probability / (1 - probability))
    return Thresholds(np.full((2, categories), logit), f"probability {probability:g}")


def thresholds_of(path: Path, categories: Sequence[str]) -> Thresholds:
    """Those that another file of pseudo-labels was made by. Raises ParseError and PseudoLabelError."""
    file = read_parses(path)
    try:
        said = file.meta[META]["thresholds"]
        found = np.array([said[modality] for modality in _MODALITIES], np.float64)
        if found.shape != (2, len(file.categories)) or not np.all(np.isfinite(found)):
            raise ValueError
    except (KeyError, TypeError, ValueError):
        raise PseudoLabelError(
            f"{path}: does not say by which thresholds it was made; give a file of `pseudo-label generator`"
        ) from None
    missing = [category for category in categories if category not in file.categories]
    if missing:
        raise PseudoLabelError(f"{path}: has no threshold for {some(missing)}")
    columns = [file.categories.index(category) for category in categories]
    return Thresholds(found[:, columns], str(path))


def searched_thresholds(logits: Logits, dataset: Dataset) -> Thresholds:
    """The thresholds of each category that score best on the validation clips (UWAV).

    A category is a candidate in clips whose video-level labels have it, or that have none. Raises
    PseudoLabelError where there is no truth of what is heard and what is seen.
    """
    names = check_searchable(dataset, logits)
    lengths = [logits[name].shape[1] for name in names]
    sized = list(zip(names, lengths, strict=True))
    values = np.concatenate([logits[name] for name in names], axis=1)
    truth = np.concatenate([truth_cells(dataset, name, length) for name, length in sized], axis=1)
    labels = np.stack([_video_labels(dataset, name, length) for name, length in sized])
    candidates = np.repeat(labels != ABSENT, lengths, axis=0)
    found = [rules.class_thresholds(values[i], truth[i], candidates) for i in range(2)]
    return Thresholds(np.stack(found).astype(np.float64), "best F-score of segments on val")


def check_searchable(dataset: Dataset, known: Container[str] | None = None) -> list[str]:
    """The clips that thresholds can be searched by, of those that are `known`. Raises PseudoLabelError."""
    names = [name for name in scored_names(dataset, "val") if known is None or name in known]
    if names and not dataset.audio_visual_only:
        return names
    why = "no validation clip has complete truth" + ("" if known is None else " and features")
    if dataset.audio_visual_only:
        why = "its truth does not tell what is heard from what is seen"
    raise PseudoLabelError(
        f"the dataset gives nothing to search thresholds by ({why}): give a probability with --threshold, "
        "such as 0.5"
    )


def pseudo_labels(
    logits: Logits,
    thresholds: Thresholds,
    dataset: Dataset,
    making: Making,
    meta: Mapping[str, Any],
    reporter: Reporter,
) -> ParseFile:
    """The file of pseudo-labels; `meta` says what the logits come from, besides what is added here."""
    values = _usable(thresholds.values, logits, dataset.categories, reporter)
    parses = {name: _as_parse(_labels(cells, values, dataset, name, making)) for name, cells in logits.items()}
    said = {
        **meta,
        "recipe": meta.get("recipe", ""),
        "thresholds": {m: row.tolist() for m, row in zip(_MODALITIES, values, strict=True)},
        "thresholds_from": thresholds.source,
        "temperature": making.temperature,
        "kind": "hard" if making.hard else "soft",
        "filtered": making.filtered,
        "dataset": labels_hash(dataset),
    }
    return _file(parses, dataset, said)


def _usable(
    values: NDArray[np.float64], logits: Logits, categories: Sequence[str], reporter: Reporter
) -> NDArray[np.float64]:
    """Finite thresholds: minus infinity becomes a logit below all others (UWAV's code), nan 0."""
    least = np.min([cells.min(axis=1) for cells in logits.values()], axis=0)  # (2, C)
    values = np.where(values == -np.inf, least - 1.0, values)
    for i, modality in enumerate(_MODALITIES):
        unknown = [category for category, is_it in zip(categories, np.isnan(values[i]), strict=True) if is_it]
        if unknown:
            text = f"no validation clip tells a threshold of {modality} for {len(unknown)} categories; "
            reporter.send(Note(text=f"{text}theirs is probability 0.5: {some(unknown)}"))
    return np.where(np.isnan(values), 0.0, values)


def _labels(
    cells: NDArray[np.float32], thresholds: NDArray[np.float64], dataset: Dataset, name: str, making: Making
) -> NDArray[np.float32]:
    """The labels (2, T, C) of a clip out of its logits."""
    labels = _video_labels(dataset, name, cells.shape[1]) if making.filtered else None
    if making.hard:
        return np.asarray(rules.hard_pseudo_labels(cells, thresholds, labels), np.float32)
    soft = rules.soft_pseudo_labels(cells, thresholds, labels, temperature=making.temperature)
    return np.asarray(soft, np.float32)


def _video_labels(dataset: Dataset, name: str, segments: int) -> NDArray[np.float32]:
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


def _as_parse(cells: NDArray[np.float32]) -> Parse:
    """Labels (2, T, C) as a parse: a clip has a category as much as any of its segments."""
    audio_video, visual_video = cells.max(axis=1)
    return Parse(cells[0], cells[1], np.maximum(audio_video, visual_video), audio_video, visual_video)


def _file(parses: Mapping[str, Parse], dataset: Dataset, said: Mapping[str, Any]) -> ParseFile:
    meta = {
        "parser": f"pseudo-labels ({said['recipe'] or said['method']})",
        **{key: said[key] for key in ("recipe", "checkpoint", "features") if key in said},
        **RULE.to_meta(),
        "created": time.time(),
        META: dict(said),
    }
    return ParseFile.from_clips(parses, dataset.categories, meta)


# Published folders


def labels_of_folder(folder: Path, dataset: Dataset, making: Making, reporter: Reporter) -> ParseFile:
    """Pseudo-labels as VALOR or UWAV publish them: UWAV's logits where they are there, else labels of 0 and 1.

    Labels of 0 and 1 are taken as they are. Clips that have none are noted. Raises LabelFolderError.
    """
    names = [name for split in SPLITS for name in dataset.splits.get(split, {})]
    found = read_label_folder(folder, names, len(dataset.categories), dataset.segments)
    if found.missing:
        text = f"{len(found.missing)} of {len(names)} clips have no pseudo-labels: {some(found.missing)}"
        reporter.send(Note(text=text))
    said = {"method": found.layout, "folder": str(folder)}
    kind = "labels of 0 and 1, taken as they are" if found.thresholds is None else "logits and thresholds"
    reporter.send(Note(text=f"{kind}, of {len(found.cells)} clips in the layout of {found.layout}"))
    if found.thresholds is not None:
        thresholds = Thresholds(found.thresholds, str(folder))
        return pseudo_labels(found.cells, thresholds, dataset, making, said, reporter)
    parses = {name: _as_parse(cells) for name, cells in found.cells.items()}
    said |= {"recipe": "", "kind": "hard", "dataset": labels_hash(dataset)}
    return _file(parses, dataset, said)


def labels_to_folder(path: Path, layout: LabelLayout, out: Path) -> int:
    """Write what a parse file predicts, as labels of 0 and 1 in a published layout; how many clips it has.

    Columns are in the order of its categories. Raises ParseError, LabelFolderError and PseudoLabelError.
    """
    file = read_parses(path)
    if not file.names:
        raise PseudoLabelError(f"{path}: holds no clips")
    clips = {name: parse.predicted(file.rule) for name in file.names if (parse := file.clip(name)) is not None}
    write_label_folder(out, layout, clips)
    return len(clips)
