"""How the weights move: the optimiser, its learning rate epoch by epoch, and the order of an epoch's clips."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter

from trainer.config import Config


def learning_rate(config: Config, epoch: int) -> float:
    """The rate of an epoch (counted from 1) by the config's schedule."""
    schedule, top, epochs = config.schedule, config.optimiser.lr, config.training.epochs
    if schedule.kind == "constant":
        return top
    if schedule.kind == "step":
        return float(top * schedule.factor ** ((epoch - 1) // schedule.every))
    if epoch < schedule.warm_up:
        return top * epoch / schedule.warm_up
    share = (epoch - schedule.warm_up) / max(1, epochs - schedule.warm_up)
    return schedule.lr_min + 0.5 * (top - schedule.lr_min) * (1 + math.cos(math.pi * share))


def make_optimiser(
    config: Config, parameters: Iterable[Parameter], undecayed: Iterable[Parameter] = ()
) -> torch.optim.Optimizer:
    """Adam or AdamW over what is to be learnt; its rate is set anew in every epoch.

    Those of the parameters that are `undecayed` are a group of their own, where there are any.

    Fused: one pass over the weights instead of some twelve, which takes a tenth off a step on a CPU.
    """
    settings = config.optimiser
    kind = torch.optim.Adam if settings.kind == "adam" else torch.optim.AdamW
    spared = {id(parameter) for parameter in undecayed}
    learnt = [parameter for parameter in parameters if parameter.requires_grad]
    others = [parameter for parameter in learnt if id(parameter) in spared]
    groups: list[dict[str, Any]] = [{"params": [one for one in learnt if id(one) not in spared]}]
    if others:
        groups.append({"params": others, "weight_decay": 0.0})
    betas = (settings.beta1, settings.beta2)
    return kind(groups, lr=settings.lr, betas=betas, weight_decay=settings.weight_decay, fused=True)


def clip_order(lengths: Tensor, *, batch: int, bucket: int, generator: torch.Generator) -> Tensor:
    """A random order of clips (N,) by their `lengths` (N,), to be cut into batches.

    With a `bucket`, every so many batches of the order are sorted by length, so that the clips of a batch need
    little padding, and then whole batches are shuffled. A last batch that is not full stays the last.
    """
    order = torch.randperm(len(lengths), generator=generator)
    if not bucket:
        return order
    windows = [window[lengths[window].argsort(stable=True)] for window in torch.split(order, bucket * batch)]
    order = torch.cat(windows)
    whole = len(order) // batch
    shuffled = torch.randperm(whole, generator=generator)
    full, rest = order[: whole * batch], order[whole * batch :]
    return torch.cat([full.view(whole, batch)[shuffled].flatten(), rest])
