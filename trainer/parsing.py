"""A parser at work: from the features of clips to their parses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from trainer.checkpoint import CheckpointInfo
from trainer.dataset import ClipTensors, unlabelled_tensors
from trainer.features import FeatureStore
from trainer.models.layers import Batch, Parser
from trainer.parses import Parse, ParseFile

_BATCH = 128

Progress = Callable[[int, int], None]


def batch_of(clips: ClipTensors, index: Tensor) -> Batch:
    """The clips at `index` as a parser reads them."""
    return Batch(
        audio=clips.audio[index],
        visual=tuple(features[index] for features in clips.visual),
        valid=clips.valid[index],
        labels=clips.labels[index],
        reviewed=clips.reviewed[index],
    )


def batches_of(clips: ClipTensors) -> Iterable[Batch]:
    """All clips, in order."""
    for first in range(0, len(clips), _BATCH):
        last = min(first + _BATCH, len(clips))
        yield batch_of(clips, torch.arange(first, last, device=clips.valid.device))


@torch.inference_mode()
def parse_clips(model: Parser, clips: ClipTensors, progress: Progress | None = None) -> dict[str, Parse]:
    """The parse of every clip, in order, cut to its true length."""
    was_training = model.training
    model.eval()
    parses: dict[str, Parse] = {}
    for batch in batches_of(clips):
        output = model(batch)
        segments = output.segment.float().cpu().numpy()
        videos = output.video.float().clamp(0, 1).cpu().numpy()
        lengths = batch.valid.sum(dim=1).tolist()
        for length, segment, video in zip(lengths, segments, videos, strict=True):
            audio, visual = segment[:, :length]
            parses[clips.names[len(parses)]] = Parse(audio.copy(), visual.copy(), video.copy())
        if progress is not None:
            progress(len(parses), len(clips))
    model.train(was_training)
    return parses


def parse_names(
    model: Parser,
    info: CheckpointInfo,
    store: FeatureStore,
    names: Iterable[str],
    *,
    device: torch.device,
    checkpoint: str,
    progress: Progress | None = None,
) -> tuple[ParseFile, tuple[str, ...]]:
    """Parse the named clips by a checkpoint; also the names of those that have no features."""
    features = store.read(names, widths=info.widths)
    scaling = info.scaling
    read = features.clips if scaling is None else {name: scaling.apply(c) for name, c in features.clips.items()}
    clips = unlabelled_tensors(read, len(info.categories), device)
    config = info.config
    meta = {
        "parser": " ".join(filter(None, (config.recipe, info.run))),
        "recipe": config.recipe,
        "run": info.run,
        "checkpoint": checkpoint,
        "epoch": info.epoch,
        "features": [config.features.audio, *config.features.visual],
        "threshold": config.prediction.threshold,
        "gate": config.prediction.gate,
        "created": time.time(),
    }
    parses = parse_clips(model, clips, progress)
    return ParseFile.from_clips(parses, info.categories, meta), features.missing
