"""Training on pseudo-labels of segments: the losses of UWAV (Lai et al., CVPR 2025), which EAR takes over.

    L = L^a_w + L^v_w + L^a_mix + L^v_mix + L_video            (UWAV Eq. 20; EAR Eq. 16)

UWAV's equations are named first, those of EAR (arXiv 2605.08723) and its supplement (S-) second. y is the
video-level label; every label is the one after a person's corrections, and what is not known is not trained.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Beta
from torch.nn.functional import binary_cross_entropy_with_logits

from trainer import supervision as rules
from trainer.batch import Batch, Material, ratio
from trainer.config import Count, LabelKind, Share, Weight, require_choices, require_multiple
from trainer.labels import UNSEEN
from trainer.models.layers import MmilPooling, Output, Parser, Step
from trainer.models.layers import binary_cross_entropy as bce
from trainer.models.reviewed import reviewed_loss

ReweightScale = Literal["code", "paper", "none"]

PRESENT_FROM = 0.5
"""A pseudo-label above this says that the category is there."""


@dataclass(frozen=True, kw_only=True)
class SoftLabelConfig:
    """UWAV's values; EAR gives none of its own for these."""

    width: Count = 512
    heads: Count = 16
    feedforward: Count = 2048
    dropout: Share = 0.1
    positional_encoding: bool = False
    mmil_normalise: bool = False
    reweight_scale: ReweightScale = "code"
    """Class weights of L_w: as in UWAV's code, C times what its paper prints; as printed; or 1 for all."""
    pos_share: Weight = 0.5
    """W of the weight of present categories (UWAV Eq. 18, S-23)."""
    mix_alpha: Weight = 1.7
    """alpha of mixup's Beta(alpha, alpha); 0: no mixup."""
    segment_weight: Weight = 1.0
    mix_weight: Weight = 1.0
    video_weight: Weight = 1.0
    reviewed_weight: Weight = 5.0
    """Of the loss on the cells that a person reviewed."""
    reviewed_balance: Weight = 3.0
    """Weight of a cell reviewed present against one reviewed absent, of which there are many more."""

    def __post_init__(self) -> None:
        require_choices(self)
        require_multiple(self.width, self.heads)


@dataclass(frozen=True, eq=False)
class Targets:
    """What the segments of a batch are trained towards."""

    labels: Tensor
    """(B, 2, T, C) in [0, 1]: pseudo-labels with a person's corrections; 0 where not `known`."""
    known: Tensor
    """(B, 2, T, C) bool: the cells that have one, in segments that the clip has."""
    present: Tensor
    """(B, C) bool: y, by which L_w is weighted."""


class SoftLabelParser(Parser):
    """A parser that is trained on pseudo-labels. What it is made of says `read`."""

    taught_by: ClassVar[LabelKind] = "pseudo"
    settings: SoftLabelConfig
    pooling: MmilPooling
    segment_weights: Tensor
    """(2, 2): of present and of absent categories, for audio and visual. Saved with the weights."""

    def __init__(self, settings: SoftLabelConfig, pooling: MmilPooling) -> None:
        super().__init__()
        self.settings = settings
        self.pooling = pooling
        self.register_buffer("segment_weights", torch.ones(2, 2))

    @abstractmethod
    def read(self, batch: Batch) -> tuple[Output, Tensor]:
        """What it says of a batch, and what its classifier read of each segment, (B, 2, T, ...)."""

    def prepare(self, material: Material) -> None:
        """Class weights from how often the pseudo-labels say present (UWAV Eq. 18-19, S-23 and S-24)."""
        scale = self.settings.reweight_scale
        if scale == "none":
            return
        if material.label_rates is None:
            raise ValueError(
                f'reweight_scale = "{scale}" needs the rates of the pseudo-labels; give some, or set "none"'
            )
        weights = rules.reweighting(material.label_rates, weight=self.settings.pos_share, scale=scale)
        self.segment_weights.copy_(torch.stack(weights))

    def forward(self, batch: Batch) -> Output:
        return self.read(batch)[0]

    def step(self, batch: Batch, epoch: int) -> Step:
        settings, targets = self.settings, segment_targets(batch)
        output, classified = self.read(batch)
        segments = settings.segment_weight * segment_losses(output.logits, targets, self.segment_weights)
        losses = {"audio_segments": segments[0], "visual_segments": segments[1]}
        if settings.mix_alpha:
            mixed = settings.mix_weight * self.mix_losses(classified, targets)
            losses |= {"audio_mix": mixed[0], "visual_mix": mixed[1]}
        losses["video"] = settings.video_weight * video_loss(output, batch)
        reviewed = reviewed_loss(output, batch, balance=settings.reviewed_balance)
        losses["reviewed"] = settings.reviewed_weight * reviewed
        return Step(losses, {})

    def mix_losses(self, classified: Tensor, targets: Targets) -> Tensor:
        """L_mix (2,) of audio and visual: BCE(p(x), y) on mixed segments and labels (UWAV Eq. 14-16, S-25-27).

        x = s x_i + (1 - s) x_j, y likewise; j is a random partner of i among the segments of the batch in the
        same modality, s is drawn from Beta(alpha, alpha) once a modality and step. A category counts where it
        is known of both.
        """
        alpha = targets.labels.new_full((), self.settings.mix_alpha)
        totals, counts = [], []
        for axis in range(2):
            rows, labels, known = (
                x[:, axis].flatten(0, 1) for x in (classified, targets.labels, targets.known)
            )  # (N, ...), (N, C), (N, C)
            partner = partners(known.any(dim=1))
            share = Beta(alpha, alpha, validate_args=False).sample()
            rows, labels = (share * x + (1 - share) * x.index_select(0, partner) for x in (rows, labels))
            known = known & known[partner]
            cost = binary_cross_entropy_with_logits(
                self.pooling.classifier(rows).float(), labels, reduction="none"
            )
            totals.append((cost * known).sum())
            counts.append(known.sum())
        return ratio(torch.stack(totals), torch.stack(counts))


def segment_targets(batch: Batch) -> Targets:
    """The pseudo-labels of a batch with a person's corrections.

    A cell without pseudo-label counts only if it was reviewed. Where the video-level label is unknown, y is
    what the labels of the clip's segments say together; the papers know y of every clip.
    """
    if batch.pseudo_labels is None:
        raise ValueError('this parser trains on pseudo-labels: give some, with labels.kind = "pseudo"')
    labels = rules.correct_pseudo_labels(batch.pseudo_labels, batch.reviewed)
    known = (labels != UNSEEN) & batch.valid[:, None, :, None]
    found = ((labels > PRESENT_FROM) & known).any(dim=2).any(dim=1)
    y = batch.video_targets
    return Targets(labels * known, known, torch.where(y == UNSEEN, found, y > 0))


def segment_losses(logits: Tensor, targets: Targets, weights: Tensor) -> Tensor:
    """L_w (2,) of audio and visual: the mean of w BCE(p, label) over the known cells (UWAV Eq. 17, S-22).

    w is the weight of the modality for a present category where y says present, else that for an absent one.
    """
    positive, negative = weights[:, None, :, None]  # (1, 2, 1) each
    weight = torch.where(targets.present[:, None], positive, negative)  # (B, 2, C)
    cost = binary_cross_entropy_with_logits(logits, targets.labels, reduction="none")
    total = (cost * weight[:, :, None] * targets.known).sum(dim=(0, 2, 3))
    return ratio(total, targets.known.sum(dim=(0, 2, 3)))


def video_loss(output: Output, batch: Batch) -> Tensor:
    """L_video: the mean of BCE(p, y) over the known video-level labels (S-28)."""
    y = batch.video_targets[:, None]  # (B, 1, C)
    return bce(output.video[:, None], y, y != UNSEEN)[0]


def partners(known: Tensor) -> Tensor:
    """A random permutation of the known rows among themselves: (N,) bool -> (N,) places.

    What it says of unknown rows means nothing. Nothing waits for the device to count them.
    """
    order = (torch.rand(len(known), device=known.device) + ~known).argsort()  # the known ones first
    return order[(known.cumsum(dim=0) - 1).clamp(min=0)]
