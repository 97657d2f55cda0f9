"""Scoring a test split of LLP's size, against doing it clip by clip, class by class and event by event.

That is how published code does it. Both must give the same numbers; their ratio is what counts.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.trainer import reference_metrics
from trainer import metrics

CLIPS, SEGMENTS, CATEGORIES, REPEATS, AIM = 1200, 10, 25, 30, 100


def main() -> None:
    torch.set_num_threads(1)
    predicted, truth = cells()
    kinds = {"numpy": (predicted, truth), "torch": (torch.from_numpy(predicted), torch.from_numpy(truth))}
    slow, expected = seconds(lambda: reference_metrics.scores(predicted, truth), repeats=2)
    print(f"{CLIPS} clips of {SEGMENTS} segments and {CATEGORIES} categories, ten numbers, one core")
    print(f"clip by clip, class by class  {1000 * slow:8.1f} ms")
    for kind, (ours, theirs) in kinds.items():
        fast, found = seconds(lambda ours=ours, theirs=theirs: metrics.scores(ours, theirs), repeats=REPEATS)
        for name, value in expected.items():
            assert math.isclose(found[name], value, abs_tol=1e-9), (kind, name, found[name], value)
        verdict = "" if slow / fast >= AIM else f", short of the {AIM} that are aimed for"
        print(f"trainer.metrics, {kind}        {1000 * fast:8.1f} ms, {slow / fast:.0f} times as fast{verdict}")


def cells() -> tuple[np.ndarray, np.ndarray]:
    """A prediction and a truth (N, 2, T, C) of about LLP's density: two events a clip and modality."""
    random = np.random.default_rng(0)
    truth = np.zeros((CLIPS, 2, SEGMENTS, CATEGORIES), bool)
    for i in range(CLIPS):
        for category in random.choice(CATEGORIES, 2, replace=False):
            onset = random.integers(0, SEGMENTS - 1, 2)
            for modality in range(2):
                truth[
                    i, modality, onset[modality] : onset[modality] + random.integers(1, SEGMENTS), category
                ] = True
    return truth ^ (random.random(truth.shape) < 0.02), truth


def seconds(run: Callable[[], dict[str, float]], *, repeats: int) -> tuple[float, dict[str, float]]:
    """The shortest time that it takes, and what it gives."""
    times, found = [], run()
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times), found


if __name__ == "__main__":
    main()
