"""The losses of an epoch, kept on the device until somebody looks: finite, not diverging, and their means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer.group import Group

TOTAL = "total"


class TrainingError(RuntimeError):
    """A training that cannot go on: what happened, where, and what to do."""


_ADVICE = "lower the learning rate (--set optimiser.lr=...) or clip gradients (--set training.clip_norm=1.0)"


def lost_message(what: str, epoch: int, step: int) -> str:
    """That `what` ended a training, where, and what to do."""
    return f"the loss is no longer a finite number ({what}, epoch {epoch}, step {step}): {_ADVICE}"


class LossLog:
    """Takes the losses of every step without waiting for the device, and looks at them when asked to.

    `most`: the mean total that the epoch may reach; above it the training diverges.
    """

    def __init__(self, epoch: int, group: Group, *, most: float = math.inf) -> None:
        self._epoch, self._group, self._most = epoch, group, most
        self._names: list[str] = []
        self._sums: list[float] = []
        self._clips = 0
        self._steps = 0
        self._first_above = 0
        self._unseen: list[tuple[Tensor, int]] = []

    def add(self, losses: Mapping[str, Tensor], clips: int) -> None:
        """The named losses of a step over so many clips, with their "total"; the same names in every step."""
        self._names = list(losses)
        self._unseen.append((torch.stack(list(losses.values())).detach(), clips))

    def look(self) -> None:
        """Wait for the steps so far. Raises TrainingError naming the first whose loss is no finite number."""
        if not self._unseen:
            return
        losses, clips = zip(*self._unseen, strict=True)
        # Of several processes each has its share of a batch: the mean is the loss of the batch.
        rows = self._group.mean(torch.stack(losses)).double().cpu().numpy()  # (steps, names)
        self._unseen.clear()
        for row, count in zip(rows, clips, strict=True):
            self._steps += 1
            if not np.isfinite(row).all():
                raise TrainingError(self._lost(row))
            if row[self._names.index(TOTAL)] > self._most and not self._first_above:
                self._first_above = self._steps
            before = self._sums or [0.0] * len(row)
            self._sums = [total + float(loss) * count for total, loss in zip(before, row, strict=True)]
            self._clips += count

    def means(self) -> dict[str, float]:
        """The mean losses by name, over clips. Raises TrainingError where they diverge, as `look` does too."""
        self.look()
        means = {name: total / self._clips for name, total in zip(self._names, self._sums, strict=True)}
        if means[TOTAL] > self._most:
            raise TrainingError(
                f"the loss diverges: its mean over epoch {self._epoch} is {means[TOTAL]:.3g}, and it may be "
                f"{self._most:.3g} (training.divergence times that of the first epoch); step "
                f"{self._first_above} was the first above that: {_ADVICE}"
            )
        return means

    def _lost(self, row: np.ndarray) -> str:
        bad = [name for name, loss in zip(self._names, row, strict=True) if not math.isfinite(loss)]
        names = [name for name in bad if name != TOTAL] or bad
        return lost_message(", ".join(names), self._epoch, self._steps)

    def state(self) -> dict[str, Any]:
        """What a log that goes on with the epoch needs; nothing may be left to look at."""
        kept = ("_names", "_sums", "_clips", "_steps", "_first_above")
        return {name.lstrip("_"): getattr(self, name) for name in kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken."""
        for name, value in state.items():
            setattr(self, f"_{name}", value)
