"""Every recipe that video-level labels teach, trained end to end on planted clips, at a reduced size that is
the same for all; then E-CMANet against its ablations, where most events are heard and seen together and where
most are only one of the two. bench_ear.py trains the other recipes.

    python tests/benchmarks/bench_recipes.py                         some three minutes
    python tests/benchmarks/bench_recipes.py [--only PATTERN] [--clips N] [--seeds N] [--ablation-seeds N]

Planted clips are no LLP: the tables show that recipes train, and how they compare here, not the papers' order.
Every seed has clips of its own, on which everything is trained, so that differences are paired by it; what
stands behind ± is half of a 95 % interval by Student's t.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.trials import Trial, run_trial, shown
from tests.planted import SETS, Plan, plant
from trainer.annotations import Dataset, read_dataset
from trainer.checkpoint import model_config_types
from trainer.device import prepare_torch
from trainer.recipe_files import load_recipe, recipe_names

SIZE = ("width=64", "feedforward=64", "epochs=10", "batch=16", "optimiser.lr=2e-3")
"""What is laid over every recipe: an eighth of the widths, fewer clips a step, and a rate that suits that."""
WIDTH = 64
"""Columns of every feature set."""
CATEGORIES = 10

ABLATION = (
    "ecma/llp/full",
    "ecma/llp/no-cma",
    "ecma/llp/no-ema",
    "ecma/llp/coleaf-dagger",
    "han/llp/clip",
)
"""The rows of E-CMANet's Table 3, the full one first, and HAN on the same features."""
ABLATION_SETS = ("clap", "clip")
WAYS = {
    "most events heard and seen together": (0.2, 0.1, 0.6, 0.1),
    "most events only heard or only seen": (0.45, 0.30, 0.15, 0.10),
}
"""Plan.ways of the two kinds of clips."""

World = tuple[Dataset, Path, int]
"""The clips of a seed, their features, and the seed."""


def worlds(folder: Path, plans: Sequence[Plan], sets: Sequence[str]) -> list[World]:
    made: list[World] = []
    for plan in plans:
        root = folder / str(plan.seed)
        plant(plan).write(root, sets, widths=dict.fromkeys(sets, WIDTH))
        made.append((read_dataset(root / "dataset"), root / "features", plan.seed))
    return made


def train(recipe: str, made: list[World], settings: Sequence[str]) -> list[Trial]:
    trials = []
    for dataset, features, seed in made:
        said = [*SIZE, f"training.seed={seed}", *settings]
        trials.append(run_trial(load_recipe(recipe, said, models=model_config_types()), dataset, features))
    return trials


def scores(trials: list[Trial], level: str) -> list[float]:
    """Type@AV; AV where the recipe is for truth that is audio-visual only."""
    names = (f"{level}/Type@AV", f"{level}/AV")
    return [next(trial.scores[name] for name in names if name in trial.scores) for trial in trials]


def row(trials: list[Trial]) -> str:
    first, last = np.mean([trial.losses for trial in trials], axis=0)
    seconds = np.mean([trial.seconds for trial in trials])
    warning = "" if last < first else "  the loss did not fall"
    found = " ".join(f"{shown(scores(trials, level)):15}" for level in ("segment", "event"))
    return f"{first:10.3f} {last:7.3f}  {found} {seconds:7.1f}{warning}"


def every_recipe(names: Sequence[str], made: list[World], settings: Sequence[str]) -> None:
    print(f"{'recipe':28} {'first loss':>10} {'last':>7}  {'segment Type@AV':15} {'event Type@AV':15} seconds")
    for name in names:
        print(f"{name:28} {row(train(name, made, settings))}", flush=True)


def is_weak(recipe: str) -> bool:
    """Whether video-level labels teach it; bench_ear.py has the others."""
    return load_recipe(recipe, models=model_config_types()).labels.kind == "video"


def ablation(made: list[World], settings: Sequence[str]) -> None:
    """The scores of each row, and how much the full one is above it."""
    print(f"{'recipe':28} {'segment Type@AV':15} {'event Type@AV':15} {'the first - this one':>20}")
    full: list[float] = []
    for name in ABLATION:
        trials = train(name, made, settings)
        segment = scores(trials, "segment")
        full = full or segment
        found = " ".join(f"{shown(scores(trials, level)):15}" for level in ("segment", "event"))
        above = shown(np.subtract(full, segment)) if name != ABLATION[0] else ""
        print(f"{name:28} {found} {above:>20}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="*", help='recipes of the first table, for example "ecma/llp/*"')
    parser.add_argument("--clips", type=int, default=160, help="training clips; at least 200 test clips")
    parser.add_argument("--seeds", type=int, default=1, help="of the first table")
    parser.add_argument("--ablation-seeds", type=int, default=3, help="of the other tables; 0 leaves them out")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="laid over every recipe"
    )
    options = parser.parse_args()
    prepare_torch()
    counts = {"train": options.clips, "val": 60, "test": max(200, options.clips // 2)}
    names = [name for name in recipe_names() if fnmatch.fnmatch(name, options.only) and is_weak(name)]
    print(f"{options.clips} training clips, {' '.join([*SIZE, *options.set])}")

    def plans(seeds: int, **kind: tuple[float, float, float, float]) -> list[Plan]:
        every = range(1, seeds + 1)
        return [Plan(counts=counts, categories=CATEGORIES, seed=seed, **kind) for seed in every]

    with tempfile.TemporaryDirectory() as folder:
        if names:
            print(f"\nevery recipe, {options.seeds} seed(s)")
            every_recipe(names, worlds(Path(folder) / "all", plans(options.seeds), [*SETS]), options.set)
        for kind, ways in WAYS.items() if options.ablation_seeds else ():
            print(f"\n{kind}, {options.ablation_seeds} seed(s)")
            made = worlds(Path(folder) / kind, plans(options.ablation_seeds, ways=ways), ABLATION_SETS)
            ablation(made, options.set)


if __name__ == "__main__":
    main()
