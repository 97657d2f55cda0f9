"""CLIP's image encoder (Radford et al., 2021): a row for each second's picture, in one space with captions.

Pictures are prepared as for VALOR's published features (Lai et al., 2023): the whole picture, whatever its
shape, is scaled to a square. CLIP's own way, which leaves the sides of a wide picture out, is `clip_crop`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate, normalize

from trainer.encoders.encoding import Encoder, EncoderError, FeatureSet, Loading, PictureIntake, Rows
from trainer.encoders.hub import Checkpoint, Part, check_half, open_checkpoint
from trainer.labels import Modality

Preparation: TypeAlias = Callable[[NDArray[np.generic]], NDArray[np.generic]]
"""One picture (H, W, 3) uint8 -> (3, side, side) float32."""

_BATCHES = {"cpu": 1, "cuda": 64}
"""Pictures. One by one on a CPU, which costs large models nothing: so no row depends on its place."""


def part_of(encoder: str) -> Part:
    return Part("clip", "CLIPVisionModelWithProjection", "clip_vision_model", f"--model {encoder}=FOLDER")


def load(loading: Loading) -> Encoder:
    """`loading.model` is any checkpoint of CLIP; VALOR's is ViT-L/14. Raises EncoderError."""
    return clip_encoder("clip", loading, whole_picture)


def clip_encoder(
    name: str,
    loading: Loading,
    preparation: Callable[[Checkpoint, int], tuple[Preparation, Mapping[str, str | int | float]]],
) -> Encoder:
    """An encoder whose one set has its name. `preparation`: of the checkpoint and the side of its pictures."""
    check_half(name, loading)
    checkpoint = open_checkpoint(part_of(name), loading.model, download=loading.download)
    model = checkpoint.model(loading.device, half=loading.half)
    prepare, said = preparation(checkpoint, model.config.image_size)
    features = FeatureSet(
        name=name,
        modality=Modality.VISUAL,
        width=model.config.projection_dim,
        rate=1,
        preprocessing={"pictures a second": 1, **said, "rows": "projected, length 1"},
    )
    batch = _BATCHES[torch.device(loading.device).type]
    branch = PictureBranch((features,), model, prepare, batch)
    return Encoder(name, 1, (branch,), checkpoint.weights, "float16" if loading.half else "float32")


@dataclass(frozen=True, eq=False, slots=True)
class PictureBranch:
    """One picture a second -> (1, D): CLIP's image embedding, of length 1."""

    sets: tuple[FeatureSet, ...]
    model: Any
    prepare: Preparation
    batch: int

    @property
    def intake(self) -> PictureIntake:
        return PictureIntake(rate=1)

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        with torch.inference_mode():
            pictures = torch.from_numpy(items[:, 0]).to(self.model.device, self.model.dtype)
            rows = normalize(self.model(pixel_values=pictures).image_embeds.float(), dim=-1)
            return (rows[:, None].cpu().numpy(),)


def whole_picture(checkpoint: Checkpoint, side: int) -> tuple[Preparation, Mapping[str, str | int | float]]:
    """VALOR's way: bilinear, without antialiasing, as its torchvision (0.13) scales tensors."""
    mean, deviation = colours(checkpoint)

    def prepare(picture: NDArray[np.generic]) -> NDArray[np.generic]:
        planes = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        scaled = interpolate(planes, (side, side), mode="bilinear", align_corners=False)[0]
        return ((scaled - mean) / deviation).numpy()

    return prepare, {
        "picture": f"{side} x {side}, the whole",
        "scaling": "bilinear",
        **said_of(mean, deviation),
    }


def colours(checkpoint: Checkpoint) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean and deviation (3, 1, 1) that the checkpoint's processor takes of colours in [0, 1]."""
    settings = checkpoint.processor("image_processor")
    try:
        mean, deviation = (
            torch.tensor(settings[name], dtype=torch.float32).reshape(3, 1, 1)
            for name in ("image_mean", "image_std")
        )
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EncoderError(
            f"{checkpoint.folder}: its processor has no image_mean and image_std of three colours; get it again"
        ) from error
    return mean, deviation


def said_of(mean: torch.Tensor, deviation: torch.Tensor) -> dict[str, str]:
    """Of colours, for readers."""
    return {
        name: ", ".join(f"{value:g}" for value in values.flatten().tolist())
        for name, values in (("mean", mean), ("deviation", deviation))
    }
