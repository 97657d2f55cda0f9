"""Where the trainer computes, and how."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainer.cores import cores

_OUT_OF_MEMORY = ("allocate memory", "out of memory", "ALLOC_FAILED")
"""What torch says of memory that is used up where it has no exception of its own for it."""


class DeviceError(ValueError):
    """A device that was asked for and is not there, or does not suffice."""


def choose_device(name: str, process: int | None = None) -> torch.device:
    """The device called "auto", "cpu", "cuda" or "cuda:1"; raises DeviceError when it is not there.

    `process` numbers the processes of one training on this machine: each has the GPU of its own number.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"--device {name}: there is no such device; use auto, cpu or cuda") from None
    if process is not None and device.type == "cuda":
        if ":" in name:
            raise DeviceError(f"--device {name}: several processes share the GPUs by number; use cuda or auto")
        device = torch.device("cuda", process)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        why = "this build of torch has no CUDA" if torch.version.cuda is None else "torch finds no such GPU"
        raise DeviceError(f"--device {device}: {why}; use --device cpu or auto")
    return device


def prepare_torch(processes: int = 1, *, threads: int | None = None) -> None:
    """Settle threads and repeatability, before any work.

    `processes` share this machine; each has so many `threads`, or its share of the cores but one, which stays
    free for the person.
    """
    torch.set_num_threads(threads or max(1, (cores() - 1) // processes))
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Else every new tensor is filled first, for programs that read what they never wrote.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def peak_memory_mb(device: torch.device) -> float:
    """The most memory that this process had in use: its tensors on a GPU, all of it on a CPU; 0 is unknown."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


@contextmanager
def memory_explained(device: torch.device, what: str, advice: str) -> Iterator[None]:
    """DeviceError with `advice` where the device has not enough memory for `what` is done in the block."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        is_known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not is_known and not any(text in str(error) for text in _OUT_OF_MEMORY):
            raise
        raise DeviceError(f"{device} has not enough memory for {what}: {advice}") from error
