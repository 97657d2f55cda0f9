"""Every recipe trained end to end on planted clips, at a reduced size that is the same for all.

    python tests/benchmarks/bench_recipes.py [--only PATTERN] [--seeds N] [--clips N] [--set key=value ...]

Planted clips are no LLP: the table shows that recipes train, and how they compare here, not the papers' order.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.trials import Trial, run_trial, shown
from tests.planted import SETS, Plan, plant
from trainer.annotations import read_dataset
from trainer.checkpoint import model_config_types
from trainer.config import load_recipe
from trainer.device import prepare_torch

SIZE = ("width=64", "feedforward=64", "epochs=10", "batch=16", "optimiser.lr=2e-3")
"""What is laid over every recipe: an eighth of the widths, fewer clips a step, and a rate that suits that."""
WIDTH = 64
"""Columns of every feature set."""


def recipes() -> list[str]:
    """As the command line lists them."""
    command = [sys.executable, "-m", "trainer", "recipes", "--json"]
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [entry["name"] for entry in json.loads(listed)]


def score(trials: list[Trial], level: str) -> str:
    """Type@AV; AV where the truth is audio-visual only."""
    names = (f"{level}/Type@AV", f"{level}/AV")
    return shown([next(trial.scores[name] for name in names if name in trial.scores) for trial in trials])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="*", help='recipes by name, for example "ecma/llp/*"')
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--clips", type=int, default=160, help="training clips; half as many test clips")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="laid over every recipe"
    )
    options = parser.parse_args()
    prepare_torch()
    counts = {"train": options.clips, "val": options.clips // 4, "test": options.clips // 2}
    names = [name for name in recipes() if fnmatch.fnmatch(name, options.only)]
    with tempfile.TemporaryDirectory() as folder:
        worlds = [(seed, Path(folder) / str(seed)) for seed in range(1, options.seeds + 1)]
        for seed, root in worlds:
            plant(Plan(counts=counts, categories=10, seed=seed)).write(
                root, SETS, widths=dict.fromkeys(SETS, WIDTH)
            )
        print(f"{counts['train']} training clips, {' '.join([*SIZE, *options.set])}, {options.seeds} seed(s)")
        print(
            f"{'recipe':28} {'first loss':>10} {'last':>7}  {'segment Type@AV':15} {'event Type@AV':15} seconds"
        )
        for name in names:
            trials = []
            for seed, root in worlds:
                settings = [*SIZE, f"training.seed={seed}", *options.set]
                config = load_recipe(name, settings, models=model_config_types())
                trials.append(run_trial(config, read_dataset(root / "dataset"), root / "features"))
            print(f"{name:28} {row(trials)}", flush=True)


def row(trials: list[Trial]) -> str:
    first, last = (sum(trial.losses[i] for trial in trials) / len(trials) for i in (0, 1))
    seconds = sum(trial.seconds for trial in trials) / len(trials)
    warning = "" if last < first else "  the loss did not fall"
    scores = f"{score(trials, 'segment'):15} {score(trials, 'event'):15}"
    return f"{first:10.3f} {last:7.3f}  {scores} {seconds:7.1f}{warning}"


if __name__ == "__main__":
    main()
