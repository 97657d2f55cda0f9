"""VALOR's way to any categories (Lai et al., NeurIPS 2023): how like a segment is to the caption of each.

    z = (s_m <g, e> - threshold) / 2

The scales s_m are VALOR's, and so are LLP's thresholds; other categories have the median of those. VALOR asks
only for the categories that a clip is known to have: where nothing is known, these thresholds let too much
through, and a calibration on reviewed cells mends that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer import supervision as rules
from trainer.captions import Captions, read_captions
from trainer.feature_files import has_set
from trainer.features import some
from trainer.labels import Modality
from trainer.pseudo_labels import Making
from trainer.pseudo_labels.valor import CAPTIONS, SCALES, SETS
from trainer.texts import TextError, read_text_file, read_texts, texts_path
from trainer.zero_shot.bridge import Reach
from trainer.zero_shot.clips import no_sets

Rows = NDArray[np.float32]

_SETS = {Modality.AUDIO: SETS.audio, Modality.VISUAL: SETS.visual[0]}


@dataclass(frozen=True, eq=False)
class Joint:
    """Categories by `texts` (C, D) and `thresholds` (C,) of each modality that has text features."""

    texts: Mapping[Modality, Rows]
    thresholds: Mapping[Modality, NDArray[np.float64]]
    reach: Mapping[Modality, tuple[Reach, ...]]
    name = "clip"

    @property
    def sets(self) -> Mapping[str, tuple[Modality, int]]:
        return {_SETS[modality]: (modality, rows.shape[1]) for modality, rows in self.texts.items()}

    def logits(self, modality: Modality, rows: Mapping[str, Rows]) -> Rows:
        """(T, C) of the segments (T, D) of the modality's set: 0 is as likely as not."""
        segments, texts = (x.astype(np.float64) for x in (rows[_SETS[modality]], self.texts[modality]))
        logits = rules.text_logits(segments, texts, scale=SCALES[modality.axis])
        return np.asarray((logits - self.thresholds[modality]) / Making().temperature, np.float32)


def joint_of(features: Path, categories: Sequence[str]) -> tuple[Joint, list[str]]:
    """What text features of the categories are there, and notes. Raises TextError where a folder has none.

    Of a set that is not there either, it is the set that has to be made.
    """
    captions = read_captions(CAPTIONS)
    texts: dict[Modality, Rows] = {}
    problems, notes = [], []
    for modality, name in _SETS.items():
        try:
            texts[modality] = read_texts(features, name, categories)
        except TextError as error:
            problems.append(str(error) if has_set(features, name) else no_sets(features, [name]))
    if not texts:
        absent = not any(has_set(features, name) for name in _SETS.values())
        raise TextError(no_sets(features, _SETS.values()) if absent else "; ".join(problems))
    notes += [f"nothing is told of {m}: {text}" for m, text in zip(_lacking(texts), problems, strict=True)]
    if unknown := captions.without_threshold(categories):
        count = f"{len(unknown)} of {len(categories)}"
        notes.append(f"VALOR has no thresholds of {count} categories; theirs are the medians: {some(unknown)}")
    thresholds = {modality: _thresholds(captions, modality, categories) for modality in texts}
    reach = {modality: _reach(features, _SETS[modality], categories) for modality in texts}
    return Joint(texts, thresholds, reach), notes


def _lacking(texts: Mapping[Modality, Rows]) -> list[Modality]:
    return [modality for modality in Modality if modality not in texts]


def _thresholds(captions: Captions, modality: Modality, categories: Sequence[str]) -> NDArray[np.float64]:
    """Those that VALOR published, and for other categories their median."""
    known = {category: pair[modality.axis] for category, pair in captions.thresholds.items()}
    usual = float(np.median([*known.values()]))
    return np.array([known.get(category, usual) for category in categories], np.float64)


def _reach(features: Path, name: str, categories: Sequence[str]) -> tuple[Reach, ...]:
    """Every text is understood to some degree, and nothing tells beforehand to which."""
    path = texts_path(features, name)
    said = {}
    if path.is_file():
        file = read_text_file(path)
        said = dict(zip(file.categories, file.captions, strict=True))
    return tuple(Reach(1.0, (said.get(category) or category,), True) for category in categories)
