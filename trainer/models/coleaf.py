"""CoLeaF: A Contrastive-Collaborative Learning Framework for Weakly Supervised Audio-Visual Video Parsing
(Sardari et al., ECCV 2024).

An anchor, HAN, parses. Beside it, in training only, a reference branch never looks across modalities, and so
knows what is only heard or only seen. Each teaches the other: the anchor's labels of each modality teach the
reference branch, whose embeddings and co-occurring categories teach the anchor. No gradient crosses between
them and they share no weight, so that one Adam over both is what one Adam each would be (unless gradients are
clipped by their common norm).

The formulas are the paper's; the numbers, and what the paper leaves open, are the published code's. Left out is
what that code takes from other papers: JoMoLD's denoising of labels, MA's contrast of audio with visual
segments, and CMPAE's evidential heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, pad

from trainer import supervision as rules
from trainer.batch import Batch, ratio
from trainer.config import Share, Weight, Whole
from trainer.labels import UNSEEN
from trainer.models.han import Han, HanConfig, han_loss
from trainer.models.layers import (
    EPSILON,
    Attention,
    Output,
    Parser,
    Projection,
    Step,
    clip_mean,
    without_dropout,
)

ReferenceCost = Literal["asymmetric", "cross-entropy"]
CooccurrenceTargets = Literal["confident", "all"]

_PRESENT = 0.5
"""The probability from which on the reference branch counts a category as present."""


@dataclass(frozen=True, kw_only=True)
class ColeafConfig(HanConfig):
    """The values of CoLeaF's published code. Pairs are audio, visual."""

    visual_dropout: Share = 0.5
    audio_video_weight: Weight = 2.0
    visual_video_weight: Weight = 1.0
    video_weight: Weight = 2.0
    reference_dropout: Share = 0.5
    """On the reference branch's embeddings before its classifier."""
    reference_cost: ReferenceCost = "asymmetric"
    """What the reference branch is trained by; the paper says cross-entropy."""
    reference_warmup_epochs: Whole = 3
    """How long the reference branch learns from the labels alone."""
    reference_video_weights: tuple[Weight, Weight] = (1.0, 0.5)
    """Of the labels, during the warm-up and after it. The paper: 1, 1."""
    token_weights: tuple[Weight, Weight] = (1.2, 1.0)
    """Of the labels on the class tokens, during the warm-up. The paper: 1, 1."""
    late_token_weights: tuple[Weight, Weight] = (0.001, 0.0)
    """The same, after the warm-up. The paper: 1, 1."""
    reference_self_weight: Weight = 0.5
    """Of the anchor's labels of each modality, after the warm-up. The paper: 1."""
    reference_threshold_audio: Share = 0.5
    reference_threshold_visual: Share = 0.6
    """theta_G: the probability from which on the anchor's label of a modality is present."""
    anchor_warmup_epochs: Whole = 1
    """How long the anchor learns nothing from the reference branch."""
    contrast_weights: tuple[Weight, Weight] = (0.009, 1.0)
    """Of the event-aware contrastive loss. The paper: 1, 1."""
    contrast_temperature: float = 0.2
    contrast_smoothing: Share = 0.1
    """Share of the target that the other segments have. The paper: 0."""
    cooccurrence_weight: Weight = 0.065
    """The code's 1e-4 is of the sum over 128 clips, times 128, over 25: 0.065 of the mean over clips."""
    cooccurrence_targets: CooccurrenceTargets = "confident"
    """Whether the anchor follows only what the reference branch is sure of, or "all", as in the paper."""
    sure_audio: tuple[Share, Share] = (0.1, 0.8)
    sure_visual: tuple[Share, Share] = (0.4, 0.6)
    """The reference branch is sure of a probability up to the first or from the second."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in _PAIRS:
            if len(getattr(self, name)) != 2:
                raise ValueError(f"{name} is two numbers, not {list(getattr(self, name))}")
        if self.contrast_temperature <= 0:
            raise ValueError(f"contrast_temperature must be more than 0, not {self.contrast_temperature}")


_PAIRS = (
    *("reference_video_weights", "token_weights", "late_token_weights", "contrast_weights"),
    *("sure_audio", "sure_visual"),
)


@dataclass(frozen=True, eq=False)
class Reference:
    """What the reference branch says of a batch."""

    embeddings: Tensor
    """(B, 2, T, D) of the segments, each modality on its own."""
    video: Tensor
    """(B, 2, C) probability that the category is heard, or seen, somewhere in the clip."""
    tokens: Tensor
    """(B, 2, C) the same, as the class tokens say."""


class UnimodalReference(nn.Module):
    """One modality of the reference branch: a token for each category joins the segments in self-attention.

    u = LN(x + MSA(x)),  x'' = LN(u + FFN(u)) over x, the C tokens and T segments; then MMIL over the segments.
    """

    def __init__(self, config: ColeafConfig, categories: int) -> None:
        super().__init__()
        width, feedforward, dropout = config.width, config.feedforward, config.dropout
        self.tokens = nn.Parameter(torch.zeros(categories, width))
        self.self_attention = Attention(width, config.heads, dropout)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, width)
        )
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.reference_dropout = nn.Dropout(config.reference_dropout)
        self.classifier = nn.Linear(width, categories)
        self.time_attention = nn.Linear(width, categories)

    def forward(self, features: Tensor, absent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`features` (B, T, D), `absent` (B, 1, T) -> embeddings (B, T, D); (B, C) of segments, of tokens."""
        clips, categories = len(features), len(self.tokens)
        joined = torch.cat([self.tokens.expand(clips, -1, -1), features], dim=1)  # (B, C + T, D)
        joined = self.attention_norm(joined + self.dropout(self._attend(features, absent)))
        joined = self.feedforward_norm(joined + self.dropout(self.feedforward(joined)))
        tokens, segments = joined[:, :categories], joined[:, categories:]
        read = self.reference_dropout(segments)
        over_time = (self.time_attention(read) + absent.mT).softmax(dim=1)
        video = (over_time * self.classifier(read).float().sigmoid()).sum(dim=1)
        return segments, video, tokens.float().mean(dim=-1).sigmoid()

    def _attend(self, features: Tensor, absent: Tensor) -> Tensor:
        """Tokens and segments to each other: (B, T, D) -> (B, C + T, D).

        The tokens are the same in every clip, so their queries, keys and values are made once and not B times:
        the third part of all that the branch computes.
        """
        tokens, segments = (self.self_attention.project(x) for x in (self.tokens, features))
        joined = torch.cat([tokens.expand(len(features), -1, -1), segments], dim=1)  # (B, C + T, 3D)
        query, key, value = joined.chunk(3, dim=-1)
        return self.self_attention.mix(query, key, value, pad(absent, (len(tokens), 0)))


class ReferenceBranch(nn.Module):
    """Both modalities of the reference branch. They share no weight with each other or with the anchor."""

    def __init__(
        self, config: ColeafConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.projection = Projection(
            audio_width, visual_widths, config.width, positional_encoding=config.positional_encoding
        )
        self.audio = UnimodalReference(config, categories)
        self.visual = UnimodalReference(config, categories)

    def forward(self, batch: Batch) -> Reference:
        audio, visual = self.projection(batch).unbind(dim=1)  # (B, T, D) each
        found = zip(self.audio(audio, batch.absent), self.visual(visual, batch.absent), strict=True)
        return Reference(*(torch.stack(pair, dim=1) for pair in found))


class Coleaf(Parser):
    """The anchor and its reference branch. Only the anchor parses."""

    def __init__(
        self, config: ColeafConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.config = config
        self.anchor = Han(config, audio_width, visual_widths, categories)
        self.reference = ReferenceBranch(config, audio_width, visual_widths, categories)

    def forward(self, batch: Batch) -> Output:
        output: Output = self.anchor(batch)
        return output

    def step(self, batch: Batch, epoch: int) -> Step:
        output, reference = self.anchor(batch), self.reference(batch)
        targets = make_targets(output, reference, batch, self.config)
        losses = han_loss(output, batch, self.config)
        losses |= collaborative_losses(output, reference, targets, batch, epoch, self.config)
        return Step(losses, targets.supervision | {"student": output.segment.detach()})

    @torch.no_grad()
    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """What `Targets.supervision` holds, and `student` (B, 2, T, C), the anchor's probabilities."""
        with without_dropout(self):
            output, reference = self.anchor(batch), self.reference(batch)
        targets = make_targets(output, reference, batch, self.config)
        return targets.supervision | {"student": output.segment}


@dataclass(frozen=True, eq=False)
class Targets:
    """What anchor and reference branch teach each other in a batch. No gradient flows through any of it."""

    found: Tensor
    """G (B, 2, C) bool: where the anchor finds the labelled categories, for the reference branch."""
    weights: Tensor
    """theta (B, 2): how much of what is in a modality is in it alone, for the contrastive loss."""
    together: Tensor
    """(B, 2, C) probabilities whose products the anchor's are to be."""
    supervision: dict[str, Tensor]
    """For a person to look at: `reference` (B, 2, C) probabilities, `reference_targets` (B, 2, C) bool."""


@torch.no_grad()
def make_targets(output: Output, reference: Reference, batch: Batch, config: ColeafConfig) -> Targets:
    """What the two branches teach each other, none of it against a person's word."""
    labels = batch.video_targets
    anchor = torch.stack([output.audio_video, output.visual_video], dim=1).float()  # (B, 2, C)
    found = rules.reference_targets(
        anchor, labels, audio=config.reference_threshold_audio, visual=config.reference_threshold_visual
    )
    together = reference.video
    if config.cooccurrence_targets == "confident":
        together = rules.cooccurrence_targets(
            reference.video, anchor, labels, audio=config.sure_audio, visual=config.sure_visual
        )
    said = torch.stack([found.float(), (reference.video >= _PRESENT).float(), together])  # (3, B, 2, C)
    found, present, together = rules.correct_presence(said, batch.reviewed, batch.valid).unbind()
    return Targets(
        found=found > 0,
        weights=rules.event_weights(present > 0).float(),
        together=together,
        supervision={"reference": reference.video.detach(), "reference_targets": found > 0},
    )


def collaborative_losses(
    output: Output, reference: Reference, targets: Targets, batch: Batch, epoch: int, config: ColeafConfig
) -> dict[str, Tensor]:
    """The losses that CoLeaF adds to HAN's: first those of the reference branch, then those of the anchor."""
    losses = _reference_losses(reference, targets, batch, epoch, config)
    if epoch <= config.anchor_warmup_epochs:
        zero = output.segment.new_zeros(())
        return losses | {"contrast": zero, "cooccurrence": zero}
    return losses | {
        "contrast": contrast_loss(output, reference, targets.weights, batch.valid, config),
        "cooccurrence": config.cooccurrence_weight * cooccurrence_loss(output, targets.together),
    }


def _reference_losses(
    reference: Reference, targets: Targets, batch: Batch, epoch: int, config: ColeafConfig
) -> dict[str, Tensor]:
    """L_Ref of the labels, on segments and on tokens, and of what the anchor found in each modality.

    Each is a mean over what is known of a modality, weighted and added.
    """
    labels = batch.modality_targets  # (B, 2, C)
    # Whether a label of the clip or a person's word on the modality says anything of it.
    known = (batch.video_targets[:, None] != UNSEEN) | (labels != UNSEEN)
    found = targets.found.to(labels.dtype).masked_fill(~known, UNSEEN)
    wanted = torch.stack([labels, labels, found])  # (3, B, 2, C)
    told = torch.stack([reference.video, reference.tokens, reference.video])
    cost = _COSTS[config.reference_cost](told.clamp(EPSILON, 1 - EPSILON), wanted)
    known = wanted != UNSEEN
    means = ratio((cost * known).sum(dim=(1, 3)), known.sum(dim=(1, 3)))  # (3, 2)
    early = epoch <= config.reference_warmup_epochs
    video_weight = config.reference_video_weights[0 if early else 1]
    self_weight = 0.0 if early else config.reference_self_weight
    weights = {
        "reference_video": (video_weight, video_weight),
        "reference_tokens": config.token_weights if early else config.late_token_weights,
        "reference_self": (self_weight, self_weight),
    }
    each = means.flatten().unbind()
    return {
        name: weight[0] * audio + weight[1] * visual
        for (name, weight), audio, visual in zip(weights.items(), each[::2], each[1::2], strict=True)
    }


def _cross_entropy(p: Tensor, targets: Tensor) -> Tensor:
    return -torch.where(targets > 0, p, 1 - p).log()


def _asymmetric(p: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy that counts what is nearly right less, and what is absent and at most 0.05 not at all.

    The code sums it; Adam does not see the scale of losses that share their weights with no other.
    """
    p_absent = (p - 0.05).clamp(min=0)
    return -torch.where(targets > 0, (1 - p) * p.log(), p_absent * (1 - p_absent).log())


_COSTS = {"asymmetric": _asymmetric, "cross-entropy": _cross_entropy}


def contrast_loss(
    output: Output, reference: Reference, weights: Tensor, valid: Tensor, config: ColeafConfig
) -> Tensor:
    """L_Evt: each segment of the anchor is to be more like its own of the reference branch than like any other.

    -(1/T) sum_m theta^m sum_t log(sum_n g_tn softmax_n(cos(f_t, x_n) / tau)), n over all T segments, t among
    them, where g is 1 - s at n = t and s / (T - 1) elsewhere; s = 0 is the paper's form.
    """
    anchor = normalize(output.embeddings.float(), dim=-1)  # (B, 2, T, D)
    own = normalize(reference.embeddings.detach().float(), dim=-1)
    with torch.autocast(anchor.device.type, enabled=False):  # else a product of float32 is none
        alike = anchor @ own.mT / config.contrast_temperature  # (B, 2, T, T)
    alike = alike.masked_fill(~valid[:, None, None], -torch.inf)
    alike = alike.masked_fill(~valid[:, None, :, None], 0)  # else a padded row has no gradient but nan
    length = valid.sum(dim=1)[:, None, None]  # (B, 1, 1)
    others = config.contrast_smoothing / (length - 1).clamp(min=1)  # each; a single segment has none
    same = torch.eye(valid.shape[1], device=valid.device, dtype=torch.bool)
    share = torch.where(same, 1 - others * (length - 1), others)[:, None]  # (B, 1, T, T)
    # In logarithms: where nothing is smoothed, a small softmax must not become 0.
    cost = -(alike.log_softmax(dim=-1) + share.log()).logsumexp(dim=-1)  # (B, 2, T)
    per_clip = cost.masked_fill(~valid[:, None], 0).sum(dim=2) / length[:, :, 0]
    audio, visual = (per_clip * weights).unbind(dim=1)
    return clip_mean(config.contrast_weights[0] * audio + config.contrast_weights[1] * visual)


def cooccurrence_loss(output: Output, together: Tensor) -> Tensor:
    """L_CoCls: the squared differences of p_i p_j from the targets', added over a clip's pairs (i, j) and its
    modalities; the mean over the clips.

    The paper's mean over pairs would make it weigh less, the more categories there are that a clip has not.
    """
    anchor = torch.stack([output.audio_video, output.visual_video], dim=1)  # (B, 2, C)
    difference = anchor[..., :, None] * anchor[..., None, :] - together[..., :, None] * together[..., None, :]
    return clip_mean(difference.square().sum(dim=(1, 2, 3)))
