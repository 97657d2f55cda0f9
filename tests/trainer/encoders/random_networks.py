"""Networks with random weights, and files of them that are small on the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def random_network(build: Callable[[], Network], seed: int = 1) -> Network:
    """In evaluation mode; every weight and statistic counts, and activations neither vanish nor explode."""
    torch.manual_seed(seed)
    network = build().eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            module.weight.uniform_(0.3, 0.9)
            module.bias.normal_(0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
        elif isinstance(module, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    return network


def small_state(build: Callable[[], nn.Module], seed: int = 1) -> dict[str, Tensor]:
    """A state dict of full shapes whose tensors look at one small block of random numbers, again and again."""
    block = torch.rand(1 << 16, generator=torch.Generator().manual_seed(seed))
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in build().state_dict().items()}
    return {name: _view(block, shape, "running_var" not in name) for name, shape in shapes.items()}


def _view(block: Tensor, shape: torch.Size, is_signed: bool) -> Tensor:
    """Odd steps along each axis, so that few rows are alike; values as large as suit the number of inputs."""
    inputs = shape[1:].numel() if len(shape) > 1 else 16
    scale = (6 / inputs) ** 0.5
    values = (block * 2 - 1) * scale if is_signed else 0.5 + block
    room = len(block) - 1
    steps = [max(1, room // (len(shape) * max(1, size))) for size in shape]
    return values.as_strided(shape, steps)


def small_file(path: Path, build: Callable[[], nn.Module], seed: int = 1) -> Path:
    torch.save(small_state(build, seed), path)
    return path
