"""What every parser is built from: its interface, its output, and the blocks of HAN (Tian et al., ECCV 2020).

B clips, T segments, C categories, D width; modality axis: 0 audio, 1 visual. What the outputs hold at
padded segments is not specified: read them through `Batch.valid`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from trainer.batch import Batch, Material, ratio
from trainer.config import LabelKind

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

    taught_by: ClassVar[LabelKind] = "video"
    """The `labels.kind` that it trains on; what of `Batch` and `Material` goes with that is there."""
    reads_texts: ClassVar[bool] = False
    """Whether it needs text features of the categories (`Material.texts`), and keeps them with its weights."""
    reads_joint: ClassVar[bool] = False
    """Whether its recipes may have `features.joint`. With them it is built with `joint_widths=(audio, visual)`
    too, given `Batch.joint`, always, and `texts`, `thresholds` and `scales` in `Material`, to keep with its
    weights; so that it can say all that it says of the video alone."""

    def prepare(self, material: Material) -> None:
        """Take what it is given once, before its first step. A resumed run and a checkpoint have it already."""
        return

    @abstractmethod
    def forward(self, batch: Batch) -> Output:
        """What the parser says of a batch; called as `model(batch)`."""

    @abstractmethod
    def step(self, batch: Batch, epoch: int) -> Step:
        """The losses of a batch in an epoch (from 1), and the supervision that they used."""

    def after_step(self) -> None:
        """Called after every optimiser step."""
        return

    def start_epoch(self, epoch: int) -> None:
        """Called before an epoch's first step, but not again where a stopped run goes on with the epoch."""
        return

    def dependencies(self) -> dict[str, Tensor] | None:
        """How its categories depend on one another, by the names of `trainer.dependencies.SIDES`, or None."""
        return None

    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """What a step would train on beside the labels, without dropout; keys as in `Step.supervision`.

        Also asked of clips to be parsed, where every label is unknown and `truth` and `pseudo_labels` are None.
        """
        return {}

    def scalars(self) -> dict[str, float]:
        """Learnt numbers that a person may watch, by name; the same names in every epoch."""
        return {}

    def undecayed(self) -> Sequence[nn.Parameter]:
        """The parameters that weight decay leaves alone."""
        return ()


@contextmanager
def without_dropout(parser: Parser) -> Iterator[None]:
    """The parser as it parses; afterwards it is in training again, if it was."""
    was_training = parser.training
    parser.eval()
    try:
        yield
    finally:
        parser.train(was_training)


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
            project(rows_to_segments(features, segments))
            for project, features in zip(self.visual, batch.visual, strict=True)
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


class Attention(nn.Module):
    """Multi-head attention with the parameters of `nn.MultiheadAttention`, and what it makes of them.

    Clips are short: what it costs are the products with weights and every copy between them, and of copies that
    makes more.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.out_proj = nn.Linear(width, width)
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, own: Tensor, other: Tensor, absent: Tensor) -> Tensor:
        """`own` (N, T, D) reads of `other` (N, T, D), which may be itself; `absent` (N, 1, T) as in `Batch`."""
        width = own.shape[-1]
        if other is own:
            query, key, value = self.project(own).chunk(3, dim=-1)
        else:
            query = linear(own, self.in_proj_weight[:width], self.in_proj_bias[:width])
            read = linear(other, self.in_proj_weight[width:], self.in_proj_bias[width:])
            key, value = read.chunk(2, dim=-1)
        return self.mix(query, key, value, absent)

    def project(self, features: Tensor) -> Tensor:
        """(..., D) -> (..., 3D): queries, keys and values."""
        return linear(features, self.in_proj_weight, self.in_proj_bias)

    def mix(self, query: Tensor, key: Tensor, value: Tensor, absent: Tensor) -> Tensor:
        """What each segment reads of all: (N, T, D) each -> (N, T, D). `absent` (N, 1, T) as in `Batch`."""
        query, key, value = (self._split(x) for x in (query, key, value))
        scores = query @ key.mT  # (N * H, T, T)
        absent = absent if self.heads == 1 else absent.repeat_interleave(self.heads, dim=0)
        weights = torch.add(absent, scores, alpha=query.shape[-1] ** -0.5).softmax(dim=-1)
        mixed = self.dropout(weights) @ value
        if self.heads > 1:
            mixed = mixed.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2)
        attended: Tensor = self.out_proj(mixed)
        return attended

    def _split(self, x: Tensor) -> Tensor:
        """(N, T, D) -> (N * H, T, D / H)."""
        if self.heads == 1:
            return x
        clips, segments, width = x.shape
        return x.reshape(clips, segments, self.heads, width // self.heads).transpose(1, 2).flatten(0, 1)


class TransformerBlock(nn.Module):
    """u = LN(f + MHA(f, f', f')),  f~ = LN(u + FFN(u)); f' is f (UWAV Eq. 6-7), or what else is read."""

    def __init__(self, width: int, *, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, width)
        )
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, own: Tensor, other: Tensor, absent: Tensor) -> Tensor:
        """`own` (N, T, D) reads of `other` (N, T', D), which may be itself; `absent` (N, 1, T') of `other`."""
        own = self.attention_norm(own + self.dropout(self.attention(own, other, absent)))
        updated: Tensor = self.feedforward_norm(own + self.dropout(self.feedforward(own)))
        return updated


class HanLayer(nn.Module):
    """Self- and cross-modal attention with one set of weights for both modalities (HAN; UWAV Eq. 1-2).

    u = LN(f + MHA_cross(f, f', f') + MHA_self(f, f, f)),  f~ = LN(u + FFN(u)); f' is the other modality.
    """

    def __init__(self, width: int, *, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = Attention(width, heads, dropout)
        self.cross_attention = Attention(width, heads, dropout)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, width)
        )
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, own: Tensor, other: Tensor | None, absent: Tensor) -> Tensor:
        """`own` (N, T, D) reads of itself and of `other`, if any; `absent` (N, 1, T) as in `Batch`."""
        summed = own + self.dropout(self.self_attention(own, own, absent))
        if other is not None:
            summed = summed + self.dropout(self.cross_attention(own, other, absent))
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
        self.update = update
        self.layers = nn.ModuleList(
            HanLayer(width, heads=heads, feedforward=feedforward, dropout=dropout) for _ in range(layers)
        )

    def forward(self, features: Tensor, absent: Tensor, *, crossed: bool = True) -> Tensor:
        """`features` (B, 2, T, D), `absent` (B, 1, T) -> (B, 2, T, D), each seeing the other if `crossed`."""
        first, twice = features, absent.repeat_interleave(2, dim=0)
        for layer in self.layers:
            if self.update == "original":
                features = first
            if self.update == "sequential" and crossed:
                audio, visual = features.unbind(dim=1)
                audio = layer(audio, visual, absent)
                features = torch.stack([audio, layer(visual, audio, absent)], dim=1)
                continue
            # Both modalities at once, as twice as many clips: half the calls, each with twice the work.
            other = features.flip(1).flatten(0, 1) if crossed else None
            features = layer(features.flatten(0, 1), other, twice).unflatten(0, (-1, 2))
        return features


class MmilPooling(nn.Module):
    """Segment classifier and attentive multimodal multiple-instance pooling (HAN; UWAV Eq. 3-5).

    p^m_c = sum_t A^m_tc p^m_tc,  p_c = sum_m sum_t A^m_tc V^m_tc p^m_tc; A is a softmax over the segments of a
    modality, V over the modalities of a segment.
    """

    def __init__(
        self,
        width: int,
        categories: int,
        *,
        normalise: bool,
        linear: Callable[[int, int], nn.Module] = nn.Linear,
    ) -> None:
        """`linear(width, categories)` makes each of the three maps from embeddings to categories."""
        super().__init__()
        self.normalise = normalise
        self.classifier = linear(width, categories)
        self.time_attention = linear(width, categories)
        self.modality_attention = linear(width, categories)

    def forward(self, embeddings: Tensor, absent: Tensor) -> Output:
        """`embeddings` (B, 2, T, D), `absent` (B, 1, T) -> probabilities of segments, modalities and video."""
        logits = self.classifier(embeddings).float()  # (B, 2, T, C), whatever autocast made of it
        segment = torch.sigmoid(logits)
        over_time = (self.time_attention(embeddings) + absent[..., None]).softmax(dim=2)
        over_modalities = self.modality_attention(embeddings).softmax(dim=1)
        modality = (over_time * segment).sum(dim=2)  # (B, 2, C)
        weights = over_time * over_modalities
        video = (weights * segment).sum(dim=(1, 2))  # (B, C)
        # The weights of one category sum to anything in [0, 2], so `video` can leave [0, 1]. Every published
        # code cuts it there; `normalise` divides by the sum instead.
        if self.normalise:
            video = video / weights.sum(dim=(1, 2))
        modality, video = (p.clamp(EPSILON, 1 - EPSILON) for p in (modality, video))
        audio, visual = modality.unbind(dim=1)
        return Output(logits, segment, audio, visual, video, embeddings, embeddings)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor, known: Tensor) -> Tensor:
    """The means of -t log p - (1 - t) log(1 - p) where the targets t are `known`: (B, N, C) each -> (N,).

    0 where nothing is known. A clamped probability gets no gradient.
    """
    p = probabilities.float().clamp(EPSILON, 1 - EPSILON)
    gain = torch.lerp((1 - p).log(), p.log(), targets)  # torch's own function refuses autocast
    return ratio(-(gain * known).sum(dim=(0, 2)), known.sum(dim=(0, 2)))


def clip_mean(cost: Tensor) -> Tensor:
    """The mean of what each clip costs, (B,)."""
    return ratio(cost.sum(), cost.new_full((), len(cost)))
