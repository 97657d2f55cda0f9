"""Generators of pseudo-labels: EAR's (arXiv 2605.08723, Eq. 1-8) and UWAV's (arXiv 2505.09615, Eq. 6-9).

Trained on truth of what is heard and seen at once, a generator tells what is heard from what is seen, and that
for any categories that text features name: those of another dataset, too.

EAR's code is not public, and its text is read here without its equations: they are rebuilt from its words and
from UWAV, on which it builds. What is inferred and not stated is said at its place. The order: dynamic and
static probabilities, both combined, label migration, total.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from trainer import supervision as rules
from trainer.batch import Batch, Material, ratio
from trainer.config import (
    Count,
    LabelKind,
    Share,
    Weight,
    Within,
    require_choices,
    require_multiple,
)
from trainer.labels import PRESENT, UNSEEN
from trainer.models.layers import EPSILON, Output, Parser, Step, TransformerBlock, rows_to_segments
from trainer.models.reviewed import reviewed_loss
from trainer.supervision import MigrationScope

Architecture = Literal["asymmetric", "symmetric"]
Combine = Literal["product", "mean", "minimum"]
StaticMode = Literal["raw", "calibrated"]
Cosine: TypeAlias = Annotated[float, Within(above=0, at_most=1)]

_STATIC_OFFSETS = (1.76, 15.8)
"""The means of VALOR's thresholds over LLP's categories, audio and visual."""


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """EAR's values where it states them, which are tau and lambda; else those of UWAV's code."""

    width: Count = 1024
    heads: Count = 16
    feedforward: Count = 2048
    layers: Count = 5
    hidden: Count = 2048
    """Of the MLP that brings features to the width."""
    dropout: Share = 0.3
    kappa_audio: Weight = 3.2912
    kappa_visual: Weight = 4.6052
    """What products of segments and texts are multiplied by: logarithms of CLAP's and CLIP's scales."""
    architecture: Architecture = "asymmetric"
    """What is trained to be audio-visual: the dynamic probability of each modality with the static one of the
    other (EAR), or the dynamic probabilities of both (UWAV)."""
    combine: Combine = "product"
    """How two probabilities become that of both. EAR says "combined"; UWAV has the product."""
    static_mode: StaticMode = "raw"
    """Whether static logits are kappa times the cosine, as dynamic ones are, which keeps them within
    0.6 to 0.8 for most visual cosines; or exp(kappa) times the cosine less an offset, VALOR's scale."""
    positive_weight: Weight = 5.0
    """In the joint losses, of a category that the clip has, against one that it has not (UWAV's code)."""
    uni_positive_weight: Weight = 1.0
    """The same in the losses of one modality. Not stated."""
    tau_audio: Cosine = 0.98
    tau_visual: Cosine = 0.95
    """Labels migrate between segments whose features have at least this cosine."""
    migration_scope: MigrationScope = "batch"
    """Between which segments: those of the batch (of each process's part of it), as EAR's text says, or of each
    clip, as its example shows."""
    audio_weight: Weight = 0.05
    visual_weight: Weight = 0.15
    """lambda_a and lambda_v of Eq. 8. EAR gives both numbers; that the first is of audio is inferred."""
    visual_dynamic_weight: Weight = 1.0
    """Of the joint loss on P^va, visual dynamic and audio static: the first term of Eq. 8."""
    audio_dynamic_weight: Weight = 1.0
    """Of the joint loss on P^av, audio dynamic and visual static: the second."""
    reviewed_weight: Weight = 5.0
    reviewed_balance: Weight = 3.0
    """Of the cells that a person reviewed, and of one reviewed present in it, as for the parsers."""

    def __post_init__(self) -> None:
        require_choices(self)
        require_multiple(self.width, self.heads)

    @property
    def migrates(self) -> bool:
        """Whether a loss reads migrated labels."""
        return self.audio_weight > 0 or self.visual_weight > 0


class TemporalTransformer(nn.Module):
    """Features of one modality -> features that know of time, in the space of its texts. Eq. 3; UWAV Eq. 6-7.

    EAR says "transformer" and no more; the shapes are those of UWAV's code: an MLP to the width, blocks, an MLP
    back. What comes out has no unit length.
    """

    def __init__(self, features: int, config: GeneratorConfig) -> None:
        super().__init__()
        width = config.width
        self.widen = nn.Sequential(
            nn.Linear(features, config.hidden), nn.ReLU(), nn.Linear(config.hidden, width)
        )
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads=config.heads, feedforward=config.feedforward, dropout=config.dropout)
            for _ in range(config.layers)
        )
        self.narrow = nn.Sequential(nn.Linear(width, features), nn.ReLU(), nn.Linear(features, features))

    def forward(self, features: Tensor, absent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, T, Dm), `absent` (B, 1, T) -> (B, T, D) before and after the blocks, and (B, T, Dm)."""
        projected = attended = self.widen(features)
        for block in self.blocks:
            attended = block(attended, attended, absent)
        return projected, attended, self.narrow(attended)


class Generator(Parser):
    """One model a modality, without a shared weight. The dynamic probabilities are what it says of a clip."""

    taught_by: ClassVar[LabelKind] = "dense"
    reads_texts: ClassVar[bool] = True

    audio_texts: Tensor
    """(C, Da): the text features of the categories, rows of length 1. They are saved with the weights."""
    visual_texts: Tensor
    """(C, Dv): the same for what is seen."""

    def __init__(
        self, config: GeneratorConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        if len(visual_widths) != 1:
            raise ValueError(
                "a generator reads one visual feature set, made by the encoder of its text features, not "
                f"{len(visual_widths)}: name one in features.visual"
            )
        self.config = config
        self.audio = TemporalTransformer(audio_width, config)
        self.visual = TemporalTransformer(visual_widths[0], config)
        self.register_buffer("audio_texts", torch.zeros(categories, audio_width))
        self.register_buffer("visual_texts", torch.zeros(categories, visual_widths[0]))

    def prepare(self, material: Material) -> None:
        """Take the text features of the categories. Raises ValueError without them."""
        if material.texts is None:
            raise ValueError("a generator needs text features of the categories: make them with `texts`")
        self.with_texts(*material.texts)

    def with_texts(self, audio: Tensor, visual: Tensor) -> Generator:
        """This generator, from now on of the categories that `audio` (C, Da) and `visual` (C, Dv) name.

        C may be any number; rows have length 1. Raises ValueError where texts do not fit each other or the
        feature sets.
        """
        if len(audio) != len(visual):
            raise ValueError(
                f"there are {len(audio)} audio and {len(visual)} visual texts: give one of each a category"
            )
        for name, texts in (("audio", audio), ("visual", visual)):
            ours: Tensor = getattr(self, f"{name}_texts")
            if texts.ndim != 2 or texts.shape[1] != ours.shape[1]:
                raise ValueError(
                    f"{name} texts {tuple(texts.shape)} do not fit features of width {ours.shape[1]}: "
                    "make both with one encoder"
                )
            setattr(self, f"{name}_texts", texts.detach().to(ours, copy=True))
        return self

    def forward(self, batch: Batch) -> Output:
        """The dynamic probabilities: P_d = sigmoid(kappa F^ E'), Eq. 4; the scale is UWAV's (Eq. 8).

        Of the clip they are the greatest of any segment, and of any modality: no paper asks a generator for
        them.
        """
        config = self.config
        models = (self.audio, self.visual)
        read = [model(x, batch.absent) for model, x in zip(models, _features(batch), strict=True)]
        audio = read[0][2] @ self.audio_texts.mT * config.kappa_audio
        visual = read[1][2] @ self.visual_texts.mT * config.kappa_visual
        logits = torch.stack([audio, visual], dim=1).float()  # (B, 2, T, C), whatever autocast made of it
        segment = logits.sigmoid()
        heard, seen = segment.masked_fill(~batch.valid[:, None, :, None], 0).amax(dim=2).unbind(dim=1)
        projected, attended = (torch.stack([read[0][i], read[1][i]], dim=1) for i in (0, 1))
        return Output(logits, segment, heard, seen, torch.maximum(heard, seen), attended, projected)

    @torch.no_grad()
    def static(self, batch: Batch) -> Tensor:
        """P_s (B, 2, T, C) of the features alone, without a trained weight. Eq. 5; its kappa is inferred."""
        config = self.config
        texts, kappas = (self.audio_texts, self.visual_texts), (config.kappa_audio, config.kappa_visual)
        logits = []
        with torch.autocast(batch.valid.device.type, enabled=False):  # which would round the cosines
            for features, rows, kappa, offset in zip(
                _features(batch), texts, kappas, _STATIC_OFFSETS, strict=True
            ):
                cosine = normalize(features, dim=-1) @ rows.mT
                calibrated = config.static_mode == "calibrated"
                logits.append(math.exp(kappa) * cosine - offset if calibrated else kappa * cosine)
        return torch.stack(logits, dim=1).sigmoid()

    def joint(self, output: Output, batch: Batch) -> Tensor:
        """Probabilities that a category is heard and seen: (B, N, T, C).

        asymmetric: P^av, audio dynamic and visual static, and P^va, the other way round (Eq. 7 and 6);
        symmetric: both dynamic (UWAV Eq. 9), N = 1.
        """
        own = output.segment
        if self.config.architecture == "symmetric":
            return combined(own[:, :1], own[:, 1:], self.config.combine)
        return combined(own, self.static(batch).flip(1), self.config.combine)

    @torch.no_grad()
    def migrate(self, batch: Batch) -> dict[str, Tensor]:
        """Y^a and Y^v of Eq. 1-2, each from its own features, with a person's corrections. (B, 2, T, C) each:

        `migrated` in [0, 1]; `migrated_count`, how many segments the label was migrated from; `migrated_from`,
        the place b * T + t in the batch of the most similar of them, -1 where the label is no migrated one; and
        `migrated_similarity` to it.
        """
        config, truth = self.config, _truth(batch)
        labels = rules.correct_truth(truth, batch.reviewed) == PRESENT
        thresholds = (config.tau_audio, config.tau_visual)
        found = [
            rules.migrate_labels(features, labels, batch.valid, threshold=tau, scope=config.migration_scope)
            for features, tau in zip(_features(batch), thresholds, strict=True)
        ]
        soft, count, source, similarity = (
            torch.stack([getattr(migration, name) for migration in found], dim=1)
            for name in ("labels", "count", "source", "similarity")
        )
        # A person who hears nothing says nothing of what is seen.
        targets = torch.maximum(soft, _said(batch).to(soft.dtype))
        targets = rules.correct_pseudo_labels(targets, batch.reviewed) * batch.valid[:, None, :, None]
        is_migrated = targets == soft
        return {
            "migrated": targets,
            "migrated_count": count * is_migrated,
            "migrated_from": source.masked_fill(~is_migrated, -1),
            "migrated_similarity": similarity * is_migrated,
        }

    def step(self, batch: Batch, epoch: int) -> Step:
        """Eq. 8: both joint losses and both losses of one modality, weighted; or UWAV's joint loss for two."""
        config = self.config
        output: Output = self(batch)
        losses = self._joint_losses(output, batch)
        made = self.migrate(batch) if config.migrates else {}
        zero = output.segment.new_zeros(())
        costs = uni_losses(output, batch, made["migrated"], config).unbind() if made else (zero, zero)
        weights = {"audio": config.audio_weight, "visual": config.visual_weight}
        losses |= {name: weights[name] * cost for name, cost in zip(weights, costs, strict=True)}
        reviewed = reviewed_loss(output, batch, balance=config.reviewed_balance)
        return Step(losses | {"reviewed": config.reviewed_weight * reviewed}, made)

    def _joint_losses(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        config = self.config
        means = joint_losses(self.joint(output, batch), batch, config)
        if config.architecture == "symmetric":
            return {"joint": means[0]}
        return {
            "visual_audio": config.visual_dynamic_weight * means[1],
            "audio_visual": config.audio_dynamic_weight * means[0],
        }

    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """What `migrate` makes of a batch with truth, where a loss reads it."""
        return self.migrate(batch) if self.config.migrates and batch.truth is not None else {}


def combined(one: Tensor, other: Tensor, how: Combine) -> Tensor:
    """The probability of both, of two of the same shape."""
    match how:
        case "product":
            return one * other
        case "mean":
            return 0.5 * (one + other)
        case "minimum":
            return torch.minimum(one, other)


def joint_losses(joint: Tensor, batch: Batch, config: GeneratorConfig) -> Tensor:
    """BCE(P, Y^av) of `joint` (B, N, T, C) -> (N,).

    Of the asymmetric probabilities only the dynamic one learns. A category that the labels or a person say to
    be in its modality, and the other modality not to hold, is left out of its loss: the loss could only push it
    out of the modality that it is in.
    """
    truth = rules.correct_truth(_truth(batch), batch.reviewed)[:, None]  # (B, 1, T, C)
    known = (truth != UNSEEN) & batch.valid[:, None, :, None]
    if config.architecture == "asymmetric":
        known = known & ~(_said(batch) & (truth != PRESENT))
    targets = (truth == PRESENT).float().expand_as(joint)
    p = joint.clamp(EPSILON, 1 - EPSILON)
    cost = -torch.lerp((1 - p).log(), p.log(), targets)
    return dense_means(cost, targets, known.expand_as(joint), config.positive_weight)


def uni_losses(output: Output, batch: Batch, targets: Tensor, config: GeneratorConfig) -> Tensor:
    """BCE(P_d, Y^m) of soft `targets` (B, 2, T, C) -> (2,), audio and visual. What no truth tells of is not
    trained, but for what a person said of the modality."""
    known = (_truth(batch) != UNSEEN)[:, None] | (batch.reviewed != UNSEEN)
    known = known & batch.valid[:, None, :, None]
    cost = binary_cross_entropy_with_logits(output.logits, targets, reduction="none")
    return dense_means(cost, targets, known, config.uni_positive_weight)


def dense_means(cost: Tensor, targets: Tensor, known: Tensor, positive_weight: float) -> Tensor:
    """The means over known cells of costs, (B, N, T, C) each -> (N,).

    All cells of a category count `positive_weight` times in a clip that has it in a known cell; the mean is
    over the number of cells and not over their weights (UWAV's code).
    """
    has = (targets.masked_fill(~known, 0) > 0).any(dim=2, keepdim=True)
    weights = (1 + (positive_weight - 1) * has) * known
    return ratio((cost * weights).sum(dim=(0, 2, 3)), known.sum(dim=(0, 2, 3)))


def _features(batch: Batch) -> tuple[Tensor, Tensor]:
    """(B, T, Da) and (B, T, Dv), a row a segment."""
    if len(batch.visual) != 1:
        raise ValueError(f"a generator reads one visual feature set, not {len(batch.visual)}")
    return batch.audio, rows_to_segments(batch.visual[0], batch.valid.shape[1])


def _truth(batch: Batch) -> Tensor:
    if batch.truth is None:
        raise ValueError(
            'a generator trains on dense truth, and the batch has none: set labels.kind to "dense"'
        )
    return batch.truth


def _said(batch: Batch) -> Tensor:
    """(B, 2, T, C) bool: what the labels as read, or a person, say to be in a modality."""
    labels = (_truth(batch) == PRESENT)[:, None].expand(-1, 2, -1, -1)
    said: Tensor = rules.correct_pseudo_labels(labels, batch.reviewed)
    return said
