"""A generator small enough to test, and batches with truth for it."""

from __future__ import annotations

from dataclasses import replace

import torch

from trainer.batch import Batch, Material
from trainer.models.generator import Generator, GeneratorConfig

SMALL = GeneratorConfig(width=16, heads=2, feedforward=24, hidden=20, layers=2, dropout=0.0)
MIGRATING = replace(SMALL, tau_audio=0.3, tau_visual=0.3)
"""With thresholds that random features reach."""
AUDIO, VISUAL = 6, 4


def unit(*shape, seed=5) -> torch.Tensor:
    rows = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=-1)


def small_generator(config=SMALL, categories=3) -> Generator:
    torch.manual_seed(0)
    model = Generator(config, AUDIO, (VISUAL,), categories)
    model.prepare(Material(texts=(unit(categories, AUDIO), unit(categories, VISUAL, seed=6))))
    return model.eval()


def review(batch: Batch, *cells) -> Batch:
    """The batch with cells (clip, modality, segment, category, state) reviewed."""
    reviewed = batch.reviewed.clone()
    for clip, modality, segment, category, state in cells:
        reviewed[clip, modality, segment, category] = state
    return replace(batch, reviewed=reviewed)


def told(batch: Batch, *cells) -> Batch:
    """The batch with cells (clip, segment, category, state) of its truth changed."""
    truth = batch.truth.clone()
    for clip, segment, category, state in cells:
        truth[clip, segment, category] = state
    return replace(batch, truth=truth)
