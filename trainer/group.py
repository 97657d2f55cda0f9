"""The processes of one training, as torchrun starts them; each takes its part of every batch.

One process is a group too: nothing is exchanged in it, and the engine need not know.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as processes
from torch import Tensor, nn
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

_PATIENCE = timedelta(hours=1)
"""How long processes wait for one another: the first packs the features and scores alone."""


class GroupError(ValueError):
    """Processes that cannot train together, and what to do."""


@dataclass(frozen=True)
class Group:
    """This process among its group: `rank` of `size`, and the same among those on this machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @staticmethod
    def of_environment() -> Group:
        """The group that torchrun describes in the environment; this process alone where nobody does."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        if "WORLD_SIZE" not in os.environ:
            return Group()
        try:
            return Group(*(int(os.environ[name]) for name in names))
        except (KeyError, ValueError):
            raise GroupError(
                f"the environment says WORLD_SIZE={os.environ['WORLD_SIZE']}, but not all of "
                f"{', '.join(names)} are numbers: start several processes with torchrun, or unset them"
            ) from None

    @property
    def is_alone(self) -> bool:
        return self.size == 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that reports, validates and writes."""
        return self.rank == 0

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """Connect the processes for what is done in the block.

        What they decide goes from CPU to CPU (gloo), also where gradients go from GPU to GPU (NCCL).
        """
        if self.is_alone:
            yield
            return
        if device.type == "cuda":
            torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        processes.init_process_group(backend, timeout=_PATIENCE)
        yield
        # Not after an error: the others may be in the middle of an exchange that will never end, and they must
        # not notice before this process has told why.
        processes.destroy_process_group()

    def may_tell(self) -> bool:
        """Whether no other process has failed yet: the first to fail has the reason, the others what follows.

        Also works before the processes are joined. Where the group's memory is gone, so is its first process,
        which has told.
        """
        if self.is_alone:
            return True
        try:
            store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=10)))
            return int(store.add(f"failed in start {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", 1)) == 1
        except (RuntimeError, ValueError):
            return self.is_first

    def parts(self, order: Tensor, batch: int) -> tuple[Tensor, ...]:
        """`order` (N,) in batches. A last one of fewer clips than there are processes joins the one before.

        One process leaves such a batch as it is: only there do several train otherwise than one.
        """
        if min(batch, len(order)) < self.size:
            raise GroupError(
                f"batches of {min(batch, len(order))} clips cannot be shared by {self.size} processes: "
                f"use larger ones (--set training.batch=...) or fewer processes"
            )
        *whole, last = torch.split(order, batch)
        if len(last) < self.size:
            last = torch.cat([whole.pop(), last])
        return *whole, last

    def part(self, batch: Tensor) -> Tensor:
        """What this process trains of a batch (B,): contiguous, as many as the others, or one more."""
        return torch.tensor_split(batch, self.size)[self.rank]

    def wrapped(self, module: nn.Module) -> nn.Module:
        """The module, its gradients averaged over the processes. It must return tensors in tuples and dicts.

        Every process keeps buffers of its own: they are the same, since all see the same weights.
        """
        if self.is_alone:
            return module
        # Not every parameter acts in every epoch, nor in every variant of a parser.
        return DistributedDataParallel(module, find_unused_parameters=True, forward_sync_buffers=False)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of the processes' values."""
        return self.total(values) / self.size

    def total(self, values: Tensor) -> Tensor:
        """The sum of the processes' values."""
        if not self.is_alone:
            values = values.clone()
            processes.all_reduce(values)
        return values

    def decided(self, wish: bool) -> bool:
        """The first process's wish, in all of them."""
        if self.is_alone:
            return wish
        flag = torch.tensor([wish], dtype=torch.uint8)
        processes.broadcast(flag, src=0)
        return bool(flag)

    def gathered(self, values: Tensor) -> list[Tensor]:
        """The values (on the CPU, of one shape everywhere) of every process, in the order of their ranks."""
        if self.is_alone:
            return [values]
        found = [torch.empty_like(values) for _ in range(self.size)]
        processes.all_gather(found, values)
        return found

    @contextmanager
    def first_ahead(self) -> Iterator[None]:
        """The first process does what is in the block, then the others do, who find what it left."""
        if not self.is_first:
            self.decided(False)
        yield
        if self.is_first:
            self.decided(False)
