"""What tests of the default encoders share: their weights, where they are installed, and decoded media."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.encoders.weights import INSTALL, OF_ENCODERS, missing

DOG = "BjCEufrlXm4_20_30.mp4"
"""A real clip of LLP: a black dog, which barks; somebody speaks to it. Weak labels Speech, Dog."""
PEOPLE = "mdn_friday.mp4"
"""Three people who talk."""


def need_weights(encoder: str) -> None:
    """Skip the test where an encoder cannot run."""
    for package in ("ai_edge_litert", "flatbuffers", "onnxruntime", "tokenizers"):
        pytest.importorskip(package)
    if missing(OF_ENCODERS[encoder]):
        pytest.skip(f"the weights of {encoder} are not installed ({INSTALL})")


def sound_of(path: Path, rate: int = 16_000) -> NDArray[np.float32]:
    """The sound of a file, (samples,), mono."""
    resampler = av.AudioResampler("fltp", "mono", rate)
    with av.open(str(path)) as container:
        blocks = [
            block.to_ndarray()[0] for frame in container.decode(audio=0) for block in resampler.resample(frame)
        ]
    return np.concatenate(blocks)


def pictures_of(path: Path, rate: int, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """The pictures of a file in the middle of equal parts of each second: (seconds, rate, H, W, 3)."""
    taken: list[NDArray[np.uint8]] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time >= (len(taken) + 0.5) / rate:
                width, height = size or (frame.width, frame.height)
                taken.append(frame.to_ndarray(format="rgb24", width=width, height=height))
    seconds = len(taken) // rate
    return np.stack(taken[: seconds * rate]).reshape(seconds, rate, *taken[0].shape)
