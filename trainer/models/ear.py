"""EAR's parser (arXiv 2605.08723, Eq. 10-16): asymmetric fusion of the modalities, then relations of events.

In the paper's order: fusion (AMDF, Eq. 10-12), event relations (ERM, Eq. 13-15, in erm.py), classifier, and
losses (Eq. 16, in soft_labels.py). The published text has lost its equations; they are rebuilt from its words,
from its ablations, and from UWAV, on which it builds. What is inferred and not stated is said at its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from trainer.batch import Batch
from trainer.config import Count, Weight, require_multiple
from trainer.models.erm import (
    CategoryLinear,
    ConcatNodes,
    CrossNodes,
    ErmInput,
    ErmKind,
    EventRelations,
    QueryNodes,
)
from trainer.models.layers import HanStack, MmilPooling, Output, TransformerBlock
from trainer.models.soft_labels import SoftLabelConfig, SoftLabelParser
from trainer.models.uwav import UwavProjection

Fusion = Literal["amdf", "msa-mca", "han", "none"]


@dataclass(frozen=True, kw_only=True)
class EarConfig(SoftLabelConfig):
    """EAR states the three layers of ERM; the rest are defaults to sweep."""

    fusion: Fusion = "amdf"
    """amdf: attended segments of each modality query the other's projected ones (Eq. 10-12); msa-mca: the
    other's attended ones; han: HAN's layers instead; none: features as projected (Tables VII and VIII)."""
    temporal_layers: Count = 5
    """Transformer blocks before the fusion, or layers of HAN."""
    erm: ErmKind = "alternating"
    erm_layers: Count = 3
    erm_input: ErmInput = "cross"
    """How nodes come from the fused segments (Eq. 13-14): by cross-attention and a linear map; a linear map of
    both branches; or learned queries."""
    erm_heads: Count = 4
    """Of erm = "attention"."""
    event_width: Count = 64
    """E: numbers a node."""
    leaky_slope: Weight = 0.1
    erm_residual: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.erm == "attention":
            require_multiple(self.event_width, self.erm_heads, "event_width", "erm_heads")


class DrivenFusion(nn.Module):
    """Audio-driven and visual-driven fusion, a model of its own for each.

    Eq. 10:     G = transformer blocks(F)                           what a segment is, given the others
    Eq. 11-12:  u = LN(G + MHA(G, F', F')),  F~ = LN(u + FFN(u))    F' is the other modality, before Eq. 10

    That the dynamic features of one modality query the static ones of the other is stated; residual, norms and
    the number of blocks are inferred. `static` off: F' is what Eq. 10 made of the other modality.
    """

    def __init__(
        self, width: int, *, heads: int, feedforward: int, layers: int, dropout: float, static: bool
    ) -> None:
        super().__init__()
        self.static = static

        def block() -> TransformerBlock:
            return TransformerBlock(width, heads=heads, feedforward=feedforward, dropout=dropout)

        self.temporal = nn.ModuleList(nn.ModuleList(block() for _ in range(layers)) for _ in range(2))
        self.fusion = nn.ModuleList(block() for _ in range(2))

    def forward(self, projected: Tensor, absent: Tensor) -> Tensor:
        """`projected` (B, 2, T, D), `absent` (B, 1, T) -> (B, 2, T, D)."""
        static = projected.unbind(dim=1)
        dynamic = [self._attend(axis, features, absent) for axis, features in enumerate(static)]
        others = (static if self.static else dynamic)[::-1]
        units = zip(self.fusion, dynamic, others, strict=True)
        return torch.stack([unit(own, other, absent) for unit, own, other in units], dim=1)

    def _attend(self, axis: int, features: Tensor, absent: Tensor) -> Tensor:
        temporal = self.temporal[axis]
        assert isinstance(temporal, nn.ModuleList)
        for block in temporal:
            features = block(features, features, absent)
        return features


class Ear(SoftLabelParser):
    """Features of a clip -> probabilities per modality, segment and category.

    A classifier reads the nodes of the events, with weights of its own for each category, shared by the
    modalities (inferred); or the fused segments, where there is no ERM.
    """

    def __init__(
        self, config: EarConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        normalise, width = config.mmil_normalise, config.width
        if config.erm == "none":
            pooling = MmilPooling(width, categories, normalise=normalise)
        else:
            pooling = MmilPooling(config.event_width, categories, normalise=normalise, linear=CategoryLinear)
        super().__init__(config, pooling)
        self.projection = UwavProjection(
            audio_width, visual_widths, width, positional_encoding=config.positional_encoding
        )
        self.fusion = _fusion(config)
        self.nodes = None if config.erm == "none" else _nodes(config, categories)
        self.relations = None if config.erm == "none" else _relations(config, categories)

    def read(self, batch: Batch) -> tuple[Output, Tensor]:
        projected = self.projection(batch)  # (B, 2, T, D)
        fused = projected if self.fusion is None else self.fusion(projected, batch.absent)  # F^av and F^va
        classified = fused
        if self.nodes is not None and self.relations is not None:
            nodes = self.nodes(fused, batch.absent)  # (B, 2, T, C, E)
            classified = self.relations(nodes, batch.valid)
        output: Output = self.pooling(classified, batch.absent)
        return replace(output, embeddings=fused, projected=projected), classified

    def dependencies(self) -> dict[str, Tensor] | None:
        """Which events go together, as the adjacencies say (Figures 4 and 5); None where there are none."""
        return None if self.relations is None else self.relations.dependencies()


def _fusion(config: EarConfig) -> nn.Module | None:
    width, heads, feedforward = config.width, config.heads, config.feedforward
    layers, dropout = config.temporal_layers, config.dropout
    if config.fusion == "none":
        return None
    if config.fusion == "han":
        return HanStack(
            width, heads=heads, feedforward=feedforward, layers=layers, dropout=dropout, update="sequential"
        )
    static = config.fusion == "amdf"
    return DrivenFusion(
        width, heads=heads, feedforward=feedforward, layers=layers, dropout=dropout, static=static
    )


def _nodes(config: EarConfig, categories: int) -> nn.Module:
    width, event_width = config.width, config.event_width
    if config.erm_input == "concat":
        return ConcatNodes(width, categories, event_width)
    kind = CrossNodes if config.erm_input == "cross" else QueryNodes
    return kind(width, categories, event_width, heads=config.heads, dropout=config.dropout)


def _relations(config: EarConfig, categories: int) -> EventRelations:
    return EventRelations(
        categories,
        config.event_width,
        kind=config.erm,
        layers=config.erm_layers,
        heads=config.erm_heads,
        dropout=config.dropout,
        slope=config.leaky_slope,
        residual=config.erm_residual,
    )
