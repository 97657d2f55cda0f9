"""VALOR's pseudo-labels (Lai et al., NeurIPS 2023): how like a segment is to the caption of each category.

    z^m_tc = s_m <g^m_t, e^m_c>,    label = 1 where z > threshold of m and c, of the categories of the clip

g are the features of segments and e those of captions, by CLAP and by CLIP, of length 1. Nothing is trained.
Scales and LLP's thresholds are those of its published code; thresholds of other categories are searched on
validation, as UWAV does (Lai et al., CVPR 2025).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer import supervision as rules
from trainer.annotations import Dataset
from trainer.captions import Captions
from trainer.config import FeatureConfig
from trainer.features import Features, some
from trainer.labels import Modality
from trainer.parses import ParseFile
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter
from trainer.pseudo_labels.labels import Making, check_stop, pseudo_labels
from trainer.pseudo_labels.target import STAGE, Target, text_sets
from trainer.pseudo_labels.thresholds import (
    GIVE_LOGITS,
    MODALITIES,
    VALOR,
    Thresholds,
    check_searchable,
    published_thresholds,
    searched_thresholds,
)

SETS = FeatureConfig(audio="clap512", visual=("clip",))
"""In the spaces of CLAP's and CLIP's captions."""
CAPTIONS = "llp"
"""Those with VALOR's thresholds."""
SCALES = (math.exp(3.2912), 100.0)
"""s_m: the logit scales of CLAP and of CLIP ViT-L/14."""

ThresholdsFrom: TypeAlias = Literal["published", "val", "val-unfiltered"]
"""The last: of validation clips as if they had no video-level labels."""


@dataclass(frozen=True, kw_only=True)
class ValorLabelling(Target):
    """Labels clips by segment and text features of two `sets`, in which nothing is standardised.

    `search_filtered`: thresholds that are searched suit labels that video-level labels filter (UWAV), whether
    these do or not. Without it, labels that nothing filters are nearer to the truth by far; but on generated
    clips LINK's PLSIM, which reads such labels, does worse by them: it is of use to it to miss little.
    """

    sets: FeatureConfig = SETS
    search_filtered: bool = True

    def make(self, making: Making, thresholds: Thresholds | None, reporter: Reporter) -> ParseFile:
        """The pseudo-labels of all clips that have features; without thresholds they are searched on val.

        Raises FeatureError, PseudoLabelError, what `read_texts` raises, and StopRequested.
        """
        if thresholds is None:
            check_searchable(self.dataset, instead=GIVE_LOGITS)
        read = self.read(self.sets, reporter)
        texts = self.texts(self.sets, read.widths)
        captions = self.captions(self.sets)
        if thresholds is not None and thresholds.captions is not None:
            self._tell_of_captions(captions, thresholds.captions, reporter)
        logits = logits_of(read, text_sets(self.sets), texts, progress_of(reporter, STAGE))
        check_stop(reporter)
        if thresholds is None:
            found = searched_thresholds(logits, self.dataset, GIVE_LOGITS, filtered=self.search_filtered)
            thresholds = found.with_medians(self.dataset.categories, reporter)
        said = {
            **said_of_valor(thresholds.values.tolist()),
            "features": [self.sets.audio, *self.sets.visual],
            "texts": captions,
        }
        if thresholds.captions is not None:
            said["captions"] = thresholds.captions.name
        return pseudo_labels(logits, thresholds, self.dataset, making, said, reporter)

    def _tell_of_captions(
        self, captions: Mapping[str, Sequence[str]], file: Captions, reporter: Reporter
    ) -> None:
        """A note where text features are of other captions than the file whose thresholds are used for them."""
        categories = self.dataset.categories
        if file.lacking(categories):
            return
        for modality, (name, ours) in zip(Modality, captions.items(), strict=True):
            pairs = zip(ours, file.of(modality, categories), strict=False)
            other = [f"{one!r}, not {two!r}" for one, two in pairs if one not in ("", two)]
            if other:
                text = f"text features of {name} are of other captions than those of {file.name}"
                reporter.send(Note(text=f"{text} for {len(other)} categories: {some(other)}"))


def said_of_valor(thresholds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """What a file of VALOR's labels says of their logits, by which a parser may make the same labels."""
    return {
        "method": VALOR,
        "scales": dict(zip(MODALITIES, SCALES, strict=True)),
        "thresholds": dict(zip(MODALITIES, thresholds, strict=True)),
    }


def told_thresholds(
    captions: Captions, dataset: Dataset, wanted: ThresholdsFrom | None, reporter: Reporter
) -> Thresholds | None:
    """The thresholds of the captions' file; None where they are to be searched on validation, which is noted.

    That is where it is `wanted`, or nothing is and the file lacks some. Raises PseudoLabelError where neither
    can be.
    """
    lacking = captions.without_threshold(dataset.categories)
    if wanted == "published" or (wanted is None and not lacking):
        return published_thresholds(captions, dataset.categories)
    check_searchable(dataset, instead=GIVE_LOGITS)
    text = "thresholds are searched on val"
    if lacking:
        count = f"{len(lacking)} of {len(dataset.categories)}"
        text += f": {captions.name} tells none of {count} categories ({some(lacking)})"
    reporter.send(Note(text=text))
    return None


def logits_of(
    features: Features,
    sets: Sequence[str],
    texts: Sequence[NDArray[np.float32]],
    progress: Callable[[int, int], None],
) -> dict[str, NDArray[np.float32]]:
    """The logits (2, T, C) of every clip, of the `sets` of audio and visual and the `texts` (C, D) of each.

    Exact: a rounded cosine may change its side of a threshold.
    """
    found: dict[str, NDArray[np.float32]] = {}
    tables = [features.tables[name] for name in sets]
    exact = [text.astype(np.float64) for text in texts]
    for name, start, length in zip(features.names, features.starts, features.lengths, strict=True):
        rows = [table[start : start + length].astype(np.float64) for table in tables]
        logits = [
            rules.text_logits(row, text, scale=scale)
            for row, text, scale in zip(rows, exact, SCALES, strict=True)
        ]
        found[name] = np.stack(logits).astype(np.float32)
        progress(len(found), len(features.names))
    return found
