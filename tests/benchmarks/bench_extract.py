"""How near extraction comes to the encoders alone: `python tests/benchmarks/bench_extract.py [--quick]`.

In one run and on the same files: decoding alone; each encoder alone on items that are prepared; and the whole
pipeline. The share is the time of the encoder alone by that of the pipeline. ViT-B/16 has random weights; the
default encoders are measured where they are installed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tests.media_files import Sound, Video, write_media
from trainer.cores import cores
from trainer.encoders import EncoderError
from trainer.encoders.catalogue import GROUPS, load
from trainer.encoders.encoding import Encoder, FeatureSet, Loading, PictureIntake, Rows
from trainer.encoders.extract import extract
from trainer.encoders.file_encoder import FileUnderWay, Item, branches_of, segment_branches
from trainer.encoders.plan import Clip
from trainer.encoders.reading import Reading
from trainer.encoders.signal import SIGNAL
from trainer.labels import Modality
from trainer.protocol import Reporter

CLIPS = 4 if "--quick" in sys.argv else 8
SECONDS = 10


class ViT:
    """The picture encoder of CLIP's ViT-B/16, with random weights."""

    intake = PictureIntake(1, (224, 224))
    batch = 8
    sets = (FeatureSet("vit", Modality.VISUAL, 512, 1, {}),)

    def __init__(self) -> None:
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        self._model = CLIPVisionModelWithProjection(CLIPVisionConfig(patch_size=16, projection_dim=512)).eval()

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.moveaxis(given, -1, 0).astype(np.float32) / 127.5 - 1

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        with torch.inference_mode():
            return (self._model(torch.from_numpy(np.asarray(items[:, 0]))).image_embeds.numpy()[:, None],)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        video = Video(frames=25 * SECONDS, rate="25", width=640, height=360)
        clips = [
            Clip(f"clip-{i}", write_media(Path(folder, f"{i}.mp4"), video, Sound(seconds=SECONDS)))
            for i in range(CLIPS)
        ]
        print(f"{CLIPS} clips of {SECONDS} s, 640x360 at 25 pictures a second; {cores()} cores")
        seconds = decoding(clips)
        print(f"decoding alone, one file after the other: {seconds / CLIPS:.2f} s for ten seconds")
        for name, encoders in encoders_there():
            measure(name, encoders, clips, Path(folder, name.replace("/", "-")))


def encoders_there() -> list[tuple[str, list[Encoder]]]:
    found = [("ViT-B/16", [Encoder("vit", 1, (ViT(),))]), ("signal", [SIGNAL])]
    try:
        default = [load(name, Loading()) for name in GROUPS["default"]]
    except EncoderError as error:
        print(f"the default encoders are not measured: {error}")
        return found
    return [*found, *((one.name, [one]) for one in default), ("default", default)]


def decoding(clips: Sequence[Clip]) -> float:
    began = time.perf_counter()
    for clip in clips:
        for _ in Reading(clip.path, [SIGNAL.branches[0].intake, PictureIntake(1, (224, 224))]):
            pass
    return time.perf_counter() - began


def measure(name: str, encoders: list[Encoder], clips: Sequence[Clip], out: Path) -> None:
    """Print what the pipeline takes, and what part of it the encoders alone would take."""
    torch.set_num_threads(cores())
    alone = on_prepared(encoders, clips)
    began = time.perf_counter()
    extract(encoders, clips, out, Reporter(None))
    whole = time.perf_counter() - began
    share = f", {100 * alone / whole:3.0f} % of it the encoder alone on prepared items" if alone else ""
    print(f"{name}: {whole / CLIPS:.2f} s for ten seconds of video{share}", flush=True)


def on_prepared(encoders: list[Encoder], clips: Sequence[Clip]) -> float:
    """Seconds that `infer` takes for what the clips hold, branch by branch, in full batches."""
    branches = segment_branches(branches_of(encoders))
    items: list[Item] = []
    for clip in clips:
        items += FileUnderWay(branches, clip.path, None).items()
    spent = 0.0
    for branch in branches:
        contents = [item.content for item in items if item.branch is branch]
        contents += contents[: -len(contents) % branch.batch]
        batches = [np.stack(contents[i : i + branch.batch]) for i in range(0, len(contents), branch.batch)]
        branch.infer(batches[0])  # the first takes longer
        began = time.perf_counter()
        for batch in batches:
            branch.infer(batch)
        spent += time.perf_counter() - began
    return spent


if __name__ == "__main__":
    main()
