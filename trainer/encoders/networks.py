"""Networks of torch as branches: on their device, in their precision, the same numbers each time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from trainer.encoders.encoding import FeatureSet, Intake, Loading, Rows

Colours = tuple[float, float, float]


@dataclass(frozen=True, eq=False, slots=True)
class NetworkBranch:
    """A branch of one set. `network`: a batch of items -> (batch * rate, width), whatever its precision."""

    sets: tuple[FeatureSet]
    intake: Intake
    batch: int
    prepare: Callable[[NDArray[np.generic]], NDArray[np.generic]]
    network: nn.Module

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        (features,) = self.sets
        # TF32 would be half precision that nobody asked for.
        exact = torch.backends.cudnn.flags(deterministic=True, benchmark=False, allow_tf32=False)
        with torch.inference_mode(), exact:
            device, dtype = precision(self.network)
            given = torch.from_numpy(items).to(device)
            rows = self.network(given.to(dtype) if given.is_floating_point() else given).float()
        return (rows.reshape(len(items), features.rate, features.width).cpu().numpy(),)


def placed(network: nn.Module, loading: Loading) -> nn.Module:
    """On the device, and in the precision, that `loading` asks for."""
    return network.to(loading.device, torch.float16 if loading.half else torch.float32)


def precision(network: nn.Module) -> tuple[torch.device, torch.dtype]:
    """Where and in what a network computes."""
    parameter = next(network.parameters())
    return parameter.device, parameter.dtype


class Standardised(nn.Module):
    """A network that is given pictures (N, ..., H, W, 3) of bytes, and wants (N, 3, ..., H, W) about 0."""

    def __init__(self, network: nn.Module, mean: Colours, deviation: Colours) -> None:
        super().__init__()
        self.network = network
        self._mean, self._deviation = mean, deviation

    def forward(self, pictures: Tensor) -> Tensor:
        mean, deviation = (pictures.new_tensor(of, dtype=torch.float32) for of in (self._mean, self._deviation))
        values = (pictures / 255 - mean) / deviation
        made: Tensor = self.network(values.movedim(-1, 1).to(precision(self.network)[1]))
        return made


def scaled(picture: NDArray[np.generic], height: int, width: int) -> NDArray[np.uint8]:
    """(height, width, 3) of bytes: bilinear with antialiasing, as Pillow and torchvision scale pictures."""
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None]
    made = interpolate(planes, (height, width), mode="bilinear", antialias=True, align_corners=False)[0]
    return np.ascontiguousarray(made.permute(1, 2, 0).numpy())
