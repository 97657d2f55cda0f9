"""Training and scoring HAN against the published way of doing both, on the same files with the same threads.

    python tests/benchmarks/bench_training.py [--clips N] [--test N] [--threads N]
    python tests/benchmarks/bench_training.py --device cuda      the complete ecma/llp/full at LLP's size

Ratios within one run are what counts; beside them stands what bounds them: bytes and arithmetic.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from tests.benchmarks import published_han as published
from tests.benchmarks.limits import flops_a_clip, peak_gflops, peak_memory
from tests.planted import Plan, plant
from trainer import engine
from trainer.annotations import read_dataset
from trainer.checkpoint import load_checkpoint, model_config_types
from trainer.config import load_recipe
from trainer.device import choose_device, prepare_torch
from trainer.features import FeatureStore
from trainer.parsing import parse_names
from trainer.protocol import Epoch, Message, Reporter
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
    found = measure_ours(root, "han/llp/vggish", [f"epochs={EPOCHS}"], device)
    found["memory"] = peak_memory()
    dataset, names = read_dataset(root / "dataset"), list(read_dataset(root / "dataset").splits["test"])
    parser, info = load_checkpoint(Path(found["checkpoint"]), device)
    for _ in range(2):  # the first warms up, as the published one is by its training
        began = now()
        store = FeatureStore(root / "features", audio=published.SETS[0], visual=published.SETS[1:])
        file, _ = parse_names(parser, info, store, names, device=device, checkpoint="")
        found["forward"] = now() - began
        parses = {name: parse for name in names if (parse := file.clip(name)) is not None}
        began = now()
        score_parses(parses, dataset, names, rule=info.config.prediction.rule())
        found["metrics"] = now() - began
    return found


def theirs(root: Path) -> dict[str, Any]:
    dataset = read_dataset(root / "dataset")
    clips = published.Clips(dataset, "train", root / "features")
    model = published.PublishedHan(len(dataset.categories))
    optimiser = published.adam(model)
    found: dict[str, Any] = {}
    for workers in (0,) if now is time.process_time else (0, 1):
        taken = []
        for _ in range(2):
            began = now()
            published.train_epoch(model, optimiser, clips, workers)
            taken.append(now() - began)
        found[f"workers {workers}"] = min(taken)
    found |= {"epoch": min(found.values()), "memory": peak_memory()}
    test = published.Clips(dataset, "test", root / "features")
    began = now()
    predicted = published.predictions(model, test)
    found["forward"] = now() - began
    began = now()
    published.scores(predicted, dataset, test)
    found["metrics"] = now() - began
    return found


def plant_clips(root: Path, counts: dict[str, int]) -> dict[str, Any]:
    plant(Plan(counts=counts)).write(root, published.SETS)
    return {}


def child(kind: str, root: Path, threads: int, clips: int, test: int) -> dict[str, Any]:
    numbers = f"--threads={threads} --clips={clips} --test={test}".split()
    flags = ["--cpu-time"] if now is time.process_time else []
    command = [sys.executable, __file__, f"--child={kind}", f"--root={root}", *numbers, *flags]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def compare(root: Path, clips: int, test: int, threads: int) -> None:
    # In a process of its own: the peak memory of a child begins with that of its parent.
    child("plant", root, threads, clips, test)
    their, our = (child(kind, root, threads, clips, test) for kind in ("theirs", "ours"))
    torch.set_num_threads(threads)
    print(f"{clips} training and {test} test clips, batch {published.BATCH}, {threads} thread(s)")
    for name, of in (("theirs", their), ("ours", our)):
        print(f"  {name}: " + ", ".join(f"{k} {v:.3g}" for k, v in of.items() if isinstance(v, float)))
    print(f"epoch: {their['epoch'] / our['epoch']:.1f} times as fast as published (aim 10)")
    evaluations = [of["forward"] + of["metrics"] for of in (their, our)]
    print(f"evaluation, forward and metrics: {evaluations[0] / evaluations[1]:.1f} times as fast (aim 100)")
    print(f"metrics alone: {their['metrics'] / our['metrics']:.0f} times as fast")
    print(f"memory: {our['memory']:.0f} MB, published {their['memory']:.0f} MB")
    print("what bounds it, for a training clip:")
    peak = peak_gflops()
    for name, of, rows, read in (("published", their, 80, "from files"), ("ours", our, 10, "from memory")):
        flops, size = flops_a_clip(rows), 4 * (10 * 128 + rows * 2048 + 10 * 512)
        rate = 1e-9 * flops * clips / of["epoch"]
        print(
            f"  {name}: {size / 1e3:.0f} kB {read}, {flops / 1e6:.0f} MFLOP, "
            f"{1e3 * of['epoch'] / clips:.2f} ms: {rate:.0f} GFLOP/s; a large matrix product {peak:.0f}"
        )
    limit = their["epoch"] / (1e-9 * flops_a_clip(10) * clips / peak)
    print(f"  at that peak, with nothing else to do, an epoch would be {limit:.1f} times as fast as published")


def on_device(root: Path, name: str, clips: int) -> None:
    """The complete ecma/llp/full at LLP's size."""
    device = choose_device(name)
    prepare_torch()
    plant(Plan(counts={"train": clips, "val": clips // 16, "test": 0})).write(root, ("clap", "clip"))
    found = measure_ours(root, "ecma/llp/full", [], device)
    numbers = ", ".join(f"{key} {value:.3g} s" for key, value in found.items() if isinstance(value, float))
    print(f"ecma/llp/full, {clips} clips, on {device}: {numbers}")
    print(f"training after load: {found['training']:.1f} s (aim: under 10 on a data-centre GPU)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--clips", type=int, help="training clips (320; 10,000 with --device)")
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--cpu-time", action="store_true", help="seconds of work instead of those on the clock")
    parser.add_argument("--device", help="train ecma/llp/full here instead, at LLP's size")
    parser.add_argument("--child", choices=("plant", "ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        torch.set_num_threads(options.threads)
        torch.manual_seed(1)
        counts = {"train": options.clips, "val": 0, "test": options.test}
        write = partial(plant_clips, counts=counts)
        measures = {"plant": write, "ours": ours, "theirs": theirs}
        print(json.dumps(measures[options.child](options.root)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.device:
            on_device(Path(folder), options.device, options.clips or 10_000)
        else:
            compare(Path(folder), options.clips or 320, options.test, options.threads)


if __name__ == "__main__":
    main()
