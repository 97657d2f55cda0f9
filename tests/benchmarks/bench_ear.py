"""EAR on generated pairs: what its generator and label migration are worth, then its parser on equal labels.

    python tests/benchmarks/bench_ear.py                some thirty seconds
    python tests/benchmarks/bench_ear.py --full         the experiment: more clips, epochs, seeds and rows
    python tests/benchmarks/bench_ear.py --every        every recipe of EAR and UWAV once, end to end

Generators are trained on a source that tells what is heard and seen at once; their pseudo-labels, hard, are
scored on the target's test clips (the protocol of EAR's Table III). Parsers are trained on the soft labels of
one generator. Every seed has clips of its own, on which everything is trained: differences are paired by it;
what stands behind ± is half of a 95 % interval by Student's t. Generated clips are neither UnAV-100 nor LLP.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.benchmarks.trials import run_trial, scores_on_test, shown, timed
from tests.planted_pairs import (
    AUDIO,
    SETS,
    VISUAL,
    Clips,
    PairPlan,
    narrow,
    plant_pair,
    segment_features,
    text_vectors,
    write_features,
)
from trainer import engine
from trainer.checkpoint import model_config_types
from trainer.config import Config
from trainer.device import prepare_torch
from trainer.jobs import feature_store
from trainer.metrics import METRICS
from trainer.parses import ParseFile
from trainer.protocol import Reporter
from trainer.pseudo_labels import Making, searched_thresholds
from trainer.pseudo_labels.generator import Labelling
from trainer.pseudo_labels.labels import pseudo_labels
from trainer.recipe_files import load_recipe, recipe_names

WIDTH = 64
"""Columns of both feature sets, and of the models."""
SIZE = (f"width={WIDTH}", "feedforward=128", "batch=16", "bucket=4", "lr=3e-3", "lr_min=1e-4")
"""What is laid over every recipe: narrow models, fewer clips a step, and a rate that suits that."""
GENERATOR_SIZE = ("heads=4", "hidden=128", "layers=1", "dropout=0.1", "keep_supervision=0")
PARSER_SIZE = ('features.audio="clap512"', 'features.visual=["clip"]', "features.standardise=false")
LAYERS = {"ear": ("heads=4", "temporal_layers=2", "event_width=16"), "uwav": ("heads=4", "layers=2")}

GENERATORS = ("uwav/gen", "uwav/gen-lm", "ear/gen/no-lm", "ear/gen/full")
"""EAR's Table IV."""
TEACHER = GENERATORS[-1]
MORE_GENERATORS = (
    "ear/gen/scope-clip",
    "ear/gen/w-swapped",
    "ear/gen/static-calibrated",
    "ear/gen/pos-weight-1",
)
PARSERS = ("uwav/llp/clip", "ear/llp/clip")
"""HAN as UWAV trains it, and EAR, on the same pseudo-labels."""
MORE_PARSERS = ("ear/llp/no-erm", "ear/llp/no-amdf", "ear/llp/reweight-paper", "han/llp/clip")
"""The last learns from video-level labels alone."""
COLUMNS = ("segment/A", "segment/V", "segment/AV", "segment/Type@AV", "event/Type@AV")
QUICK = {"clips": 400, "seeds": 1, "epochs": 5}
FULL = {"clips": 1000, "seeds": 5, "epochs": 10}

Scores = Mapping[str, float]


@dataclass(frozen=True)
class World:
    """The clips of one seed, and where their features are."""

    seed: int
    source: Clips
    target: Clips
    source_features: Path
    target_features: Path


def plant_worlds(folder: Path, clips: int, seeds: int) -> list[World]:
    """`clips` train clips in the source and in the target."""
    worlds = []
    for seed in range(1, seeds + 1):
        root, less = folder / str(seed), max(60, clips // 8)
        counts = {"train": clips, "val": less, "test": less}, {"train": clips, "val": 100, "test": 200}
        source, target = plant_pair(root, PairPlan(source=counts[0], target=counts[1], seed=seed))
        spaces = (narrow(AUDIO, WIDTH), narrow(VISUAL, WIDTH))
        places = [write_features(root / name, c, spaces, seed) for name, c in (("s", source), ("t", target))]
        worlds.append(World(seed, source, target, *places))
    return worlds


def config_of(recipe: str, world: World, settings: Iterable[str], epochs: int) -> Config:
    """A recipe at the size of this trial."""
    models = model_config_types()
    parser = load_recipe(recipe, models=models).parser
    own = GENERATOR_SIZE if parser == "generator" else (*PARSER_SIZE, *LAYERS.get(parser, ()))
    said = [*SIZE, *own, f"epochs={epochs}", f"warm_up={max(1, epochs // 8)}", f"training.seed={world.seed}"]
    return load_recipe(recipe, [*said, *settings], models=models)


def generated(config: Config, world: World) -> ParseFile:
    """Train a generator on the source; the soft pseudo-labels that it makes of the target."""
    device, reporter = torch.device("cpu"), Reporter(None)
    with tempfile.TemporaryDirectory() as folder:
        store = feature_store(world.source_features, config)
        run = engine.train(config, world.source.dataset, store, Path(folder), device=device, reporter=reporter)
        labelling = Labelling(
            checkpoint=run.checkpoint,
            features=world.target_features,
            dataset=world.target.dataset,
            device=device,
        )
        return labelling.make(Making(temperature=config.labels.temperature), None, reporter)


def untrained(world: World) -> ParseFile:
    """Pseudo-labels by the cosines of features and texts alone, with thresholds from val (as VALOR has)."""
    target, cosines = world.target, dict[str, list[NDArray[np.float32]]]()
    categories = target.dataset.categories
    for axis, space in enumerate((narrow(AUDIO, WIDTH), narrow(VISUAL, WIDTH))):
        texts = text_vectors(categories, WIDTH, SETS[axis])
        for name, rows in segment_features(target.cells, categories, space, axis, world.seed):
            cosines.setdefault(name, []).append(rows @ texts.T)
    logits = {name: np.stack(pair) for name, pair in cosines.items()}
    thresholds = searched_thresholds(logits, target.dataset)
    making, meta = Making(temperature=0.1), {"method": "cosines"}
    return pseudo_labels(logits, thresholds, target.dataset, making, meta, Reporter(None))


class Table:
    """Rows of scores, a column a seed, and how each row differs from the first."""

    def __init__(self, name: str) -> None:
        self._first: NDArray[np.float64] | None = None
        heads = " ".join(f"{head.replace('segment', 'seg'):14}" for head in COLUMNS)
        print(f"{name:26} {heads} {'mean of ten':14} {'- the first':14} seconds")

    def row(self, name: str, found: Sequence[Scores], seconds: float, *, compared: bool = True) -> None:
        means = np.array([np.mean([scores[metric] for metric in METRICS]) for scores in found])
        cells = [shown([scores[column] for scores in found]) for column in COLUMNS]
        difference = ""
        if compared:
            difference = "" if self._first is None else shown(means - self._first)
            self._first = means if self._first is None else self._first
        text = " ".join(f"{cell:14}" for cell in (*cells, shown(means), difference))
        print(f"{name:26} {text} {seconds:7.1f}", flush=True)


def generators(
    recipes: Sequence[str], worlds: Sequence[World], settings: Sequence[str], epochs: int
) -> dict[str, dict[int, ParseFile]]:
    """A table of what each generator's hard pseudo-labels score; the soft ones of each, by seed."""
    made: dict[str, dict[int, ParseFile]] = {}
    table = Table("pseudo-labels on test")

    def score(world: World, file: ParseFile) -> Scores:
        return scores_on_test(file, world.target.dataset, file.rule)

    def train(recipe: str, world: World) -> Scores:
        file = generated(config_of(recipe, world, settings, epochs), world)
        made.setdefault(recipe, {})[world.seed] = file
        return score(world, file)

    table.row(
        "no training (cosines)", *timed(lambda world: score(world, untrained(world)), worlds), compared=False
    )
    for recipe in recipes:
        table.row(recipe, *timed(lambda world, recipe=recipe: train(recipe, world), worlds))
    return made


def parsers(
    recipes: Sequence[str],
    worlds: Sequence[World],
    labels: Mapping[int, ParseFile],
    settings: Sequence[str],
    epochs: int,
) -> None:
    """A table of parsers that learn from the same pseudo-labels."""
    table = Table("parsers on test")

    def train(recipe: str, world: World) -> Scores:
        config = config_of(recipe, world, settings, epochs)
        given = labels[world.seed] if config.labels.kind == "pseudo" else None
        return run_trial(config, world.target.dataset, world.target_features, given).scores

    for recipe in recipes:
        table.row(recipe, *timed(lambda world, recipe=recipe: train(recipe, world), worlds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--every", action="store_true", help="all rows of the papers")
    parser.add_argument("--generators", nargs="+", metavar="RECIPE", help="the rows of the first table")
    parser.add_argument("--teacher", default=TEACHER, metavar="RECIPE", help="which of them labels for parsers")
    parser.add_argument("--parsers", nargs="*", metavar="RECIPE", help="the rows of the second; none: no table")
    parser.add_argument("--clips", type=int, help="training clips, of the source and of the target")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--set-generator", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of every parser")
    options = parser.parse_args()
    chosen = FULL if options.full else QUICK
    clips, seeds, epochs = (getattr(options, key) or chosen[key] for key in ("clips", "seeds", "epochs"))
    labellers = options.generators or [*GENERATORS, *(MORE_GENERATORS if options.full else ())]
    learners = [*PARSERS, *(MORE_PARSERS if options.full else ())]
    learners = learners if options.parsers is None else options.parsers
    if options.every:
        labellers += _others(labellers, "*/gen*")
        learners += _others(learners, "*/llp/*")
    if learners and options.teacher not in labellers:
        parser.error(f"--teacher {options.teacher} is none of the generators")
    prepare_torch()
    with tempfile.TemporaryDirectory() as folder:
        worlds = plant_worlds(Path(folder), clips, seeds)
        print(f"{clips} clips each, {seeds} seed(s), {epochs} epochs, {' '.join(SIZE)}")
        made = generators(labellers, worlds, options.set_generator, epochs)
        if learners:
            print(f"\ntaught by the soft pseudo-labels of {options.teacher}")
            parsers(learners, worlds, made[options.teacher], options.set, 2 * epochs)


def _others(known: Sequence[str], pattern: str) -> list[str]:
    """The other recipes of EAR and UWAV of a kind."""
    names = [name for name in recipe_names() if name.partition("/")[0] in ("ear", "uwav")]
    return [name for name in names if fnmatch.fnmatch(name, pattern) and name not in known]


if __name__ == "__main__":
    main()
