"""What bounds a training: its arithmetic, bytes and calls, and what this machine reaches of them."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import torch
from torch.nn.functional import normalize
from torch.profiler import ProfilerActivity, profile

from tests.planted import SETS
from trainer.batch import Batch, Material
from trainer.checkpoint import build_model, model_config_types
from trainer.config import Config, FeatureConfig
from trainer.engine.trainee import Trainee
from trainer.group import Group
from trainer.recipe_files import load_recipe


def flops_a_clip(rows: int, segments: int = 10, width: int = 512, categories: int = 25) -> float:
    """Of a training step: two for each multiply and add, forward, and backward for weights and for inputs."""
    first = width * (segments * 128 + rows * 2048 + segments * 512)
    join = 2 * segments * width**2
    attention = 2 * segments * 8 * width**2 + 8 * segments**2 * width
    others = 2 * segments * 2 * width**2 + 2 * segments * 3 * categories * width
    return 2 * (2 * first + 3 * (join + attention + others))  # features need no gradient


def bytes_a_clip(rows: int, weights: int, passes: int, batch: int) -> float:
    """Of a training step: features read, and how often the optimiser passes over all weights for a batch."""
    return 4 * (10 * 128 + rows * 2048 + 10 * 512) + 4 * weights * passes / batch


def peak_gflops(size: int = 2048) -> float:
    """Of a large matrix product."""
    a, b = torch.rand(2, size, size)
    return 2e-9 * size**3 / _quickest(lambda: a @ b)


def peak_gbytes(size: int = 1 << 26) -> float:
    """A second, read or written, of a large copy."""
    a, b = torch.rand(2, size // 4)
    return 2e-9 * size / _quickest(lambda: b.copy_(a))


def bounded(flops: float, size: float, peak: float) -> str:
    """How long arithmetic and bytes alone would take at what this machine reaches."""
    stream = peak_gbytes()
    return (
        f"{flops / 1e6:.0f} MFLOP {1e-6 * flops / peak:.2f} ms at {peak:.0f} GFLOP/s, "
        f"{size / 1e6:.1f} MB {1e-6 * size / stream:.2f} ms at {stream:.0f} GB/s"
    )


def _quickest(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def peak_memory() -> float:
    """MB, of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def calls_a_step(recipe: str) -> int:
    """How many functions of torch a training step calls, one within another counted too.

    Where a step is small, or the device fast, they are what it takes time for.
    """
    step = stepping(recipe)
    step()
    with profile(activities=[ProfilerActivity.CPU]) as made:
        step()
    return sum(event.name.startswith("aten::") for event in made.events())


def stepping(recipe: str, clips: int = 2, segments: int = 10, categories: int = 25) -> Callable[[], object]:
    """A training step of a recipe on random clips, again and again, when every loss has begun.

    Feature sets are as wide as published, with one row a segment.
    """
    config = load_recipe(recipe, [], models=model_config_types())
    parser = build_model(config, categories, {name: SETS[name].width for name in config.features.sets})
    parser.prepare(_material(config.features, categories))
    trainee = Trainee(config, parser, Group(), torch.device("cpu"))
    batch = _batch(config, clips, segments, categories)
    return lambda: trainee.step(batch, config.training.epochs)


def _material(features: FeatureConfig, categories: int) -> Material:
    audio, visual = (torch.randn(categories, SETS[name].width) for name in features.joint or features.sets[:2])
    return Material(
        texts=(normalize(audio), normalize(visual)),
        label_rates=torch.full((2, categories), 0.1),
        thresholds=torch.zeros(2, categories),
        scales=(1.0, 1.0),
    )


def _batch(config: Config, clips: int, segments: int, categories: int) -> Batch:
    sets, cells = config.features, (clips, 2, segments, categories)
    rows = {name: torch.randn(clips, segments, SETS[name].width) for name in sets.sets}
    return Batch(
        audio=rows[sets.audio],
        visual=tuple(rows[name] for name in sets.visual),
        valid=torch.ones(clips, segments, dtype=torch.bool),
        labels=torch.ones(clips, categories),
        reviewed=torch.full(cells, -1, dtype=torch.int8),
        index=torch.arange(clips),
        pseudo_labels=(torch.rand(cells) < 0.1).float() if config.labels.kind == "pseudo" else None,
        joint=(rows[sets.joint[0]], rows[sets.joint[1]]) if sets.joint else None,
    )
