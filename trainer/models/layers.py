"""What every parser is built from: its interface, its output, and the blocks of HAN (Tian et al., ECCV 2020).

B clips, T segments, C categories, D width; modality axis: 0 audio, 1 visual. What the outputs hold at
padded segments is not specified: read them through `Batch.valid`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from trainer.batch import Batch, ratio
from trainer.labels import UNSEEN

EPSILON = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm."""

HanUpdate = Literal["parallel", "sequential", "original"]


@dataclass(frozen=True, eq=False)
class Output:
    """What a parser says of a batch."""

    logits: Tensor
    """(B, 2, T, C) of the segments."""
    segment: Tensor
    """(B, 2, T, C) probabilities."""
    audio_video: Tensor
    """(B, C) probability that the category is heard somewhere in the clip."""
    visual_video: Tensor
    """(B, C) probability that it is seen somewhere in the clip."""
    video: Tensor
    """(B, C) probability that it is in the clip."""
    embeddings: Tensor
    """(B, 2, T, D): what attention made of the features, before any dropout of the classifier."""
    projected: Tensor
    """(B, 2, T, D): what attention read: the features in the parser's width."""


@dataclass(frozen=True, eq=False)
class Step:
    """What a parser makes of one training step."""

    losses: dict[str, Tensor]
    """Named and weighted; their sum is trained. The names are the same in every step."""
    supervision: dict[str, Tensor]
    """What the step trained on beside the labels, (B, ...) each, without gradient; empty when nothing."""


class Parser(nn.Module, ABC):
    """What the engine trains. Built as `Model(config, audio_width, visual_widths, categories)`."""

    @abstractmethod
    def forward(self, batch: Batch) -> Output:
        """What the parser says of a batch; called as `model(batch)`."""

    @abstractmethod
    def step(self, batch: Batch, epoch: int) -> Step:
        """The losses of a batch in an epoch (from 1), and the supervision that they used."""

    def after_step(self) -> None:
        """Called after every optimiser step."""
        return

    def start_epoch(self, epoch: int, clips: Callable[[], Iterable[Batch]], count: int) -> None:
        """Called before an epoch's first step. `clips` goes over all `count` training clips, for a parser that
        makes something of them once in a while."""
        return

    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """What a step would train on beside the labels, without dropout; keys as in `Step.supervision`."""
        return {}


class Projection(nn.Module):
    """Features of each modality -> the model's width: one linear layer a set, one more to join visual sets.

    No published parser of this family says where a segment stands; `positional_encoding` adds it.
    """

    def __init__(
        self,
        audio_width: int,
        visual_widths: Sequence[int],
        width: int,
        *,
        positional_encoding: bool = False,
    ) -> None:
        super().__init__()
        if not visual_widths:
            raise ValueError("a parser needs at least one visual feature set")
        self.positional_encoding = positional_encoding
        self.audio = nn.Linear(audio_width, width)
        self.visual = nn.ModuleList(nn.Linear(visual_width, width) for visual_width in visual_widths)
        joined = len(visual_widths) > 1
        self.join = nn.Linear(width * len(visual_widths), width) if joined else nn.Identity()

    def forward(self, batch: Batch) -> Tensor:
        """The batch -> (B, 2, T, D)."""
        if len(batch.visual) != len(self.visual):
            expected, given = len(self.visual), len(batch.visual)
            raise ValueError(f"the parser reads {expected} visual feature sets, not {given}")
        segments = batch.valid.shape[1]
        # Averaging before the linear layer is the same as after it, and cheaper.
        sets = [
            linear(rows_to_segments(features, segments))
            for linear, features in zip(self.visual, batch.visual, strict=True)
        ]
        projected = torch.stack([self.audio(batch.audio), self.join(torch.cat(sets, dim=-1))], dim=1)
        return projected + positions(projected) if self.positional_encoding else projected


def positions(like: Tensor) -> Tensor:
    """(T, D) sines and cosines of where a segment stands in (..., T, D), as in "Attention is all you need"."""
    segments, width = like.shape[-2:]
    place = torch.arange(segments, device=like.device)[:, None]  # (T, 1)
    column = torch.arange(width, device=like.device)  # (D,)
    angle = place / 10_000 ** (2 * (column // 2) / width)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos()).to(like.dtype)


def rows_to_segments(features: Tensor, segments: int) -> Tensor:
    """(B, T * r, D) -> (B, T, D): the mean of the r rows of each segment."""
    clips, rows, width = features.shape
    if rows == segments:
        return features
    if rows % segments:
        raise ValueError(f"{rows} feature rows do not divide into {segments} segments")
    return features.reshape(clips, segments, rows // segments, width).mean(dim=2)


class HanLayer(nn.Module):
    """Self- and cross-modal attention with one set of weights for both modalities (HAN; UWAV Eq. 1-2).

    u = LN(f + MHA_cross(f, f', f') + MHA_self(f, f, f)),  f~ = LN(u + FFN(u)); f' is the other modality.
    """

    def __init__(self, width: int, *, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.cross_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, width)
        )
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, own: Tensor, other: Tensor | None, padding: Tensor) -> Tensor:
        """`own` (B, T, D) attends to itself and to `other` (B, T, D), if any, but not to `padding` (B, T)."""
        attended, _ = self.self_attention(own, own, own, key_padding_mask=padding, need_weights=False)
        summed = own + self.dropout(attended)
        if other is not None:
            crossed, _ = self.cross_attention(own, other, other, key_padding_mask=padding, need_weights=False)
            summed = summed + self.dropout(crossed)
        own = self.attention_norm(summed)
        updated: Tensor = self.feedforward_norm(own + self.dropout(self.feedforward(own)))
        return updated


class HanStack(nn.Module):
    """Layers of HAN. `update` says what a layer reads:

    parallel    both modalities of the layer before (CoLeaF),
    sequential  audio first; visual then attends to the updated audio (VALOR, UWAV),
    original    every layer reads the input, so that only the last one acts (HAN's own code).
    """

    def __init__(
        self, width: int, *, heads: int, feedforward: int, layers: int, dropout: float, update: HanUpdate
    ) -> None:
        super().__init__()
        if update not in get_args(HanUpdate):
            raise ValueError(f'han_update is one of {", ".join(get_args(HanUpdate))}, not "{update}"')
        self.update = update
        self.layers = nn.ModuleList(
            HanLayer(width, heads=heads, feedforward=feedforward, dropout=dropout) for _ in range(layers)
        )

    def forward(self, features: Tensor, valid: Tensor, *, crossed: bool = True) -> Tensor:
        """`features` (B, 2, T, D), `valid` (B, T) -> (B, 2, T, D), each seeing the other if `crossed`."""
        first, padding = features, ~valid
        for layer in self.layers:
            if self.update == "original":
                features = first
            if self.update == "sequential" and crossed:
                audio, visual = features.unbind(dim=1)
                audio = layer(audio, visual, padding)
                features = torch.stack([audio, layer(visual, audio, padding)], dim=1)
                continue
            # Both modalities at once, as twice as many clips: half the calls, each with twice the work.
            other = features.flip(1).flatten(0, 1) if crossed else None
            updated = layer(features.flatten(0, 1), other, padding.repeat_interleave(2, dim=0))
            features = updated.unflatten(0, (-1, 2))
        return features


class MmilPooling(nn.Module):
    """Segment classifier and attentive multimodal multiple-instance pooling (HAN; UWAV Eq. 3-5).

    p^m_c = sum_t A^m_tc p^m_tc,  p_c = sum_m sum_t A^m_tc V^m_tc p^m_tc; A is a softmax over the segments of a
    modality, V over the modalities of a segment.
    """

    def __init__(self, width: int, categories: int, *, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        self.classifier = nn.Linear(width, categories)
        self.time_attention = nn.Linear(width, categories)
        self.modality_attention = nn.Linear(width, categories)

    def forward(self, embeddings: Tensor, valid: Tensor) -> Output:
        """`embeddings` (B, 2, T, D), `valid` (B, T) -> probabilities of segments, modalities and video."""
        logits = self.classifier(embeddings).float()  # (B, 2, T, C), whatever autocast made of it
        segment = torch.sigmoid(logits)
        padding = ~valid[:, None, :, None]  # (B, 1, T, 1)
        over_time = self.time_attention(embeddings).masked_fill(padding, -torch.inf).softmax(dim=2)
        over_modalities = self.modality_attention(embeddings).softmax(dim=1)
        modality = (over_time * segment).sum(dim=2)  # (B, 2, C)
        weights = over_time * over_modalities
        video = (weights * segment).sum(dim=(1, 2))  # (B, C)
        # The weights of one category sum to anything in [0, 2], so `video` can leave [0, 1]. Every published
        # code cuts it there; `normalise` divides by the sum instead.
        if self.normalise:
            video = video / weights.sum(dim=(1, 2))
        modality, video = (p.clamp(EPSILON, 1 - EPSILON) for p in (modality, video))
        return Output(logits, segment, modality[:, 0], modality[:, 1], video, embeddings, embeddings)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor, *, smoothing: float = 1.0) -> Tensor:
    """The mean of -s log p - (1 - s) log(1 - p) over the known targets t, where s = smoothing (t - 1/2) + 1/2.

    `targets`: 0, 1, or -1 for what is not known and so not trained; 0 when nothing is known. A clamped
    probability gets no gradient.
    """
    known = targets != UNSEEN
    targets = smoothing * (targets - 0.5) + 0.5
    p = probabilities.float().clamp(EPSILON, 1 - EPSILON)
    cost = -(targets * p.log() + (1 - targets) * (1 - p).log())
    return ratio((cost * known).sum(), known.sum())


def clip_mean(cost: Tensor) -> Tensor:
    """The mean of what each clip costs, (B,)."""
    return ratio(cost.sum(), torch.ones_like(cost).sum())
