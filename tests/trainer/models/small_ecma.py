"""An E-CMANet small enough to test, and what is done with it."""

from __future__ import annotations

import torch

from trainer.models.ecma import Ecma, EcmaConfig

SMALL = EcmaConfig(width=16, feedforward=32)
LATE = 2
"""An epoch after the warm-up."""


def small_ecma(config=SMALL) -> Ecma:
    torch.manual_seed(0)
    return Ecma(config, 6, (4,), 3)


def moved(model: Ecma) -> Ecma:
    """The model after its student moved away from its teacher."""
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(9)))
    return model


def total(losses) -> torch.Tensor:
    return sum(losses.values())
