"""CLAP's map of a whole clip's sound: what its encoder (HTSAT) has before all is averaged (Lai et al., 2023).

The 64 rows of 768 are 2 bands of frequency, the lower one first, of 32 columns in time, as VALOR published
them. The map spans the clip: the levels of one shorter than ten seconds are stretched in time, at their pitch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from trainer.encoders.clap import BATCHES, Levels, hear, part_of
from trainer.encoders.encoding import Encoder, FeatureSet, Loading, Rows, SoundIntake
from trainer.encoders.hub import check_half, open_checkpoint
from trainer.labels import Modality

_LONGEST = 10.0
_LOUDEST = 32767.0
"""Of 16 bits, to which VALOR cuts samples."""


def load(loading: Loading) -> Encoder:
    """`loading.model` is any checkpoint of CLAP; VALOR's is a fused one. Raises EncoderError."""
    check_half("clap-map", loading)
    checkpoint = open_checkpoint(part_of("clap-map"), loading.model, download=loading.download)
    levels = Levels(checkpoint)
    model = checkpoint.model(loading.device, half=loading.half)
    rows, width = _shape(model.config)
    features = FeatureSet(
        name="clap",
        modality=Modality.AUDIO,
        width=width,
        rate=rows,
        preprocessing={
            **levels.said,
            "length": "the whole clip, stretched",
            "samples": "16 bits",
            "rows": "2 bands of 32 columns in time",
        },
    )
    intake = SoundIntake(levels.rate, is_whole=True, longest=_LONGEST)
    branch = MapBranch((features,), intake, model, levels, BATCHES[torch.device(loading.device).type])
    return Encoder("clap-map", 1, (branch,), checkpoint.weights, "float16" if loading.half else "float32")


@dataclass(frozen=True, eq=False, slots=True)
class MapBranch:
    """The sound of a clip -> (64, 768): the feature maps of its last layer."""

    sets: tuple[FeatureSet, ...]
    intake: SoundIntake
    model: Any
    levels: Levels
    batch: int

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        samples = np.clip(np.asarray(given, np.float32), -1, 1)
        cut = (samples * np.float32(_LOUDEST)).astype(np.int16) / np.float32(_LOUDEST)
        levels = torch.from_numpy(np.ascontiguousarray(self.levels.of(cut).T))[None]
        return interpolate(levels, self.levels.frames, mode="linear", align_corners=True)[0].T.numpy()

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        with torch.inference_mode():
            maps = hear(self.model, items).last_hidden_state  # (B, width, bands, columns)
            return (maps.flatten(2).transpose(1, 2).float().cpu().numpy(),)


def _shape(config: Any) -> tuple[int, int]:
    """Rows and width of a map: each layer but the last halves its sides and doubles its width."""
    halvings = len(config.depths) - 1
    stride = config.patch_stride if isinstance(config.patch_stride, int) else config.patch_stride[0]
    side = config.spec_size // stride >> halvings
    return side * side, config.patch_embeds_hidden_size << halvings
