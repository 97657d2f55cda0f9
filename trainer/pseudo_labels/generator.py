"""A generator at work: the logits of a target dataset's clips, whose categories its text features name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.checkpoint import CheckpointInfo, load_checkpoint
from trainer.dataset import ClipTensors, feature_rows, unlabelled_tensors
from trainer.device import memory_explained
from trainer.models.generator import Generator
from trainer.models.layers import Parser
from trainer.parses import ParseFile
from trainer.progress import progress_of
from trainer.protocol import Reporter
from trainer.pseudo_labels.labels import Making, check_stop, pseudo_labels
from trainer.pseudo_labels.target import STAGE, Target
from trainer.pseudo_labels.thresholds import (
    GENERATOR,
    PseudoLabelError,
    Thresholds,
    check_searchable,
    searched_thresholds,
)


@dataclass(frozen=True, kw_only=True)
class Labelling(Target):
    """Labels clips by the checkpoint of a generator."""

    checkpoint: Path
    device: torch.device

    def make(self, making: Making, thresholds: Thresholds | None, reporter: Reporter) -> ParseFile:
        """The pseudo-labels of all clips that have features; without thresholds they are searched on val.

        Raises CheckpointError, FeatureError, PseudoLabelError, what `read_texts` raises, StopRequested.
        """
        if thresholds is None:
            check_searchable(self.dataset)
        with memory_explained(self.device, "the generator and the features", "use another --device"):
            generator, info = load_generator(self.checkpoint, self.device)
            sets = info.config.features
            audio, visual = self.texts(sets, info.widths)
            generator.with_texts(torch.from_numpy(audio), torch.from_numpy(visual))
            rows = feature_rows(self.read(sets, reporter, info.widths), sets, self.device, info.scaling)
            clips = unlabelled_tensors(rows, len(self.dataset.categories))
            logits = logits_of(generator.to(self.device), clips, progress_of(reporter, STAGE))
        check_stop(reporter)
        thresholds = thresholds or searched_thresholds(logits, self.dataset)
        return pseudo_labels(logits, thresholds, self.dataset, making, self._said(info), reporter)

    def _said(self, info: CheckpointInfo) -> dict[str, Any]:
        features = info.config.features
        return {
            "method": GENERATOR,
            "recipe": info.config.recipe,
            "checkpoint": str(self.checkpoint),
            "sha256": file_hash(self.checkpoint),
            "features": [features.audio, *features.visual],
            "texts": self.captions(features),
        }


def load_generator(path: Path, device: torch.device) -> tuple[Generator, CheckpointInfo]:
    """The generator of a checkpoint. Raises CheckpointError, and PseudoLabelError for one of another parser."""
    parser, info = load_checkpoint(path, device)
    if not isinstance(parser, Generator):
        raise PseudoLabelError(
            f"{path}: is of {info.config.recipe} ({info.config.parser}), and no generator of pseudo-labels; "
            "what any other parser says of clips comes from `parse`, and can be trained on as it is"
        )
    return parser, info


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
