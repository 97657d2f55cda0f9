"""HAN: Unified Multisensory Perception: Weakly-Supervised Audio-Visual Video Parsing (Tian et al., ECCV 2020).

Projection, hybrid attention, attentive MMIL pooling; trained with video-level labels only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from trainer.models.layers import Batch, HanStack, HanUpdate, MmilPooling, Output, Parser, Projection
from trainer.models.layers import binary_cross_entropy as bce
from trainer.models.reviewed import modality_targets, reviewed_loss, video_targets


@dataclass(frozen=True, kw_only=True)
class HanConfig:
    """The values of HAN's own code."""

    width: int = 512
    heads: int = 1
    feedforward: int = 512
    layers: int = 1
    dropout: float = 0.1
    visual_dropout: float = 0.0
    """On the visual embeddings before the classifier (CoLeaF: 0.5)."""
    han_update: HanUpdate = "parallel"
    mmil_normalise: bool = False
    visual_smoothing: float = 0.9
    """s: the visual video-level target is s * y + (1 - s) / 2; 1 leaves y as it is."""
    reviewed_weight: float = 1.0
    """Of the loss on the cells that a person reviewed."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) must be a multiple of heads ({self.heads})")


class Han(Parser):
    """Features of a clip -> probabilities per modality, segment and category."""

    def __init__(
        self, config: HanConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.config = config
        self.projection = Projection(audio_width, visual_widths, config.width)
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
        audio, visual = self.attention(*self.projection(batch), batch.valid)  # (B, T, D) each
        read = torch.stack([audio, self.visual_dropout(visual)], dim=1)  # (B, 2, T, D)
        output: Output = self.pooling(read, batch.valid)
        return replace(output, embeddings=torch.stack([audio, visual], dim=1))

    def losses(self, batch: Batch, epoch: int) -> dict[str, Tensor]:
        return han_loss(self(batch), batch, self.config)


def han_loss(output: Output, batch: Batch, config: HanConfig) -> dict[str, Tensor]:
    """BCE(p^a, y) + BCE(p^v, smoothed y) + BCE(p, y), and the cells that a person reviewed.

    y is the video-level label after a person's corrections; in p^a and p^v it is that of the modality. What is
    not known of a clip without video-level labels is not trained.
    """
    audio, visual = modality_targets(batch).unbind(dim=1)  # (B, C) each
    return {
        "audio_video": bce(output.audio_video, audio),
        "visual_video": bce(output.visual_video, visual, smoothing=config.visual_smoothing),
        "video": bce(output.video, video_targets(batch)),
        "reviewed": config.reviewed_weight * reviewed_loss(output, batch),
    }
