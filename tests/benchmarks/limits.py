"""What bounds a training: the arithmetic of HAN, what this machine reaches of it, and memory."""

from __future__ import annotations

import resource
import time

import torch


def flops_a_clip(rows: int, segments: int = 10, width: int = 512, categories: int = 25) -> float:
    """Of a training step: two for each multiply and add, forward, and backward for weights and for inputs."""
    first = width * (segments * 128 + rows * 2048 + segments * 512)
    join = 2 * segments * width**2
    attention = 2 * segments * 8 * width**2 + 8 * segments**2 * width
    others = 2 * segments * 2 * width**2 + 2 * segments * 3 * categories * width
    return 2 * (2 * first + 3 * (join + attention + others))  # features need no gradient


def peak_gflops(size: int = 2048) -> float:
    a, b = torch.rand(2, size, size)
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        a @ b
        taken.append(time.perf_counter() - began)
    return 2e-9 * size**3 / min(taken)


def peak_memory() -> float:
    """MB, of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
