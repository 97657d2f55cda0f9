"""From logits to pseudo-labels in a parse file (UWAV Eq. 10 and 12, EAR Eq. 9), and their origin.

Logits are (2, T, C) float32 by clip, audio before visual. The rules are those of `trainer.supervision`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer import supervision as rules
from trainer.annotations import SPLITS, Dataset, labels_hash
from trainer.features import some
from trainer.label_folders import LabelLayout, read_label_folder, write_label_folder
from trainer.parses import Parse, ParseFile, read_parses
from trainer.prediction import PredictionRule
from trainer.protocol import Note, Reporter, StopRequested
from trainer.pseudo_labels.thresholds import (
    META,
    MODALITIES,
    Logits,
    PseudoLabelError,
    Thresholds,
    video_labels,
)

RULE = PredictionRule.at(0.5, "none", strict=True)
"""By which a file of pseudo-labels predicts: a soft label above 0.5 is a hard label."""


@dataclass(frozen=True, kw_only=True)
class Making:
    """How logits become labels: soft, sigmoid((z - threshold) / temperature), or `hard`, z > threshold.

    `filtered`: 0 for categories that the clip's video-level labels lack; a clip without any is not filtered.
    UWAV's code has temperature 2, its paper 1.
    """

    temperature: float = 2.0
    hard: bool = False
    filtered: bool = True


def pseudo_labels(
    logits: Logits,
    thresholds: Thresholds,
    dataset: Dataset,
    making: Making,
    meta: Mapping[str, Any],
    reporter: Reporter,
) -> ParseFile:
    """The file of pseudo-labels; `meta` says what the logits come from, besides what is added here.

    Raises StopRequested.
    """
    check_stop(reporter)
    values = thresholds.finite(logits, dataset.categories, reporter)
    parses = {name: _as_parse(_labels(cells, values, dataset, name, making)) for name, cells in logits.items()}
    check_stop(reporter)
    said = {
        **meta,
        "recipe": meta.get("recipe", ""),
        "thresholds": {m: row.tolist() for m, row in zip(MODALITIES, values, strict=True)},
        "thresholds_from": thresholds.source,
        "temperature": making.temperature,
        "kind": "hard" if making.hard else "soft",
        "filtered": making.filtered,
        "dataset": labels_hash(dataset),
    }
    return _file(parses, dataset, said)


def check_stop(reporter: Reporter) -> None:
    """Between two works of seconds that tell of no progress. Raises StopRequested when that was asked for."""
    if reporter.is_stop_requested:
        raise StopRequested


def _labels(
    cells: NDArray[np.float32], thresholds: NDArray[np.float64], dataset: Dataset, name: str, making: Making
) -> NDArray[np.float32]:
    """The labels (2, T, C) of a clip out of its logits."""
    labels = video_labels(dataset, name, cells.shape[1]) if making.filtered else None
    if making.hard:
        return np.asarray(rules.hard_pseudo_labels(cells, thresholds, labels), np.float32)
    soft = rules.soft_pseudo_labels(cells, thresholds, labels, temperature=making.temperature)
    return np.asarray(soft, np.float32)


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
