"""How the score on test grows with the number of training clips that a person corrected, on planted clips.

    python tests/benchmarks/bench_corrections.py                     some three minutes
    python tests/benchmarks/bench_corrections.py --full              the experiment: more clips, seeds, counts
    python tests/benchmarks/bench_corrections.py --set reviewed_weight 1 10 --corrected 0 4 20

A corrected clip has every cell of every category reviewed; with --labelled only those of its own labels.
Every seed has clips of its own, on which everything is trained: gains and differences are paired by it, and
what stands behind ± is half of a 95 % interval by Student's t. Checkpoints are chosen by validation clips.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.trials import run_trial, shown
from tests.planted import Plan, Planted, plant
from trainer.annotations import Dataset
from trainer.checkpoint import model_config_types
from trainer.device import prepare_torch
from trainer.recipe_files import load_recipe

SETS = ("signal-audio", "signal-visual")
METRIC = "segment/Type@AV"
CATEGORIES = 10
QUICK = {"clips": 200, "seeds": 3, "epochs": 16}
FULL = {"clips": 1000, "seeds": 5, "epochs": 16}
SHARES = (0.0, 0.02, 0.05, 0.1, 0.25, 1.0)


@dataclass(frozen=True)
class World:
    """The clips of one seed, and where their features are."""

    planted: Planted
    features: Path

    def corrected(self, clips: int, labelled: bool) -> Dataset:
        """The dataset, of which the first `clips` training clips were corrected."""
        names = list(self.planted.dataset.splits["train"])[:clips]
        return replace(self.planted.dataset, reviewed=self.planted.reviewed(names, labelled_only=labelled))


@dataclass(frozen=True, eq=False)
class Curve:
    """`scores` (points, seeds) after so many `clips` (points,) were corrected: none first, most last."""

    clips: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def gains(self) -> NDArray[np.float64]:
        return self.scores - self.scores[0]

    @property
    def mean_gains(self) -> NDArray[np.float64]:
        """(seeds,): the area under the gains, each doubling of the clips counting the same, over its width."""
        doublings = np.log2(1 + self.clips)
        return np.asarray(np.trapezoid(self.gains, doublings, axis=0) / doublings[-1])

    def needed(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """(seeds,): the corrected clips with which each seed first reaches its target; inf where none do."""
        return np.array([_first(self.clips, *pair) for pair in zip(self.scores.T, targets, strict=True)])


def _first(clips: NDArray[np.int64], scores: NDArray[np.float64], target: float) -> float:
    """Between two points the score is taken to be a line."""
    reached = np.flatnonzero(scores >= target)
    if not len(reached):
        return float("inf")
    i = int(reached[0])
    if i == 0:
        return 0.0
    share = (target - scores[i - 1]) / (scores[i] - scores[i - 1])
    return float(clips[i - 1] + share * (clips[i] - clips[i - 1]))


def plant_worlds(folder: Path, clips: int, seeds: int) -> list[World]:
    counts = {"train": clips, "val": max(60, clips // 5), "test": max(200, clips // 2)}
    worlds = [
        World(plant(Plan(counts=counts, categories=CATEGORIES, seed=seed)), folder / str(seed) / "features")
        for seed in range(1, seeds + 1)
    ]
    for world in worlds:
        world.planted.write(world.features.parent, SETS)
    return worlds


def cells_of(dataset: Dataset) -> int:
    """How many cells were reviewed: what corrections cost."""
    return sum(round(event.duration) for events in dataset.reviewed.values() for event in events)


def measure(
    worlds: list[World], counts: Sequence[int], recipe: str, settings: list[str], labelled: bool
) -> Curve:
    """Train with each count of corrected clips in each world, and print a row for each count."""
    print(f"  {'clips':>5} {'cells':>7}  {'score':14} gain")
    rows: list[list[float]] = []
    for count in counts:
        datasets = [world.corrected(count, labelled) for world in worlds]
        row = []
        for world, dataset in zip(worlds, datasets, strict=True):
            said = [*settings, f"training.seed={world.planted.plan.seed}"]
            config = load_recipe(recipe, said, models=model_config_types())
            row.append(run_trial(config, dataset, world.features).scores[METRIC])
        rows.append(row)
        cells = round(np.mean([cells_of(dataset) for dataset in datasets]))
        gains = shown(np.subtract(row, rows[0])) if count else ""
        print(f"  {count:5} {cells:7}  {shown(row):14} {gains}", flush=True)
    return Curve(np.array(counts), np.array(rows))


def conclude(curve: Curve, first: Curve | None) -> None:
    """What the curve says in a line; beside the `first` of several if there is one."""
    reference = first or curve
    needed = curve.needed((reference.scores[0] + reference.scores[-1]) / 2)
    text = ", ".join("never" if np.isinf(clips) else f"{clips:.0f}" for clips in sorted(needed))
    whose = "the first's" if first else "the"
    print(f"  clips for half of {whose} full gain, by seed: {text} (median {np.median(needed):.0f})")
    print(f"  mean gain over doublings of the clips: {shown(curve.mean_gains)}")
    if first:
        level, difference = curve.scores - first.scores, curve.mean_gains - first.mean_gains
        print(f"  against the first: score without any {shown(level[0])}, with all {shown(level[-1])},")
        print(f"    mean gain {shown(difference)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--recipes", nargs="+", default=["han/signal", "ecma/signal"])
    parser.add_argument("--clips", type=int, help="training clips")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--corrected", type=int, nargs="+", help="how many are corrected: 0 first, rising")
    parser.add_argument(
        "--set",
        nargs="+",
        default=["reviewed_weight"],
        metavar=("KEY", "VALUE"),
        help="a setting to compare values of",
    )
    parser.add_argument("--also", nargs="+", default=[], metavar="KEY=VALUE", help="settings of every training")
    parser.add_argument("--labelled", action="store_true", help="review only the categories of a clip's labels")
    options = parser.parse_args()
    chosen = FULL if options.full else QUICK
    clips, seeds, epochs = (getattr(options, key) or chosen[key] for key in ("clips", "seeds", "epochs"))
    counts = options.corrected or [round(share * clips) for share in SHARES]
    if counts[0] != 0 or counts != sorted({*counts}):
        parser.error("--corrected begins with 0 and rises")
    key, *values = options.set
    variants = [[f"{key}={value}"] for value in values] or [[]]
    prepare_torch()
    with tempfile.TemporaryDirectory() as folder:
        worlds = plant_worlds(Path(folder), clips, seeds)
        which = "the labelled categories" if options.labelled else "every category"
        print(f"{METRIC} on test: {clips} training clips, {seeds} seeds, {epochs} epochs, {which} reviewed")
        first: Curve | None = None
        for recipe, variant in product(options.recipes, variants):
            print(" ".join([recipe, *variant]))
            settings = [f"epochs={epochs}", *options.also, *variant]
            curve = measure(worlds, counts, recipe, settings, options.labelled)
            conclude(curve, first)
            first = first or curve


if __name__ == "__main__":
    main()
