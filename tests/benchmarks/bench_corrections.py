"""How the score on test grows with the number of training clips that a person corrected, on planted clips.

    python tests/benchmarks/bench_corrections.py                     a few minutes
    python tests/benchmarks/bench_corrections.py --full              the experiment: more clips, seeds, shares
    python tests/benchmarks/bench_corrections.py --set reviewed_weight 1 10 --shares 0.05 0.25

A corrected clip has every cell of every category reviewed; with --labelled only those of its own labels.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.trials import run_trial, shown
from tests.planted import Plan, Planted, plant
from trainer.checkpoint import model_config_types
from trainer.config import load_recipe
from trainer.device import prepare_torch

SETS = ("signal-audio", "signal-visual")
METRIC = "segment/Type@AV"
CATEGORIES = 10
QUICK = {"clips": 240, "seeds": 3, "epochs": 20, "shares": (0.0, 0.02, 0.05, 0.1, 0.25, 1.0)}
FULL = {"clips": 1000, "seeds": 5, "epochs": 25, "shares": (0.0, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)}


def plant_worlds(folder: Path, clips: int, seeds: int) -> list[tuple[Planted, Path]]:
    """Clips and their features, one world a seed."""
    counts = {"train": clips, "val": max(50, clips // 5), "test": max(150, clips // 2)}
    worlds = [
        (plant(Plan(counts=counts, categories=CATEGORIES, seed=seed)), folder / str(seed))
        for seed in range(1, seeds + 1)
    ]
    for planted, root in worlds:
        planted.write(root, SETS)
    return worlds


def corrected(
    world: tuple[Planted, Path], share: float, recipe: str, settings: Sequence[str], labelled: bool
) -> float:
    """The score of a recipe for which the first clips, a share of all, were corrected."""
    planted, root = world
    names = list(planted.dataset.splits["train"])
    reviewed = planted.reviewed(names[: round(share * len(names))], labelled_only=labelled)
    settings = [*settings, f"training.seed={planted.plan.seed}"]
    config = load_recipe(recipe, settings, models=model_config_types())
    return run_trial(config, replace(planted.dataset, reviewed=reviewed), root / "features").scores[METRIC]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--recipes", nargs="+", default=["han/signal", "ecma/signal"])
    parser.add_argument("--clips", type=int, help="training clips")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--shares", type=float, nargs="+", help="of the training clips that are corrected")
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
    clips, seeds, epochs, shares = (
        getattr(options, key) or chosen[key] for key in ("clips", "seeds", "epochs", "shares")
    )
    key, *values = options.set
    variants = [[f"{key}={value}"] for value in values] or [[]]
    prepare_torch()
    with tempfile.TemporaryDirectory() as folder:
        worlds = plant_worlds(Path(folder), clips, seeds)
        which = "the labelled categories" if options.labelled else "every category"
        print(f"{METRIC} on test; {clips} training clips, {seeds} seed(s), {epochs} epochs, {which} reviewed")
        for recipe, variant in product(options.recipes, variants):
            print(" ".join([recipe, *variant]))
            base: list[float] = []
            for share in shares:
                scores = [
                    corrected(
                        world, share, recipe, [f"epochs={epochs}", *options.also, *variant], options.labelled
                    )
                    for world in worlds
                ]
                base = base or scores
                gains = [score - first for score, first in zip(scores, base, strict=True)]
                which = f"{round(share * clips):5} clips corrected ({share:4.0%})"
                print(f"  {which}: {shown(scores)}   gain {shown(gains)}", flush=True)


if __name__ == "__main__":
    main()
