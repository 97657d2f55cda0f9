"""LINK on generated clips against VALOR++ and HAN, also by whether sound and picture go together in a clip.

    python tests/benchmarks/bench_link.py               some thirty seconds
    python tests/benchmarks/bench_link.py --full        the experiment: more clips, epochs, seeds and rows

A clip is aligned where all that happens in it is heard and seen at the same times; in the others something is
heard or seen alone, or earlier than it is seen. LINK's claim is about these: whether it gains more there is the
last column. Labels are VALOR's, made of features in the joint spaces of the texts; parsers read others beside.
Every seed has clips of its own, on which everything is trained: differences are paired by it; what stands
behind ± is half of a 95 % interval by Student's t. Generated clips are no LLP.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks import limits
from tests.benchmarks.trials import run_trial, scores_of, shown, timed
from tests.planted import Plan
from tests.planted_pairs import (
    AUDIO,
    MOTION,
    VISUAL,
    Clips,
    is_aligned,
    narrow,
    plant_target,
    write_features,
    write_parser_features,
)
from trainer.checkpoint import model_config_types
from trainer.config import Config
from trainer.device import prepare_torch
from trainer.metrics import METRICS
from trainer.parses import ParseFile
from trainer.prediction import PredictionRule
from trainer.protocol import Reporter
from trainer.pseudo_labels import Making
from trainer.pseudo_labels.valor import ValorLabelling
from trainer.recipe_files import load_recipe, recipe_names

WIDTH = 64
"""Columns of the features in the joint spaces, and of the models."""
SIZE = (f"width={WIDTH}", "feedforward=128", "batch=16", "lr=3e-3", "keep_supervision=0")
"""What is laid over every recipe: narrow models, fewer clips a step, and a rate that suits that."""
TAUGHT = ("heads=4", "layers=2", "lr_min=1e-4")
"""And over those that VALOR's labels teach."""
WAYS = (0.12, 0.08, 0.65, 0.15)
"""Heard only, seen only, together, apart (Plan): some two fifths of the clips are aligned."""
CATEGORIES = 10

BASE, LINK, HAN = "valor/llp/clip", "link/llp/full", "han/llp/clip"
HAN_READS = ('features.visual=["clip", "r2plus1d_18"]',)
"""What the others read."""
QUICK = {"clips": 300, "seeds": 1, "epochs": 8}
FULL = {"clips": 500, "seeds": 8, "epochs": 15}
STEPS = 5
"""Of each parser that are timed."""

GROUPS = ("all", "aligned", "not")
Scores = Mapping[str, float]
Grouped = Mapping[str, Scores]


@dataclass(frozen=True)
class World:
    """The clips of one seed, where their features are, and VALOR's labels of them, filtered or not."""

    seed: int
    clips: Clips
    features: Path
    labels: ParseFile
    unfiltered: ParseFile

    def scores(self, file: ParseFile, rule: PredictionRule | None = None) -> Grouped:
        """Of the test clips, by GROUPS."""
        dataset = self.clips.dataset
        return {
            group: scores_of(file, dataset, names, rule or file.rule)
            for group, names in grouped(self.clips).items()
        }


def grouped(clips: Clips) -> dict[str, list[str]]:
    """The names of the test clips, by GROUPS."""
    names = list(clips.dataset.splits["test"])
    aligned = [name for name in names if is_aligned(clips.cells[name])]
    others = [name for name in names if name not in {*aligned}]
    return dict(zip(GROUPS, (names, aligned, others), strict=True))


def plant_worlds(folder: Path, clips: int, seeds: int) -> list[World]:
    """`clips` train clips in each."""
    counts = {"train": clips, "val": 100, "test": 300}
    return [plant_world(folder / str(seed), counts, seed) for seed in range(1, seeds + 1)]


def plant_world(root: Path, counts: Mapping[str, int], seed: int) -> World:
    plan = Plan(counts=counts, categories=CATEGORIES, ways=WAYS, seed=seed)
    clips, audio = plant_target(root / "dataset", plan), narrow(AUDIO, WIDTH)
    features = write_features(root, clips, (audio, narrow(VISUAL, WIDTH)), seed)
    write_parser_features(root, clips, audio, narrow(MOTION, WIDTH), seed=seed)
    labels = [valor_labels(clips, features, filtered=filtered) for filtered in (True, False)]
    return World(seed, clips, features, *labels)


def valor_labels(clips: Clips, features: Path, *, filtered: bool, search_filtered: bool = True) -> ParseFile:
    """With thresholds from val, by y or of the video alone."""
    labelling = ValorLabelling(features=features, dataset=clips.dataset, search_filtered=search_filtered)
    return labelling.make(Making(hard=True, filtered=filtered), None, Reporter(None))


def config_of(recipe: str, seed: int, epochs: int, settings: Sequence[str]) -> Config:
    """A recipe at the size of this trial."""
    own = HAN_READS if recipe == HAN else (*TAUGHT, f"warm_up={max(1, epochs // 8)}")
    said = [*SIZE, *own, f"epochs={epochs}", f"training.seed={seed}", *settings]
    return load_recipe(recipe, said, models=model_config_types())


class Table:
    """Rows of scores, a column a seed, and how each differs from that of the base."""

    def __init__(self) -> None:
        self._base: NDArray[np.float64] | None = None
        heads = ["seg/Type@AV", "event/Type@AV", *(f"ten, {group}" for group in GROUPS)]
        heads += [f"- base, {group}" for group in GROUPS] + ["not - aligned"]
        print(f"{'scores on test':27} {' '.join(f'{head:14}' for head in heads)} seconds")

    def row(self, name: str, found: Sequence[Grouped], seconds: float) -> None:
        """Rows above that of the base have no differences."""
        ten = np.array([[np.mean([of[g][metric] for metric in METRICS]) for g in GROUPS] for of in found])
        levels = [[of["all"][f"{level}/Type@AV"] for of in found] for level in ("segment", "event")]
        columns = [*levels, *ten.T]
        if self._base is not None:
            gains = (ten - self._base).T  # (3, seeds)
            columns += [*gains, gains[2] - gains[1]]
        self._base = ten if name == BASE else self._base
        text = " ".join(f"{shown(column):14}" for column in columns)
        print(f"{name:27} {text:134} {seconds:7.1f}", flush=True)


def compare(recipes: Sequence[str], worlds: Sequence[World], epochs: int, settings: Sequence[str]) -> None:
    table = Table()

    def train(recipe: str, world: World) -> Grouped:
        return learn(config_of(recipe, world.seed, epochs, settings), world)

    table.row("labels, by y", *timed(lambda world: world.scores(world.labels), worlds))
    table.row("labels, unfiltered", *timed(lambda world: world.scores(world.unfiltered), worlds))
    table.row("labels, searched so", *timed(lambda world: world.scores(alone(world)), worlds))
    for recipe in recipes:
        table.row(recipe, *timed(lambda world, recipe=recipe: train(recipe, world), worlds))


def alone(world: World) -> ParseFile:
    """VALOR's labels by thresholds that were searched without video-level labels too."""
    return valor_labels(world.clips, world.features, filtered=False, search_filtered=False)


def learn(config: Config, world: World) -> Grouped:
    """Train on a world, by VALOR's labels where the recipe has pseudo-labels; the scores."""
    given = world.labels if config.labels.kind == "pseudo" else None
    trial = run_trial(config, world.clips.dataset, world.features, given)
    return world.scores(trial.file, config.prediction.rule())


def speed() -> None:
    """How long a training step takes at the size of the recipes, on LLP's clips: the two by turns."""
    steps = {recipe: limits.stepping(recipe, clips=64) for recipe in (BASE, LINK)}
    taken: dict[str, list[float]] = {recipe: [] for recipe in steps}
    for _ in range(STEPS + 1):
        for recipe, step in steps.items():
            began = time.perf_counter()
            step()
            taken[recipe].append(time.perf_counter() - began)
    base, link = (statistics.median(taken[recipe][1:]) for recipe in (BASE, LINK))  # the first warms up
    calls = ", ".join(f"{recipe} {limits.calls_a_step(recipe)}" for recipe in steps)
    print(
        f"\na step of 64 clips, {torch.get_num_threads()} thread: {LINK} {1000 * link:.0f} ms, "
        f"{BASE} {1000 * base:.0f} ms: {link / base:.2f} times as long\ncalls of torch a step: {calls}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--recipes", nargs="*", metavar="RECIPE", help="the rows, the base first; none: speed")
    parser.add_argument("--clips", type=int, help="training clips")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of every parser")
    options = parser.parse_args()
    chosen = FULL if options.full else QUICK
    clips, seeds, epochs = (getattr(options, key) or chosen[key] for key in ("clips", "seeds", "epochs"))
    more = [name for name in recipe_names() if name.startswith("link/llp/") and name != LINK]
    rows = [BASE, HAN, LINK, *(more if options.full else ())]
    recipes = rows if options.recipes is None else options.recipes
    prepare_torch(threads=1)
    print(f"{clips} clips, {seeds} seed(s), {epochs} epochs, {' '.join(SIZE)}; the base is {BASE}")
    if recipes:
        with tempfile.TemporaryDirectory() as folder:
            compare(recipes, plant_worlds(Path(folder), clips, seeds), epochs, options.set)
    speed()


if __name__ == "__main__":
    main()
