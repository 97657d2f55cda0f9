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
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize, scaled_dot_product_attention

from trainer import supervision as rules
from trainer.batch import Batch, ratio
from trainer.labels import UNSEEN
from trainer.models.han import Han, HanConfig, han_loss
from trainer.models.layers import EPSILON, Output, Parser, Projection, Step, clip_mean
from trainer.models.reviewed import modality_targets, video_targets

ReferenceCost = Literal["asymmetric", "cross-entropy"]
CooccurrenceTargets = Literal["confident", "all"]

_PRESENT = 0.5
"""The probability from which on the reference branch counts a category as present."""


@dataclass(frozen=True, kw_only=True)
class ColeafConfig(HanConfig):
    """The values of CoLeaF's published code. Pairs are audio, visual."""

    visual_dropout: float = 0.5
    audio_video_weight: float = 2.0
    visual_video_weight: float = 1.0
    video_weight: float = 2.0
    reference_dropout: float = 0.5
    """On the reference branch's embeddings before its classifier."""
    reference_cost: ReferenceCost = "asymmetric"
    """What the reference branch is trained by; the paper says cross-entropy."""
    reference_warmup_epochs: int = 3
    """How long the reference branch learns from the labels alone."""
    reference_video_weights: tuple[float, float] = (1.0, 0.5)
    """Of the labels, during the warm-up and after it. The paper: 1, 1."""
    token_weights: tuple[float, float] = (1.2, 1.0)
    """Of the labels on the class tokens, during the warm-up. The paper: 1, 1."""
    late_token_weights: tuple[float, float] = (0.001, 0.0)
    """The same, after the warm-up. The paper: 1, 1."""
    reference_self_weight: float = 0.5
    """Of the anchor's labels of each modality, after the warm-up. The paper: 1."""
    reference_threshold_audio: float = 0.5
    reference_threshold_visual: float = 0.6
    """theta_G: the probability from which on the anchor's label of a modality is present."""
    anchor_warmup_epochs: int = 1
    """How long the anchor learns nothing from the reference branch."""
    contrast_weights: tuple[float, float] = (0.009, 1.0)
    """Of the event-aware contrastive loss. The paper: 1, 1."""
    contrast_temperature: float = 0.2
    contrast_smoothing: float = 0.1
    """Share of the target that the other segments have. The paper: 0."""
    cooccurrence_weight: float = 0.065
    """The code's 1e-4 is of the sum over 128 clips, times 128, over 25: 0.065 of the mean over clips."""
    cooccurrence_targets: CooccurrenceTargets = "confident"
    """Whether the anchor follows only what the reference branch is sure of, or "all", as in the paper."""
    sure_audio: tuple[float, float] = (0.1, 0.8)
    sure_visual: tuple[float, float] = (0.4, 0.6)
    """The reference branch is sure of a probability up to the first or from the second."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in (("reference_cost", ReferenceCost), ("cooccurrence_targets", CooccurrenceTargets)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(
                    f'{name} is one of {", ".join(get_args(choices))}, not "{getattr(self, name)}"'
                )
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
        self.self_attention = nn.MultiheadAttention(width, config.heads, dropout, batch_first=True)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feedforward, width)
        )
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.reference_dropout = nn.Dropout(config.reference_dropout)
        self.classifier = nn.Linear(width, categories)
        self.time_attention = nn.Linear(width, categories)

    def forward(self, features: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`features` (B, T, D), `valid` (B, T) -> embeddings (B, T, D), and (B, C) from segments and tokens."""
        clips, categories = len(features), len(self.tokens)
        joined = torch.cat([self.tokens.expand(clips, -1, -1), features], dim=1)  # (B, C + T, D)
        joined = self.attention_norm(joined + self.dropout(self._attend(features, valid)))
        joined = self.feedforward_norm(joined + self.dropout(self.feedforward(joined)))
        tokens, segments = joined[:, :categories], joined[:, categories:]
        read = self.reference_dropout(segments)
        over_time = self.time_attention(read).masked_fill(~valid[..., None], -torch.inf).softmax(dim=1)
        video = (over_time * self.classifier(read).float().sigmoid()).sum(dim=1)
        return segments, video, tokens.float().mean(dim=-1).sigmoid()

    def _attend(self, features: Tensor, valid: Tensor) -> Tensor:
        """Tokens and segments to each other: (B, T, D) -> (B, C + T, D).

        The tokens are the same in every clip, so their queries, keys and values are made once and not B times:
        the third part of all that the branch computes.
        """
        attention, clips = self.self_attention, len(features)
        tokens, segments = (
            linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
            for x in (self.tokens, features)
        )
        query, key, value = (
            torch.cat([shared.expand(clips, -1, -1), own], dim=1)  # (B, C + T, D)
            .reshape(clips, -1, attention.num_heads, attention.head_dim)
            .transpose(1, 2)  # (B, H, C + T, D / H)
            for shared, own in zip(tokens, segments, strict=True)
        )
        seen = torch.cat([valid.new_ones(clips, len(self.tokens)), valid], dim=1)[:, None, None]
        dropout = attention.dropout if self.training else 0.0
        mixed = scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=dropout)
        attended: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
        return attended


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
        found = zip(self.audio(audio, batch.valid), self.visual(visual, batch.valid), strict=True)
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
        was_training = self.training
        self.eval()
        output, reference = self.anchor(batch), self.reference(batch)
        self.train(was_training)
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
    labels = video_targets(batch)
    anchor = torch.stack([output.audio_video, output.visual_video], dim=1).float()  # (B, 2, C)

    def corrected(presence: Tensor) -> Tensor:
        result: Tensor = rules.correct_presence(presence, batch.reviewed, batch.valid)
        return result

    found = corrected(
        rules.reference_targets(
            anchor,
            labels,
            audio=config.reference_threshold_audio,
            visual=config.reference_threshold_visual,
        )
    )
    together = reference.video
    if config.cooccurrence_targets == "confident":
        together = rules.cooccurrence_targets(
            reference.video, anchor, labels, audio=config.sure_audio, visual=config.sure_visual
        )
    return Targets(
        found=found,
        weights=rules.event_weights(corrected(reference.video >= _PRESENT)).float(),
        together=corrected(together),
        supervision={"reference": reference.video.detach(), "reference_targets": found},
    )


def collaborative_losses(
    output: Output, reference: Reference, targets: Targets, batch: Batch, epoch: int, config: ColeafConfig
) -> dict[str, Tensor]:
    """The losses that CoLeaF adds to HAN's: first those of the reference branch, then those of the anchor."""
    labels = modality_targets(batch)  # (B, 2, C)
    # Whether a label of the clip or a person's word on the modality says anything of it.
    known = (video_targets(batch)[:, None] != UNSEEN) | (labels != UNSEEN)
    found = torch.where(known, targets.found.to(labels.dtype), UNSEEN)
    early = epoch <= config.reference_warmup_epochs
    video_weight = config.reference_video_weights[0 if early else 1]
    token_weights = config.token_weights if early else config.late_token_weights
    self_weight = 0.0 if early else config.reference_self_weight
    ones = (1.0, 1.0)
    losses = {
        "reference_video": video_weight * _reference_loss(reference.video, labels, ones, config),
        "reference_tokens": _reference_loss(reference.tokens, labels, token_weights, config),
        "reference_self": self_weight * _reference_loss(reference.video, found, ones, config),
    }
    if epoch <= config.anchor_warmup_epochs:
        zero = output.segment.new_zeros(())
        return losses | {"contrast": zero, "cooccurrence": zero}
    return losses | {
        "contrast": contrast_loss(output, reference, targets.weights, batch.valid, config),
        "cooccurrence": config.cooccurrence_weight * cooccurrence_loss(output, targets.together),
    }


def _reference_loss(
    probabilities: Tensor, targets: Tensor, weights: tuple[float, float], config: ColeafConfig
) -> Tensor:
    """L_Ref of both modalities, weighted: (B, 2, C) twice -> the mean over what is known of each, added."""
    cost = _COSTS[config.reference_cost](probabilities.clamp(EPSILON, 1 - EPSILON), targets)
    known = targets != UNSEEN
    audio, visual = (ratio((cost * known)[:, m].sum(), known[:, m].sum()) for m in (0, 1))
    return weights[0] * audio + weights[1] * visual


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
    alike = anchor @ own.mT / config.contrast_temperature  # (B, 2, T, T)
    alike = alike.masked_fill(~valid[:, None, None], -torch.inf)
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
