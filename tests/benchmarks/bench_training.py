"""Training and scoring HAN against the published way of doing both, on the same files with the same threads.

    python tests/benchmarks/bench_training.py [--clips N] [--test N] [--threads N ...]
    python tests/benchmarks/bench_training.py --device cuda      the complete ecma/llp/full at LLP's size

Ratios within one run are what counts; beside them stands what bounds them: bytes and arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.benchmarks import limits
from tests.benchmarks import published_han as published
from tests.planted import Plan, plant
from trainer import engine
from trainer.annotations import read_dataset
from trainer.checkpoint import load_checkpoint, model_config_types
from trainer.device import choose_device, prepare_torch
from trainer.features import FeatureStore
from trainer.parsing import parse_names
from trainer.protocol import Epoch, Message, Reporter
from trainer.recipe_files import load_recipe
from trainer.scoring import score_parses

EPOCHS = 3
now = time.process_time if "--cpu-time" in sys.argv else time.perf_counter
"""Seconds on the clock, or of work: the latter tell more where others use the machine too."""


class Clock(Reporter):
    """Remembers when each optimiser step ended and each epoch was told of."""

    def __init__(self) -> None:
        super().__init__(None)
        self.steps: list[float] = []
        self.epochs: list[float] = []
        register_optimizer_step_post_hook(lambda *_: self.steps.append(now()))

    def send(self, message: Message) -> None:
        if isinstance(message, Epoch):
            self.epochs.append(now())


def measure_ours(root: Path, recipe: str, overrides: list[str], device: torch.device) -> dict[str, Any]:
    """Loading twice, training, and what the caller needs to go on."""
    config = load_recipe(recipe, overrides, models=model_config_types())
    dataset = read_dataset(root / "dataset")
    names = [name for clips in dataset.splits.values() for name in clips]
    found: dict[str, Any] = {}
    for start in ("first start", "second start"):
        began = now()
        store = FeatureStore(root / "features", audio=config.features.audio, visual=config.features.visual)
        store.read(names)
        found[start] = now() - began
    clock, run_dir, began = Clock(), root / "run", now()
    run_dir.mkdir()
    result = engine.train(config, dataset, store, run_dir, device=device, reporter=clock)
    found["whole"] = now() - began
    # Measured from outside: from the first step to the last of each epoch, and one more step.
    count = len(clock.steps) // config.training.epochs
    epochs = [clock.steps[i * count : (i + 1) * count] for i in range(config.training.epochs)]
    found["epoch"] = statistics.median((e[-1] - e[0]) / max(1, count - 1) * count for e in epochs)
    pauses = [after[0] - before[-1] for before, after in pairwise(epochs)]
    found["between epochs"] = statistics.median(pauses) - found["epoch"] / count
    found["training"] = clock.epochs[-1] - clock.steps[0] + found["epoch"] / count
    return found | {"checkpoint": str(result.checkpoint)}


def ours(root: Path) -> dict[str, Any]:
    device = torch.device("cpu")
    prepare_torch(threads=torch.get_num_threads())
    found = measure_ours(root, "han/llp/vggish", [f"epochs={EPOCHS}"], device)
    found["memory"] = limits.peak_memory()
    dataset = read_dataset(root / "dataset")
    names = list(dataset.splits["test"])
    parser, info = load_checkpoint(Path(found["checkpoint"]), device)
    found["weights"] = sum(weight.numel() for weight in parser.parameters())
    for _ in range(2):  # the first warms up, as the published one is by its training
        began = now()
        store = FeatureStore(root / "features", audio=published.SETS[0], visual=published.SETS[1:])
        file, _ = parse_names(parser, info, store, names, device=device, checkpoint="")
        parses = {name: parse for name in names if (parse := file.clip(name)) is not None}
        found["forward"], began = now() - began, now()
        score_parses(parses, dataset, names, rule=info.config.prediction.rule())
        found["metrics"] = now() - began
    return found


def theirs(root: Path) -> dict[str, Any]:
    dataset = read_dataset(root / "dataset")
    clips = published.Clips(dataset, "train", root / "features")
    model = published.PublishedHan(len(dataset.categories))
    optimiser = published.adam(model)
    found: dict[str, Any] = {}
    for workers in (0, 0) if now is time.process_time else (0, 0, 1):  # the first warms up
        began = now()
        published.train_epoch(model, optimiser, clips, workers)
        found[f"workers {workers}"] = now() - began
    found |= {"epoch": min(found.values()), "memory": limits.peak_memory()}
    test = published.Clips(dataset, "test", root / "features")
    began = now()
    predicted = published.predictions(model, test)
    between = now()
    published.scores(predicted, dataset, test)
    return found | {"forward": between - began, "metrics": now() - between}


def child(kind: str, root: Path, threads: int, clips: int, test: int) -> dict[str, Any]:
    numbers = f"--threads {threads} --clips {clips} --test {test}".split()
    command = [sys.executable, __file__, f"--child={kind}", f"--root={root}", *numbers]
    command += ["--cpu-time"] if now is time.process_time else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads((done.stdout.splitlines() or ["{}"])[-1]))


def compare(root: Path, clips: int, test: int, threads: int) -> None:
    for left in ("run", "features/packs"):
        shutil.rmtree(root / left, ignore_errors=True)
    their, our = (child(kind, root, threads, clips, test) for kind in ("theirs", "ours"))
    torch.set_num_threads(threads)
    print(f"\n{threads} thread(s); others on this machine: load {os.getloadavg()[0]:.1f}")
    for name, of in (("published", their), ("ours", our)):
        print(f"  {name}: " + ", ".join(f"{k} {v:.3g}" for k, v in of.items() if isinstance(v, float)))
    print(f"epoch: {their['epoch'] / our['epoch']:.1f} times as fast as published")
    whole = [of["forward"] + of["metrics"] for of in (their, our)]
    print(f"evaluation, forward and metrics: {whole[0] / whole[1]:.0f} times as fast")
    print(f"metrics with truth and thresholds: {their['metrics'] / our['metrics']:.0f} times as fast")
    print(f"peak memory: {our['memory']:.0f} MB, published {their['memory']:.0f} MB")
    peak = limits.peak_gflops()
    print("what bounds a training clip:")
    for name, of, rows, passes in (("published", their, 80, 14), ("ours", our, 10, 7)):
        size = limits.bytes_a_clip(rows, our["weights"], passes, published.BATCH)
        parts = limits.bounded(limits.flops_a_clip(rows), size, peak)
        print(f"  {name}: {parts}, of {1e3 * of['epoch'] / clips:.2f} ms")
    limit = their["epoch"] / (1e-9 * limits.flops_a_clip(10) * clips / peak)
    print(f"  with arithmetic at that peak and nothing else, ours would be {limit:.1f} times as fast")


def on_device(root: Path, name: str, clips: int) -> None:
    """The complete ecma/llp/full at LLP's size."""
    device = choose_device(name)
    prepare_torch()
    plant(Plan(counts={"train": clips, "val": clips // 16, "test": 0})).write(root, ("clap", "clip"))
    found = measure_ours(root, "ecma/llp/full", [], device)
    numbers = ", ".join(f"{key} {value:.3g} s" for key, value in found.items() if isinstance(value, float))
    print(f"ecma/llp/full, {clips} clips, on {device}: {numbers} (training: under 10 on a data-centre GPU)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, help="training clips (320; 10,000 with --device)")
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--cpu-time", action="store_true", help="seconds of work instead of those on the clock")
    parser.add_argument("--device", help="train ecma/llp/full here instead, at LLP's size")
    parser.add_argument("--child", choices=("plant", "ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        torch.set_num_threads(*options.threads)
        torch.manual_seed(1)
        counts = {"train": options.clips, "val": 0, "test": options.test}
        if options.child == "plant":
            plant(Plan(counts=counts)).write(options.root, published.SETS)
        else:
            print(json.dumps((ours if options.child == "ours" else theirs)(options.root)))
        return
    with tempfile.TemporaryDirectory() as folder:
        root, clips = Path(folder), options.clips or 320
        if options.device:
            on_device(root, options.device, options.clips or 10_000)
            return
        print(f"{clips} training and {options.test} test clips, batch {published.BATCH}")
        # In a process of its own: the peak memory of a child begins with that of its parent.
        child("plant", root, 1, clips, options.test)
        for threads in options.threads:
            compare(root, clips, options.test, threads)
    for recipe in ("han/llp/vggish", "ecma/llp/full"):
        print(f"{recipe}: {limits.calls_a_step(recipe)} calls of torch a step")


if __name__ == "__main__":
    main()
