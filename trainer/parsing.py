"""A parser at work: from the features of clips to their parses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import torch

from trainer.checkpoint import CheckpointInfo
from trainer.dataset import ClipTensors, feature_rows, unlabelled_tensors
from trainer.features import Features, FeatureStore
from trainer.models.layers import Parser, without_dropout
from trainer.parses import Parse, ParseFile

Progress = Callable[[int, int], None]


@torch.inference_mode()
def parse_clips(parser: Parser, clips: ClipTensors, progress: Progress | None = None) -> dict[str, Parse]:
    """The parse of every clip, in order, cut to its true length."""
    parses: dict[str, Parse] = {}
    lengths = clips.lengths.tolist()
    with without_dropout(parser):
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
    return parses


def read_clips(
    info: CheckpointInfo,
    store: FeatureStore,
    names: Iterable[str],
    *,
    device: torch.device,
    segments: Mapping[str, int] | None = None,
) -> tuple[ClipTensors, Features]:
    """The named clips as a checkpoint parses them, nothing known of them, and what was found of their features.

    `segments`: how many a clip has, where its features do not say (features.resample).
    """
    features = store.read(tuple(names), widths=info.widths, segments=segments)
    rows = feature_rows(features, info.config.features, device, info.scaling)
    return unlabelled_tensors(rows, len(info.categories)), features


def parse_file(
    parser: Parser,
    info: CheckpointInfo,
    clips: ClipTensors,
    *,
    checkpoint: str,
    progress: Progress | None = None,
) -> ParseFile:
    """The parses of clips by a checkpoint, with all that is said of it."""
    config = info.config
    meta = {
        "parser": " ".join(filter(None, (config.recipe, info.run))),
        "recipe": config.recipe,
        "run": info.run,
        "checkpoint": checkpoint,
        "epoch": info.epoch,
        "features": [*config.features.sets],
        **config.prediction.rule().to_meta(),
        "created": time.time(),
    }
    return ParseFile.from_clips(parse_clips(parser, clips, progress), info.categories, meta)


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
    """Parse the named clips by a checkpoint; also what was found of their features (see `read_clips`)."""
    clips, features = read_clips(info, store, names, device=device, segments=segments)
    return parse_file(parser, info, clips, checkpoint=checkpoint, progress=progress), features
