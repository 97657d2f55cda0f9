"""HAN: Unified Multisensory Perception: Weakly-Supervised Audio-Visual Video Parsing (Tian et al., ECCV 2020).

Projection, hybrid attention, attentive MMIL pooling; trained with video-level labels only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from trainer.batch import Batch
from trainer.config import Count, Share, Weight, require_choices, require_multiple
from trainer.labels import UNSEEN
from trainer.models.layers import (
    EPSILON,
    HanStack,
    HanUpdate,
    MmilPooling,
    Output,
    Parser,
    Projection,
    Step,
)
from trainer.models.layers import binary_cross_entropy as bce
from trainer.models.reviewed import reviewed_loss


@dataclass(frozen=True, kw_only=True)
class HanConfig:
    """The values of HAN's own code."""

    width: Count = 512
    heads: Count = 1
    feedforward: Count = 512
    layers: Count = 1
    dropout: Share = 0.1
    visual_dropout: Share = 0.0
    """On the visual embeddings before the classifier (CoLeaF: 0.5)."""
    positional_encoding: bool = False
    han_update: HanUpdate = "parallel"
    mmil_normalise: bool = False
    visual_smoothing: Share = 0.9
    """s: the visual video-level target is s * y + (1 - s) / 2; 1 leaves y as it is."""
    audio_video_weight: Weight = 1.0
    visual_video_weight: Weight = 1.0
    video_weight: Weight = 1.0
    uncrossed_share: Share = 0.0
    """How much the probabilities without cross-attention count when a clip is parsed (CoLeaF's code: 0.3)."""
    reviewed_weight: Weight = 5.0
    """Of the loss on the cells that a person reviewed. Chosen, as the balance is, by bench_corrections.py."""
    reviewed_balance: Weight = 3.0
    """Weight of a cell reviewed present against one reviewed absent, of which there are many more."""

    def __post_init__(self) -> None:
        require_choices(self)
        require_multiple(self.width, self.heads)
        if not 0 <= self.uncrossed_share <= 1:
            raise ValueError(f"uncrossed_share must be in [0, 1], not {self.uncrossed_share}")


class Han(Parser):
    """Features of a clip -> probabilities per modality, segment and category."""

    def __init__(
        self, config: HanConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.config = config
        self.projection = Projection(
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
        self.visual_dropout = nn.Dropout(config.visual_dropout)
        self.pooling = MmilPooling(config.width, categories, normalise=config.mmil_normalise)

    def forward(self, batch: Batch) -> Output:
        projected = self.projection(batch)  # (B, 2, T, D)
        output = self._read(projected, batch.absent)
        share = self.config.uncrossed_share
        if share and not self.training:
            return _mixed(output, self._read(projected, batch.absent, crossed=False), share)
        return output

    def _read(self, projected: Tensor, absent: Tensor, *, crossed: bool = True) -> Output:
        embeddings = self.attention(projected, absent, crossed=crossed)  # (B, 2, T, D)
        audio, visual = embeddings.unbind(dim=1)
        read = torch.stack([audio, self.visual_dropout(visual)], dim=1)
        output: Output = self.pooling(read, absent)
        return replace(output, embeddings=embeddings, projected=projected)

    def step(self, batch: Batch, epoch: int) -> Step:
        return Step(han_loss(self(batch), batch, self.config), {})


def _mixed(output: Output, other: Output, share: float) -> Output:
    """The first output with its probabilities moved by `share` towards the other's."""
    segment, audio, visual, video = (
        torch.lerp(getattr(output, name), getattr(other, name), share)
        for name in ("segment", "audio_video", "visual_video", "video")
    )
    return Output(segment.logit(EPSILON), segment, audio, visual, video, output.embeddings, output.projected)


def han_loss(output: Output, batch: Batch, config: HanConfig) -> dict[str, Tensor]:
    """BCE(p^a, y) + BCE(p^v, smoothed y) + BCE(p, y), and the cells that a person reviewed.

    y is the video-level label after a person's corrections; in p^a and p^v it is that of the modality. What is
    not known of a clip without video-level labels is not trained.
    """
    labels = torch.cat([batch.modality_targets, batch.video_targets[:, None]], dim=1)  # (B, 3, C)
    smooth = config.visual_smoothing
    audio, visual, video = labels.unbind(dim=1)
    targets = torch.stack([audio, smooth * (visual - 0.5) + 0.5, video], dim=1)
    found = torch.stack([output.audio_video, output.visual_video, output.video], dim=1)
    losses = bce(found, targets, labels != UNSEEN).unbind()
    return {
        "audio_video": config.audio_video_weight * losses[0],
        "visual_video": config.visual_video_weight * losses[1],
        "video": config.video_weight * losses[2],
        "reviewed": config.reviewed_weight * reviewed_loss(output, batch, balance=config.reviewed_balance),
    }
