"""Where the trainer computes, and how."""

from __future__ import annotations

import os

import torch


class DeviceError(ValueError):
    """A device that was asked for and is not there."""


def choose_device(name: str) -> torch.device:
    """The device called "auto", "cpu", "cuda" or "cuda:1". Raises DeviceError when it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"--device {name}: there is no such device; use auto, cpu or cuda") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        why = "this build of torch has no CUDA" if torch.version.cuda is None else "torch finds no such GPU"
        raise DeviceError(f"--device {name}: {why}; use --device cpu or auto")
    return device


def prepare_torch() -> None:
    """Settle threads (one core stays free for the person) and repeatability, before any work.

    Of the attention kernels of a GPU only the plain one repeats its gradients to the bit, and clips are short.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    torch.use_deterministic_algorithms(True, warn_only=True)
