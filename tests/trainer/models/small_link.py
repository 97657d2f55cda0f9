"""LINK small enough to test, and clips with features in the space of texts."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.nn.functional import normalize

from tests.trainer.models.small_soft import taught
from trainer.batch import Batch, Material
from trainer.models.link import Link, LinkConfig

SMALL_LINK = LinkConfig(width=16, heads=2, feedforward=32, layers=2, dropout=0.0, segments=8)
JOINT_WIDTHS = (7, 9)

BASE = {"tsa": "none", "cmim": False, "plsim": False, "label_weight": 0.0, "similarity_weight": 0.0}
VARIANTS = {
    "full": {},
    "base": BASE,
    "temporal": {"tsa": "temporal"},
    "spatial": {"tsa": "spatial"},
    "no tsa": {"tsa": "none"},
    "tsa residual": {"tsa_residual": True},
    "no cmim": {"cmim": False},
    "cmim scaled": {"cmim_scaled": True},
    "no plsim": {"plsim": False},
    "plsim masked": {"plsim_masked": True},
    "no han": {"layers": 0},
    "sum over t": {"segment_reduction": "sum_t"},
    "labels of the clip": {"label_loss": "union"},
    "no label loss": {"label_weight": 0.0},
    "no similarity loss": {"similarity_weight": 0.0},
    "similar when attended": {"similarity_on": "attended"},
    "leap": {"overlap": "leap_code", "pair_weighting": "none"},
    "a weight a clip": {"pair_weighting": "clip"},
    "unweighted": {"pair_weighting": "none"},
    "mu fixed": {"mu_trainable": False},
}
"""The settings of every alternative."""


def small_link(*, visual=(4,), categories=3, **settings) -> Link:
    torch.manual_seed(0)
    config = replace(SMALL_LINK, **settings)
    model = Link(config, 6, visual, categories, joint_widths=JOINT_WIDTHS)
    model.prepare(material(categories))
    return model


def moved_link(**settings) -> Link:
    """A parser whose PLSIM no longer is the identity, as after some training."""
    model = small_link(**settings)
    for name, parameter in model.named_parameters():
        if ".last." in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return model


def material(categories=3) -> Material:
    """Texts, and thresholds that about a third of random segments exceed."""
    random = torch.Generator().manual_seed(6)
    audio, visual = (
        normalize(torch.randn(categories, width, generator=random), dim=-1) for width in JOINT_WIDTHS
    )
    thresholds = torch.tensor([[1.0], [20.0]]) + torch.rand(2, categories, generator=random)
    thresholds = thresholds.double()
    return Material(texts=(audio, visual), thresholds=thresholds, scales=(26.87, 100.0))


def with_joint(batch: Batch, seed=7) -> Batch:
    """The batch with features in the space of texts, in padding too."""
    random = torch.Generator().manual_seed(seed)
    audio, visual = (torch.randn(*batch.valid.shape, width, generator=random) for width in JOINT_WIDTHS)
    return replace(batch, joint=(audio, visual))


def linked(batch: Batch) -> Batch:
    """The batch with hard pseudo-labels in every cell, and features in the space of texts."""
    batch = with_joint(taught(batch))
    return replace(batch, pseudo_labels=(batch.pseudo_labels > 0.6).float())


def widened(more: Batch, batch: Batch, by: int = 3) -> Batch:
    """`more`, which is `batch` with padding, with its pseudo-labels and joint features padded too."""
    ones = torch.ones(len(batch.valid), 2, by, batch.labels.shape[1])
    joint = tuple(torch.cat([rows, torch.ones(len(rows), by, rows.shape[2])], dim=1) for rows in batch.joint)
    return replace(more, pseudo_labels=torch.cat([batch.pseudo_labels, ones], dim=2), joint=joint)


def clips_of(segments: int, categories: int) -> Batch:
    """Two clips of random features, with pseudo-labels and features in the space of texts."""
    torch.manual_seed(1)
    batch = Batch(
        audio=torch.randn(2, segments, 6),
        visual=(torch.randn(2, segments, 4),),
        valid=torch.ones(2, segments, dtype=torch.bool),
        labels=torch.ones(2, categories),
        reviewed=torch.full((2, 2, segments, categories), -1, dtype=torch.int8),
        index=torch.arange(2),
    )
    return linked(batch)
