"""CLIP's image encoder, pictures prepared as CLIP was trained: the shorter side scaled, the middle cut out.

What is beside the middle of a wide picture (44 % of 16:9) is not seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from trainer.encoders.clip import Preparation, clip_encoder, colours, said_of
from trainer.encoders.encoding import Encoder, EncoderError, Loading
from trainer.encoders.hub import Checkpoint

_SCALING = {2: "bilinear", 3: "bicubic"}
"""By the numbers that processors' settings have for them."""
_STEPS = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")


def load(loading: Loading) -> Encoder:
    """`loading.model` is any checkpoint of CLIP. Raises EncoderError."""
    return clip_encoder("clip-crop", loading, middle_of_picture)


def middle_of_picture(checkpoint: Checkpoint, side: int) -> tuple[Preparation, Mapping[str, str | int | float]]:
    """What the checkpoint's own processor makes of a picture, to the bit, as its library computes by torch."""
    mean, deviation = colours(checkpoint)
    way = _own_way(checkpoint, side)

    def prepare(picture: NDArray[np.generic]) -> NDArray[np.generic]:
        planes = torch.from_numpy(picture).permute(2, 0, 1)[None]
        size = _scaled_size(len(picture), picture.shape[1], way.shorter)
        scaled = interpolate(planes, size, mode=way.scaling, antialias=True, align_corners=False)[0]
        top, left = ((length - side) // 2 for length in size)
        middle = scaled[:, top : top + side, left : left + side].float()
        return ((middle - mean * way.white) / (deviation * way.white)).numpy()

    said: dict[str, str | int | float] = {
        "shorter side": way.shorter,
        "crop": f"{side} x {side}, the middle",
        "scaling": f"{way.scaling}, antialiased",
    }
    return prepare, {**said, **said_of(mean, deviation)}


@dataclass(frozen=True, slots=True)
class _Way:
    shorter: int
    scaling: str
    white: float
    """What is 1 for mean and deviation."""


def _own_way(checkpoint: Checkpoint, side: int) -> _Way:
    """What the processor's settings say, if it is CLIP's way at all."""
    settings = checkpoint.processor("image_processor")
    shorter = _length(settings.get("size", side), "shortest_edge")
    crop = _length(settings.get("crop_size", side), "height", "width")
    scaling = _SCALING.get(settings.get("resample", 3))
    steps = [step for step in _STEPS if not settings.get(step, True)]
    if steps or scaling is None or crop != side or shorter is None or shorter < side:
        raise EncoderError(
            f"{checkpoint.folder}: its processor does not cut {side} x {side} out of the middle of pictures, "
            "as its model needs; take the encoder clip, which scales whole pictures"
        )
    return _Way(shorter, scaling, 1 / float(settings.get("rescale_factor", 1 / 255)))


def _length(size: Any, *sides: str) -> int | None:
    """The one length of these sides; older settings are a number. None for what has none."""
    first, *others = [size.get(side) for side in sides] if isinstance(size, dict) else [size]
    return first if isinstance(first, int) and all(other == first for other in others) else None


def _scaled_size(height: int, width: int, shorter: int) -> tuple[int, int]:
    """Height and width, of which the shorter becomes `shorter`; the longer is rounded down."""
    if height <= width:
        return shorter, int(shorter * width / height)
    return int(shorter * height / width), shorter
