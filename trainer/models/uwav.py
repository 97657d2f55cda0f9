"""UWAV: Uncertainty-weighted Weakly-supervised Audio-Visual Video Parsing (Lai et al., CVPR 2025): its parser.

HAN with five layers and its own projection, trained on soft pseudo-labels (see soft_labels.py). With hard
labels, no weights and no mixup it is VALOR's. What the paper leaves open is its published code's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from trainer.batch import Batch
from trainer.config import Count
from trainer.models.layers import (
    HanStack,
    HanUpdate,
    MmilPooling,
    Output,
    Projection,
    positions,
    rows_to_segments,
)
from trainer.models.soft_labels import SoftLabelConfig, SoftLabelParser

ProjectWith = Literal["uwav", "han"]


@dataclass(frozen=True, kw_only=True)
class UwavConfig(SoftLabelConfig):
    """The values of UWAV's own code."""

    layers: Count = 5
    projection: ProjectWith = "uwav"
    """UWAV's; or HAN's and VALOR's, one linear layer a feature set and one to join them."""
    han_update: HanUpdate = "sequential"


class UwavProjection(nn.Module):
    """Features of each modality -> the model's width: audio by two layers, all visual sets by one linear layer.

    UWAV's code leaves CLIP features as they are when they are the only visual ones, which fixes the width; here
    they get the linear layer too.
    """

    def __init__(
        self, audio_width: int, visual_widths: Sequence[int], width: int, *, positional_encoding: bool = False
    ) -> None:
        super().__init__()
        if not visual_widths:
            raise ValueError("a parser needs at least one visual feature set")
        self.positional_encoding = positional_encoding
        self.sets = len(visual_widths)
        self.audio = nn.Sequential(nn.Linear(audio_width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width))
        self.visual = nn.Linear(sum(visual_widths), width)

    def forward(self, batch: Batch) -> Tensor:
        """The batch -> (B, 2, T, D)."""
        if len(batch.visual) != self.sets:
            raise ValueError(f"the parser reads {self.sets} visual feature sets, not {len(batch.visual)}")
        segments = batch.valid.shape[1]
        sets = [rows_to_segments(features, segments) for features in batch.visual]
        projected = torch.stack([self.audio(batch.audio), self.visual(torch.cat(sets, dim=-1))], dim=1)
        return projected + positions(projected) if self.positional_encoding else projected


class Uwav(SoftLabelParser):
    """Features of a clip -> probabilities per modality, segment and category."""

    def __init__(
        self, config: UwavConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__(config, MmilPooling(config.width, categories, normalise=config.mmil_normalise))
        kind = UwavProjection if config.projection == "uwav" else Projection
        self.projection = kind(
            audio_width, visual_widths, config.width, positional_encoding=config.positional_encoding
        )
        self.attention = HanStack(
            config.width,
            heads=config.heads,
            feedforward=config.feedforward,
            layers=config.layers,
            dropout=config.dropout,
            update=config.han_update,
        )

    def read(self, batch: Batch) -> tuple[Output, Tensor]:
        projected = self.projection(batch)  # (B, 2, T, D)
        embeddings = self.attention(projected, batch.absent)  # (B, 2, T, D)
        output: Output = self.pooling(embeddings, batch.absent)
        return replace(output, projected=projected), embeddings
