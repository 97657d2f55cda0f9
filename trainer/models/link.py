"""LINK: Adaptive Modality Interaction for Audio-Visual Video Parsing (ICASSP 2025; arXiv 2412.20872).

VALOR++, with attention over segments and columns (TSA), interaction of the modalities (CMIM) and of segments
with their pseudo-labels (PLSIM; all three in link_blocks.py), and losses of its own, in the paper's order. Its
code is not public; where the text leaves something open, the choice and its reason stand at the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from trainer import supervision as rules
from trainer.batch import Batch, Material, ratio
from trainer.config import (
    ConfigError,
    Count,
    LabelKind,
    Share,
    Weight,
    Whole,
    require_choices,
    require_multiple,
)
from trainer.labels import ABSENT, UNSEEN
from trainer.models.layers import (
    HanStack,
    HanUpdate,
    MmilPooling,
    Output,
    Parser,
    Projection,
    Step,
    without_dropout,
)
from trainer.models.layers import binary_cross_entropy as bce
from trainer.models.link_blocks import CrossModalInteraction, SemanticInteraction, TemporalSpatialAttention
from trainer.models.reviewed import reviewed_loss
from trainer.models.soft_labels import PRESENT_FROM, Targets, segment_targets, video_loss

Tsa = Literal["both", "temporal", "spatial", "none"]
LabelLoss = Literal["modality", "union"]
PairWeighting = Literal["pair", "clip", "none"]
SimilarityOn = Literal["fused", "attended"]
SegmentReduction = Literal["mean", "sum_t"]


@dataclass(frozen=True, kw_only=True)
class LinkConfig:
    """The values of VALOR++ for its base; LINK gives none of its own."""

    width: Count = 256
    heads: Count = 8
    feedforward: Count = 1024
    layers: Whole = 4
    """Of HAN, after the interaction and before PLSIM: components are added to the base, which has HAN (Table
    II). 0: the literal chain of Eq. 16, without HAN."""
    dropout: Share = 0.1
    positional_encoding: bool = False
    han_update: HanUpdate = "sequential"
    mmil_normalise: bool = False
    tsa: Tsa = "both"
    """Attention over segments, over columns, over both, or neither. That over segments has a weight for every
    place in time; the others take clips of any length."""
    segments: Count = 10
    """How many places that are: the longest clip's."""
    tsa_reduction: Count = 2
    """How many times narrower its MLP is inside. CBAM's 16 does not fit ten segments."""
    tsa_kernel: Count = 7
    tsa_residual: bool = False
    cmim: bool = True
    alpha_start: Weight = 1.0
    beta_start: Weight = 1.0
    cmim_scaled: bool = False
    plsim: bool = True
    """Whether segments are modulated by the texts of their pseudo-labels. It needs features.joint."""
    plsim_masked: bool = False
    """Whether video-level labels filter the labels that PLSIM reads in training. When it parses there are none,
    and it reads others."""
    segment_weight: Weight = 1.0
    segment_reduction: SegmentReduction = "mean"
    """Of Eq. 7-8: a mean over segments, as in VALOR's code, or their sum, as printed."""
    video_weight: Weight = 1.0
    label_loss: LabelLoss = "modality"
    """L_label of Eq. 10: each modality against what its pseudo-labels say of the clip, or the clip against what
    both say."""
    label_weight: Weight = 1.0
    """0: there is no such loss."""
    similarity_weight: Weight = 1.0
    """Of L_avss, without its lambda. 0: there is no such loss."""
    similarity_on: SimilarityOn = "fused"
    """What is to be similar: the features after fusion, which HAN reads; or what HAN made of them."""
    overlap: rules.OverlapVariant = "iou"
    """What it is to be like: LEAP's EIoU; or LEAP's code, in which negative similarities count as 0."""
    pair_weighting: PairWeighting = "pair"
    """lambda of Eq. 11: of every pair of segments; one a clip, by how similar its segments are at the same
    times; or 1."""
    mu_start: float = 0.0
    mu_trainable: bool = True
    """A trained mu goes to 1, where all weights are 1 (see `rules.pair_weights`): it starts elsewhere."""
    reviewed_weight: Weight = 5.0
    """Of the loss on the cells that a person reviewed."""
    reviewed_balance: Weight = 3.0
    """Weight of a cell reviewed present against one reviewed absent, of which there are many more."""

    def __post_init__(self) -> None:
        require_choices(self)
        require_multiple(self.width, self.heads)
        if self.tsa_kernel % 2 == 0:
            raise ValueError(f"tsa_kernel is an odd number, not {self.tsa_kernel}")


@dataclass(frozen=True, eq=False)
class Reading:
    """What LINK makes of a batch, step by step."""

    output: Output
    fused: Tensor
    """(B, 2, T, D) after TSA and CMIM: f^out of Eq. 6."""
    temporal: Tensor | None
    """(B, 2, T): W of Eq. 1, where there is attention over segments."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Segments as heard against segments as seen, (B, T, S) each. Eq. 9-11."""

    similarity: Tensor
    """s: cosines."""
    weight: Tensor
    """lambda(s), through which only mu is trained."""


class Link(Parser):
    """Features of a clip -> probabilities per modality, segment and category.

    projection -> TSA -> CMIM -> HAN -> PLSIM -> classifier and pooling. The paper does not say where HAN is.
    What PLSIM reads it makes itself, by VALOR's rule, from features in the space of texts: of the video alone.
    """

    taught_by: ClassVar[LabelKind] = "pseudo"
    reads_joint: ClassVar[bool] = True

    def __init__(
        self,
        config: LinkConfig,
        audio_width: int,
        visual_widths: Sequence[int],
        categories: int,
        *,
        joint_widths: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.projection = Projection(
            audio_width, visual_widths, width, positional_encoding=config.positional_encoding
        )
        self.tsa = _tsa(config)
        self.cmim = _cmim(config)
        self.attention = HanStack(
            width,
            heads=config.heads,
            feedforward=config.feedforward,
            layers=config.layers,
            dropout=config.dropout,
            update=config.han_update,
        )
        self.plsim = _plsim(config, categories, joint_widths)
        self.pooling = MmilPooling(width, categories, normalise=config.mmil_normalise)
        weighs = config.similarity_weight > 0 and config.pair_weighting != "none"
        mu = nn.Parameter(torch.tensor(float(config.mu_start)), requires_grad=config.mu_trainable)
        self.mu = mu if weighs else None

    def prepare(self, material: Material) -> None:
        """Take what VALOR's labels are made by. Raises ConfigError where PLSIM is to read them and cannot."""
        if self.plsim is not None:
            self.plsim.prepare(material)

    def forward(self, batch: Batch) -> Output:
        """Of the video alone: no label, and nothing reviewed."""
        return self.read(batch, self.unfiltered_labels(batch)).output

    def read(self, batch: Batch, conditions: Tensor | None) -> Reading:
        """`conditions` (B, 2, T, C) bool: the labels that PLSIM reads, if it is there."""
        projected = self.projection(batch)  # (B, 2, T, D)
        fused, temporal = projected, None
        if self.tsa is not None:
            fused, temporal = self.tsa(fused, batch.valid)
        if self.cmim is not None:
            fused = self.cmim(fused, batch.absent)
        attended = classified = self.attention(fused, batch.absent)
        if self.plsim is not None and conditions is not None:
            classified = self.plsim(attended, conditions)
        said: Output = self.pooling(classified, batch.absent)
        output = replace(said, embeddings=attended, projected=projected)
        return Reading(output, fused, temporal)

    def unfiltered_labels(self, batch: Batch) -> Tensor | None:
        """VALOR's labels (B, 2, T, C) bool without the video-level ones: the same in training and parsing."""
        if self.plsim is None:
            return None
        if batch.joint is None:
            raise ValueError("LINK's PLSIM reads features in the space of text features: give Batch.joint")
        return self.plsim.labels(batch.joint, batch.valid)

    def conditions(self, batch: Batch) -> Tensor | None:
        """The labels that PLSIM reads in training: with a person's corrections."""
        labels = self.unfiltered_labels(batch)
        if labels is None:
            return None
        if self.config.plsim_masked:
            labels = labels & (batch.video_targets != ABSENT)[:, None, None]
        corrected: Tensor = rules.correct_pseudo_labels(labels, batch.reviewed)
        return corrected & batch.valid[:, None, :, None]

    def pairs(self, reading: Reading, batch: Batch) -> Pairs:
        """s of Eq. 10, by words and LEAP, and lambda(s) of Eq. 11, in which s is not trained."""
        config = self.config
        x = reading.fused if config.similarity_on == "fused" else reading.output.embeddings
        with torch.autocast(x.device.type, enabled=False):  # which would round the cosines
            similarity: Tensor = rules.pair_similarity(*x.float().unbind(dim=1))
        if self.mu is None:
            return Pairs(similarity, torch.ones_like(similarity))
        s = similarity.detach()
        if config.pair_weighting == "clip":
            alike = s.diagonal(dim1=1, dim2=2) * batch.valid  # (B, T)
            s = (alike.sum(dim=1) / batch.valid.sum(dim=1))[:, None, None]
        return Pairs(similarity, rules.pair_weights(s, self.mu).expand_as(similarity))

    def overlap(self, targets: Targets, batch: Batch) -> Tensor:
        """r (B, T, S) of the pseudo-labels with a person's corrections; -1 where some are unknown."""
        heard, seen = targets.labels.masked_fill(~targets.known, UNSEEN).unbind(dim=1)
        overlap: Tensor = rules.event_overlap(heard, seen, batch.valid, variant=self.config.overlap)
        return overlap

    def similarity_loss(self, pairs: Pairs, overlap: Tensor, batch: Batch) -> Tensor:
        """L_avss: the mean of lambda (s - r)^2 over the pairs of which r is known. Eq. 9-11, LEAP."""
        inside = batch.valid[:, :, None] & batch.valid[:, None, :] & (overlap != UNSEEN)
        s = pairs.similarity.relu() if self.config.overlap == "leap_code" else pairs.similarity
        cost = pairs.weight * (s - overlap).square() * inside
        return ratio(cost.sum(), inside.sum())

    def step(self, batch: Batch, epoch: int) -> Step:
        """Eq. 12: L_video + L^a_video + L^v_video + L_label + lambda L_avss, and the reviewed cells."""
        config, targets = self.config, segment_targets(batch)
        conditions = self.conditions(batch)
        reading = self.read(batch, conditions)
        output, made = reading.output, _made(reading, conditions)
        segments = config.segment_weight * segment_losses(output, targets, config.segment_reduction)
        losses = {"audio_segments": segments[0], "visual_segments": segments[1]}
        losses["video"] = config.video_weight * video_loss(output, batch)
        if config.label_weight:
            found = label_losses(output, targets, batch, config.label_loss)
            losses |= {name: config.label_weight * loss for name, loss in found.items()}
        if config.similarity_weight:
            pairs, overlap = self.pairs(reading, batch), self.overlap(targets, batch)
            losses["similarity"] = config.similarity_weight * self.similarity_loss(pairs, overlap, batch)
            made |= _made_of_pairs(pairs) | {"overlap": overlap}
        reviewed = reviewed_loss(output, batch, balance=config.reviewed_balance)
        losses["reviewed"] = config.reviewed_weight * reviewed
        return Step(losses, made)

    @torch.no_grad()
    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """What a step makes beside the labels, without dropout; `overlap` where there are pseudo-labels."""
        conditions = self.conditions(batch)
        with without_dropout(self):
            reading = self.read(batch, conditions)
        made = _made(reading, conditions)
        if self.config.similarity_weight:
            made |= _made_of_pairs(self.pairs(reading, batch))
            if batch.pseudo_labels is not None:
                made["overlap"] = self.overlap(segment_targets(batch), batch)
        return made

    def scalars(self) -> dict[str, float]:
        """alpha and beta of Eq. 4-5, and mu of Eq. 11, as far as they are there."""
        found = {} if self.cmim is None else self.cmim.scalars()
        return found if self.mu is None else found | {"mu": self.mu.item()}

    def undecayed(self) -> Sequence[nn.Parameter]:
        """mu, which decay would pull away from where its loss takes it."""
        return () if self.mu is None else (self.mu,)


def segment_losses(output: Output, targets: Targets, reduction: SegmentReduction) -> Tensor:
    """L^a_video and L^v_video (2,): BCE of segments and their labels, the mean over the known cells. Eq. 7-8.

    "sum_t" adds up the segments, and is the mean over clips and categories.
    """
    cost = binary_cross_entropy_with_logits(output.logits, targets.labels, reduction="none") * targets.known
    counted = targets.known.any(dim=2, keepdim=True) if reduction == "sum_t" else targets.known
    return ratio(cost.sum(dim=(0, 2, 3)), counted.sum(dim=(0, 2, 3)))


def label_losses(output: Output, targets: Targets, batch: Batch, kind: LabelLoss) -> dict[str, Tensor]:
    """L_label: BCE(p^a, Y^a) + BCE(p^v, Y^v), or BCE(p, Y^a or Y^v). Eq. 10.

    Y is what the pseudo-labels of a modality say of the clip. Eq. 10 prints it against the true label, two
    constants; LEAP, from which the loss is, has the probabilities of the modalities there.
    """
    labels, known = clip_labels(targets, batch)
    if kind == "modality":
        found = torch.stack([output.audio_video, output.visual_video], dim=1)
        audio, visual = bce(found, labels, known).unbind()
        return {"audio_labels": audio, "visual_labels": visual}
    union, is_known = labels.amax(dim=1), known.all(dim=1)
    is_known = is_known | (union > PRESENT_FROM)
    return {"labels": bce(output.video[:, None], union[:, None], is_known[:, None])[0]}


def clip_labels(targets: Targets, batch: Batch) -> tuple[Tensor, Tensor]:
    """Y (B, 2, C), the largest label of any segment; and where it is known, (B, 2, C) bool.

    That is where all segments are, or one says present.
    """
    labels = targets.labels.amax(dim=2)
    every = (targets.known | ~batch.valid[:, None, :, None]).all(dim=2)
    return labels, every | (labels > PRESENT_FROM)


def _made(reading: Reading, conditions: Tensor | None) -> dict[str, Tensor]:
    """Supervision of the blocks."""
    made = {"temporal_attention": reading.temporal, "conditions": conditions}
    return {name: values.detach() for name, values in made.items() if values is not None}


def _made_of_pairs(pairs: Pairs) -> dict[str, Tensor]:
    return {"pair_similarity": pairs.similarity.detach(), "pair_weight": pairs.weight.detach()}


def _tsa(config: LinkConfig) -> TemporalSpatialAttention | None:
    if config.tsa == "none":
        return None
    return TemporalSpatialAttention(
        config.segments,
        temporal=config.tsa in ("both", "temporal"),
        spatial=config.tsa in ("both", "spatial"),
        reduction=config.tsa_reduction,
        kernel=config.tsa_kernel,
        residual=config.tsa_residual,
    )


def _cmim(config: LinkConfig) -> CrossModalInteraction | None:
    if not config.cmim:
        return None
    return CrossModalInteraction(alpha=config.alpha_start, beta=config.beta_start, scaled=config.cmim_scaled)


def _plsim(
    config: LinkConfig, categories: int, joint_widths: tuple[int, int] | None
) -> SemanticInteraction | None:
    if not config.plsim:
        return None
    if joint_widths is None:
        raise ConfigError(
            "LINK's PLSIM reads features in the space of text features: name an audio set and a visual set "
            'in features.joint, such as ["clap512", "clip"], or set model.plsim = false'
        )
    return SemanticInteraction(joint_widths, config.width, categories)
