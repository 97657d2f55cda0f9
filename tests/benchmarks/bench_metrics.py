"""How long the metrics take on a test split of LLP's size: `python tests/benchmarks/bench_metrics.py`."""

from __future__ import annotations

import time

import numpy as np
import torch

from trainer import metrics

CLIPS, SEGMENTS, CATEGORIES, REPEATS = 1200, 10, 25, 20


def main() -> None:
    random = np.random.default_rng(0)
    predicted, truth = random.random((2, CLIPS, 2, SEGMENTS, CATEGORIES)) < 0.1
    kinds = {"numpy": (predicted, truth), "torch": (torch.from_numpy(predicted), torch.from_numpy(truth))}
    for kind, (ours, theirs) in kinds.items():
        metrics.scores(ours, theirs)
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            metrics.scores(ours, theirs)
            seconds.append(time.perf_counter() - start)
        print(f"{kind}: {1000 * np.median(seconds):.1f} ms for {CLIPS} clips, ten metrics")


if __name__ == "__main__":
    main()
