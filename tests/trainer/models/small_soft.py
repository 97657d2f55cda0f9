"""Parsers that train on pseudo-labels, small enough to test, and clips with such labels."""

from __future__ import annotations

from dataclasses import replace

import torch

from trainer.batch import Batch
from trainer.models.ear import Ear, EarConfig
from trainer.models.uwav import Uwav, UwavConfig

SMALL_UWAV = UwavConfig(width=16, heads=2, feedforward=32, layers=2, dropout=0.0)
SMALL_EAR = EarConfig(width=16, heads=2, feedforward=32, temporal_layers=1, event_width=8, dropout=0.0)

VARIANTS = {
    "amdf": {},
    "msa-mca": {"fusion": "msa-mca"},
    "han": {"fusion": "han"},
    "no amdf": {"fusion": "none"},
    "no erm": {"erm": "none"},
    "serial": {"erm": "serial"},
    "uni": {"erm": "uni"},
    "multi": {"erm": "multi"},
    "attention": {"erm": "attention"},
    "concat": {"erm_input": "concat"},
    "query": {"erm_input": "query"},
    "residual": {"erm_residual": True},
    "neither": {"fusion": "none", "erm": "none"},
}
"""The settings of EAR's variants."""


def small_uwav(config=SMALL_UWAV, *, visual=(4,), categories=3) -> Uwav:
    torch.manual_seed(0)
    return Uwav(config, 6, visual, categories)


def small_ear(*, visual=(4,), categories=3, **settings) -> Ear:
    torch.manual_seed(0)
    return Ear(replace(SMALL_EAR, **settings), 6, visual, categories)


def taught(batch: Batch, seed=5) -> Batch:
    """The batch with soft pseudo-labels in every cell, padding among them."""
    random = torch.Generator().manual_seed(seed)
    shape = (len(batch.valid), 2, batch.valid.shape[1], batch.labels.shape[1])
    return replace(batch, pseudo_labels=torch.rand(shape, generator=random))


def without_labels(batch: Batch, clip: int) -> Batch:
    """The batch, one clip of which has no pseudo-labels."""
    pseudo = batch.pseudo_labels.clone()
    pseudo[clip] = -1
    return replace(batch, pseudo_labels=pseudo)


def with_review(batch: Batch, cells: dict[tuple[int, int, int, int], int]) -> Batch:
    """The batch after a person said the states of these cells (clip, modality, segment, category)."""
    reviewed = batch.reviewed.clone()
    for cell, state in cells.items():
        reviewed[cell] = state
    return replace(batch, reviewed=reviewed)


def total(losses) -> torch.Tensor:
    return sum(losses.values())
