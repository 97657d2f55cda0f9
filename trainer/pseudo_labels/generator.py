"""A generator at work: the logits of a target dataset's clips, whose categories its text features name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.annotations import SPLITS, Dataset
from trainer.checkpoint import CheckpointInfo, load_checkpoint
from trainer.config import FeatureConfig
from trainer.dataset import ClipTensors, feature_notes, feature_rows, unlabelled_tensors
from trainer.device import memory_explained
from trainer.features import Features, FeatureStore, some
from trainer.models.generator import Generator
from trainer.models.layers import Parser
from trainer.parses import ParseFile
from trainer.progress import progress_of
from trainer.protocol import Note, Reporter
from trainer.pseudo_labels.labels import (
    Making,
    PseudoLabelError,
    Thresholds,
    check_searchable,
    pseudo_labels,
    searched_thresholds,
)
from trainer.texts import read_text_file, read_texts, texts_path

STAGE = "label"


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """What labels what: a generator's checkpoint, and the clips of a dataset by their features."""

    checkpoint: Path
    features: Path
    dataset: Dataset
    device: torch.device

    def make(self, making: Making, thresholds: Thresholds | None, reporter: Reporter) -> ParseFile:
        """The pseudo-labels of all clips that have features; without thresholds they are searched on val.

        Raises CheckpointError, FeatureError, PseudoLabelError, what `read_texts` raises, StopRequested.
        """
        if thresholds is None:
            check_searchable(self.dataset)
        with memory_explained(self.device, "the generator and the features", "use another --device"):
            generator, info = load_generator(self.checkpoint, self.device)
            audio, visual = target_texts(info.config.features, info.widths, self.features, self.dataset)
            generator.with_texts(torch.from_numpy(audio), torch.from_numpy(visual))
            read = self._read(info, reporter)
            rows = feature_rows(read, info.config.features, self.device, info.scaling)
            clips = unlabelled_tensors(rows, len(self.dataset.categories))
            logits = logits_of(generator.to(self.device), clips, progress_of(reporter, STAGE))
        thresholds = thresholds or searched_thresholds(logits, self.dataset)
        return pseudo_labels(logits, thresholds, self.dataset, making, self._said(info), reporter)

    def _read(self, info: CheckpointInfo, reporter: Reporter) -> Features:
        names = [name for split in SPLITS for name in self.dataset.splits.get(split, {})]
        features = info.config.features
        store = FeatureStore(
            self.features, audio=features.audio, visual=features.visual, resample=features.resample
        )
        segments = self.dataset.segments if features.resample else None
        read = store.read(names, widths=info.widths, segments=segments, progress=progress_of(reporter, "load"))
        if read.missing:
            text = f"{len(read.missing)} of {len(names)} clips have no features, and get no pseudo-labels"
            reporter.send(Note(text=f"{text}: {some(read.missing)}"))
        for text in feature_notes(read):
            reporter.send(Note(text=text))
        return read

    def _said(self, info: CheckpointInfo) -> dict[str, Any]:
        features = info.config.features
        return {
            "method": "generator",
            "recipe": info.config.recipe,
            "checkpoint": str(self.checkpoint),
            "sha256": file_hash(self.checkpoint),
            "features": [features.audio, *features.visual],
            "texts": {name: self._captions(name) for name in (features.audio, features.visual[0])},
        }

    def _captions(self, features: str) -> list[str]:
        """What the text features are of, where their file says it; UWAV's own does not."""
        path = texts_path(self.features, features)
        if not path.is_file():
            return []
        texts = read_text_file(path)
        captions = dict(zip(texts.categories, texts.captions, strict=True))
        return [captions[category] for category in self.dataset.categories]


def load_generator(path: Path, device: torch.device) -> tuple[Generator, CheckpointInfo]:
    """The generator of a checkpoint. Raises CheckpointError, and PseudoLabelError for one of another parser."""
    parser, info = load_checkpoint(path, device)
    if not isinstance(parser, Generator):
        raise PseudoLabelError(
            f"{path}: is of {info.config.recipe} ({info.config.parser}), and no generator of pseudo-labels; "
            "what any other parser says of clips comes from `parse`, and can be trained on as it is"
        )
    return parser, info


def target_texts(
    sets: FeatureConfig, widths: Mapping[str, int], features: Path, dataset: Dataset
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The text features of the dataset's categories, of the generator's audio and visual set: (C, D) each.

    `widths`: the columns of its sets. Raises PseudoLabelError for text features of others, and what
    `read_texts` raises.
    """
    found = {name: read_texts(features, name, dataset.categories) for name in (sets.audio, sets.visual[0])}
    for name, rows in found.items():
        if rows.shape[1] != widths[name]:
            raise PseudoLabelError(
                f"{features}: the text features of {name} have {rows.shape[1]} columns and the generator's "
                f"segments {widths[name]}: make both with one encoder, so that they lie in one space"
            )
    return found[sets.audio], found[sets.visual[0]]


@torch.inference_mode()
def logits_of(
    parser: Parser, clips: ClipTensors, progress: Callable[[int, int], None]
) -> dict[str, NDArray[np.float32]]:
    """The logits (2, T, C) of every clip, in order, cut to its true length."""
    found: dict[str, NDArray[np.float32]] = {}
    lengths = clips.lengths.tolist()
    parser.eval()
    for batch in clips.batches():
        for cells in parser(batch).logits.float().cpu().numpy():
            place = len(found)
            found[clips.names[place]] = cells[:, : lengths[place]].copy()
        progress(len(found), len(clips))
    return found


def file_hash(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
