"""A few clips of LLP's categories, with features in the spaces of CLAP's and CLIP's captions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avvp_studio.paths import resource_path
from tests.planted import Plan
from tests.planted_pairs import AUDIO, SETS, VISUAL, Clips, narrow, plant_target, write_features
from trainer.annotations import Dataset, feature_key, read_categories, write_dataset
from trainer.captions import read_captions
from trainer.labels import Modality
from trainer.texts import TextFeatures, read_text_file, texts_path, write_texts

SCALES = (math.exp(3.2912), 100.0)
LLP = read_categories(resource_path("vocabularies/llp.txt"))


@dataclass(frozen=True)
class Captioned:
    """`root` holds dataset and features."""

    root: Path
    clips: Clips

    @property
    def dataset(self) -> Dataset:
        return self.clips.dataset

    @property
    def folder(self) -> Path:
        return self.root / "dataset"

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def places(self) -> list[str]:
        return ["--dataset", str(self.folder), "--features", str(self.features)]

    @cached_property
    def logits(self) -> dict[str, NDArray[np.float64]]:
        """The logits (2, T, C) of each clip, cell by cell."""
        texts = [read_text_file(texts_path(self.features, name)).of(self.dataset.categories) for name in SETS]
        return {name: self._logits(name, texts) for split in self.dataset.splits.values() for name in split}

    def _logits(self, name: str, texts: list[NDArray[np.float32]]) -> NDArray[np.float64]:
        made = []
        for folder, captions, scale in zip(SETS, texts, SCALES, strict=True):
            rows = np.load(self.features / folder / f"{feature_key(name)}.npy").astype(np.float64)
            made.append([[scale * _cosine(row, caption) for caption in captions] for row in rows])
        return np.array(made)

    def write(self, **changes: object) -> None:
        write_dataset(self.folder, replace(self.dataset, **changes))  # type: ignore[arg-type]


def _cosine(one: NDArray[np.float64], other: NDArray[np.float32]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def make_captioned(root: Path, categories: tuple[str, ...] = LLP, width: int = 24) -> Captioned:
    """Features of length 3, which is not 1, so that it is seen who forgets to divide by it."""
    counts = {"train": 8, "val": 10, "test": 6}
    plan = Plan(counts=counts, categories=len(categories), names=categories, seed=3)
    clips = plant_target(root / "dataset", plan)
    folder = write_features(root, clips, (narrow(AUDIO, width), narrow(VISUAL, width)))
    for name in SETS:
        for path in (folder / name).glob("*.npy"):
            np.save(path, 3 * np.load(path))
    made = Captioned(root, clips)
    if categories == LLP:
        caption_as_llp(made)
    return made


def caption_as_llp(made: Captioned) -> None:
    """Let the text features say that they are of the captions llp."""
    captions = read_captions("llp")
    for modality, name in zip(Modality, SETS, strict=True):
        texts = read_text_file(texts_path(made.features, name))
        write_texts(
            made.features,
            name,
            TextFeatures(texts.categories, captions.of(modality, texts.categories), texts.features, texts.meta),
        )
