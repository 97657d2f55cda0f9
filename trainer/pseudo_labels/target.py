"""What is labelled: the clips of a dataset and the texts of its categories, by the features of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import SPLITS, Dataset
from trainer.config import FeatureConfig
from trainer.dataset import feature_notes
from trainer.features import Features, FeatureStore, some
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter
from trainer.pseudo_labels.thresholds import PseudoLabelError
from trainer.texts import read_text_file, read_texts, texts_path

STAGE = "label"


@dataclass(frozen=True, kw_only=True)
class Target:
    """The clips of a dataset, and the folder of their features."""

    features: Path
    dataset: Dataset

    def read(
        self, sets: FeatureConfig, reporter: Reporter, widths: Mapping[str, int] | None = None
    ) -> Features:
        """The features of all clips, of an audio set and visual sets; says which have none.

        `widths`: the columns that the sets must have. Raises FeatureError.
        """
        names = [name for split in SPLITS for name in self.dataset.splits.get(split, {})]
        store = FeatureStore(self.features, audio=sets.audio, visual=sets.visual, resample=sets.resample)
        segments = self.dataset.segments if sets.resample else None
        read = store.read(names, widths=widths, segments=segments, progress=progress_of(reporter, "load"))
        if read.missing:
            text = f"{len(read.missing)} of {len(names)} clips have no features, and get no pseudo-labels"
            reporter.send(Note(text=f"{text}: {some(read.missing)}"))
        for text in feature_notes(read):
            reporter.send(Note(text=text))
        return read

    def texts(
        self, sets: FeatureConfig, widths: Mapping[str, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The text features of the categories, of the audio set and the first visual set: (C, D) each.

        `widths`: the columns of the segments that they are for. Raises PseudoLabelError for text features of
        others, and what `read_texts` raises.
        """
        names = text_sets(sets)
        audio, visual = (read_texts(self.features, name, self.dataset.categories) for name in names)
        for name, rows in zip(names, (audio, visual), strict=True):
            if rows.shape[1] != widths[name]:
                raise PseudoLabelError(
                    f"{self.features}: the text features of {name} have {rows.shape[1]} columns and the "
                    f"segments {widths[name]}: make both with one encoder, so that they lie in one space"
                )
        return audio, visual

    def captions(self, sets: FeatureConfig) -> dict[str, list[str]]:
        """What the text features of each set are of, where their file says it; UWAV's own does not."""
        return {name: self._captions(name) for name in text_sets(sets)}

    def _captions(self, name: str) -> list[str]:
        path = texts_path(self.features, name)
        if not path.is_file():
            return []
        texts = read_text_file(path)
        captions = dict(zip(texts.categories, texts.captions, strict=True))
        return [captions[category] for category in self.dataset.categories]


def text_sets(sets: FeatureConfig) -> tuple[str, str]:
    """The sets in whose spaces the text features are, of audio and of visual."""
    return sets.audio, sets.visual[0]
