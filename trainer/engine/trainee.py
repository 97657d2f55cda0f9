"""A parser while it is trained: one step, and all that a step changes and a resumed run must find again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainer.batch import Batch
from trainer.config import Config
from trainer.engine.loss_log import TOTAL, TrainingError, lost_message
from trainer.engine.schedule import learning_rate, make_optimiser
from trainer.group import Group
from trainer.models.layers import Parser, Step


class _Stepping(nn.Module):
    """A parser whose forward is its training step: gradients of several processes meet around a forward."""

    def __init__(self, parser: Parser) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, batch: Batch, epoch: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        step = self.parser.step(batch, epoch)
        return step.losses, step.supervision


class Trainee:
    """The parser, its optimiser and the generators that its dropout draws from."""

    def __init__(self, config: Config, parser: Parser, group: Group, device: torch.device) -> None:
        self.parser = parser.to(device)
        self._config, self._group, self._device = config, group, device
        self._stepping = group.wrapped(_Stepping(self.parser))
        self._optimiser = make_optimiser(config, self.parser.parameters(), self.parser.undecayed())
        self._is_mixed = config.training.precision == "bfloat16" and device.type == "cuda"
        if not group.is_first:
            # The weights are the same in all processes; what dropout leaves out must not be.
            torch.manual_seed(config.training.seed + (group.rank << 32))

    def set_rate(self, epoch: int) -> None:
        """Set the learning rate of an epoch (counted from 1)."""
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self._config, epoch)

    def step(self, batch: Batch, epoch: int) -> Step:
        """Train on this process's part of a batch. The losses gain their "total"; nothing waits for them."""
        self.parser.train()
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_mixed):
            losses, supervision = self._stepping(batch, epoch)
        total = torch.stack(list(losses.values())).sum()
        self._optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        if self._config.training.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.parser.parameters(), self._config.training.clip_norm)
        self._optimiser.step()
        self.parser.after_step()
        return Step({**losses, TOTAL: total}, supervision)

    def check(self, epoch: int, step: int) -> None:
        """Raise TrainingError where a weight is no finite number: the step that lost it had a finite loss."""
        weights = self.parser.parameters()
        if not torch.stack([weight.detach().isfinite().all() for weight in weights]).all():
            raise TrainingError(lost_message("weights", epoch, step))

    def state(self) -> dict[str, Any]:
        """Weights, optimiser and the generators of every process. Every process must ask for it."""
        is_cuda = self._device.type == "cuda"
        return {
            "model": self.parser.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "random": self._group.gathered(torch.get_rng_state()),
            "random_cuda": self._group.gathered(torch.cuda.get_rng_state(self._device)) if is_cuda else [],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to `state`. What it says of more or fewer processes or another kind of device is left out."""
        self.parser.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        rank = self._group.rank
        if rank < len(state["random"]):
            torch.set_rng_state(state["random"][rank])
        if self._device.type == "cuda" and rank < len(state["random_cuda"]):
            torch.cuda.set_rng_state(state["random_cuda"][rank], self._device)
