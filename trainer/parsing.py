"""A parser at work: from the features of clips to their parses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import torch

from trainer.checkpoint import CheckpointInfo
from trainer.dataset import ClipTensors, feature_rows, unlabelled_tensors
from trainer.features import Features, FeatureStore
from trainer.models.layers import Parser
from trainer.parses import Parse, ParseFile

Progress = Callable[[int, int], None]


@torch.inference_mode()
def parse_clips(parser: Parser, clips: ClipTensors, progress: Progress | None = None) -> dict[str, Parse]:
    """The parse of every clip, in order, cut to its true length."""
    was_training = parser.training
    parser.eval()
    parses: dict[str, Parse] = {}
    lengths = clips.lengths.tolist()
    for batch in clips.batches():
        output = parser(batch)
        segments = output.segment.float().cpu().numpy()
        videos = (output.video, output.audio_video, output.visual_video)
        whole, heard, seen = (video.float().clamp(0, 1).cpu().numpy() for video in videos)
        for i, segment in enumerate(segments):
            place = len(parses)
            audio, visual = segment[:, : lengths[place]]
            parses[clips.names[place]] = Parse(
                audio.copy(), visual.copy(), whole[i], audio_video=heard[i], visual_video=seen[i]
            )
        if progress is not None:
            progress(len(parses), len(clips))
    parser.train(was_training)
    return parses


def parse_names(
    parser: Parser,
    info: CheckpointInfo,
    store: FeatureStore,
    names: Iterable[str],
    *,
    device: torch.device,
    checkpoint: str,
    segments: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> tuple[ParseFile, Features]:
    """Parse the named clips by a checkpoint; also what was found of their features.

    `segments`: how many a clip has, where its features do not say (features.resample).
    """
    config = info.config
    features = store.read(tuple(names), widths=info.widths, segments=segments)
    rows = feature_rows(features, config.features, device, info.scaling)
    meta = {
        "parser": " ".join(filter(None, (config.recipe, info.run))),
        "recipe": config.recipe,
        "run": info.run,
        "checkpoint": checkpoint,
        "epoch": info.epoch,
        "features": [config.features.audio, *config.features.visual],
        **config.prediction.rule().to_meta(),
        "created": time.time(),
    }
    parses = parse_clips(parser, unlabelled_tensors(rows, len(info.categories)), progress)
    return ParseFile.from_clips(parses, info.categories, meta), features
