"""E-CMANet: EMA-guided pseudo supervision and class-aware cross-modal agreement (arXiv 2509.14097).

In the paper's order: student and teacher, masks, pseudo loss, agreement loss, total. Its code is not public;
where the text leaves something open, the choice and its reason stand at the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from trainer import supervision as rules
from trainer.batch import Batch, ratio
from trainer.config import Count, Decay, Share, Weight, Whole
from trainer.models.coleaf import (
    ColeafConfig,
    ReferenceBranch,
    collaborative_losses,
    make_targets,
)
from trainer.models.han import Han, han_loss
from trainer.models.layers import EPSILON, Output, Parser, Step, clip_mean, without_dropout

MaskMode = Literal["adaptive", "topk"]
Norm = Literal["clip", "batch"]
CmaOn = Literal["attended", "projected"]
ParseWith = Literal["student", "teacher"]


@dataclass(frozen=True, kw_only=True)
class EcmaConfig(ColeafConfig):
    """E-CMANet's values. The paper gives none of them: these are defaults to start a sweep from."""

    coleaf_aux: bool = True
    """Whether L_AVVP of Eq. 9 is all of CoLeaF's loss, as the paper builds on CoLeaF and ablates down to it; or
    only the cross-entropies, as the text of Eq. 9 has it."""
    ema: bool = True
    """Whether there is a teacher, and so a pseudo loss."""
    cma: bool = True
    """Whether there is an agreement loss."""
    ema_decay: Decay = 0.99
    """alpha of Eq. 2, approached from 0. A memory of 100 steps suits the some 800 of CoLeaF's schedule."""
    mask_mode: MaskMode = "adaptive"
    mask_gamma: Weight = 1.0
    """gamma of Eq. 4: above 1 the adaptive mask is stricter, and can be empty."""
    mask_k: Count = 3
    """Segments a category in the top-k mask."""
    mask_k_share: Share = 0.0
    """The same as a part of the clip's segments, rounded up, for clips of different lengths; 0: mask_k."""
    mask_gate_by_label: bool = True
    """Off is the literal Eq. 5, which drives every absent category to 1 against the labels."""
    mask_period: Whole = 0
    """Whether masks are the teacher's as it is in each step (0), or as it was before every so many epochs."""
    pseudo_norm: Norm = "clip"
    """Eq. 6: a mean over each clip's mask and then over the clips, or one over all masks of the batch."""
    pseudo_weight: Weight = 1.0
    tau_audio: Share = 0.5
    tau_visual: Share = 0.5
    cma_on: CmaOn = "attended"
    """x of Eq. 7: what attention made of the features, or their projections that it read."""
    cma_norm: Norm = "batch"
    """Eq. 8: a mean over all pairs of the batch, or over each clip's and then over the clips."""
    cma_weight: Weight = 1.0
    warmup_epochs: Whole = 1
    """Epochs without the pseudo and agreement losses; the teacher follows from the first step."""
    parse_with: ParseWith = "student"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_k < 1:
            raise ValueError(f"mask_k must be at least 1, not {self.mask_k}")
        if not 0 <= self.mask_k_share <= 1:
            raise ValueError(f"mask_k_share must be in [0, 1], not {self.mask_k_share}")
        if self.mask_period < 0:
            raise ValueError(f"mask_period must be 0 or more epochs, not {self.mask_period}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), not {self.ema_decay}")
        if self.parse_with == "teacher" and not self.ema:
            raise ValueError('parse_with = "teacher" needs a teacher: set ema = true')
        if self.mask_period and not self.ema:
            raise ValueError("mask_period needs a teacher: set ema = true")


class Ecma(Parser):
    """A student that is trained and parses, and a teacher that follows it and makes its masks.

    `teacher` is there with the setting `ema`, `masker` with `mask_period`, `reference` with `coleaf_aux`.
    """

    steps: Tensor
    """k of Eq. 2: the optimiser steps so far. Saved with the weights, so the ramp survives a resume."""

    def __init__(
        self, config: EcmaConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.config = config
        self.student = Han(config, audio_width, visual_widths, categories)
        self.reference = (
            ReferenceBranch(config, audio_width, visual_widths, categories) if config.coleaf_aux else None
        )
        self.teacher = deepcopy(self.student).requires_grad_(False) if config.ema else None
        # The teacher as it was at the last `start_epoch` that counted; a resumed run has it with the weights.
        self.masker = deepcopy(self.teacher) if config.mask_period else None
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.train()

    def train(self, mode: bool = True) -> Ecma:
        """The teacher stays in evaluation mode: no dropout."""
        super().train(mode)
        for still in (self.teacher, self.masker):
            if still is not None:
                still.eval()
        return self

    def forward(self, batch: Batch) -> Output:
        """What the student says, or the teacher if it is to parse; the masks take no part in parsing."""
        parser = self.teacher if self.config.parse_with == "teacher" else self.student
        assert parser is not None
        output: Output = parser(batch)
        return output

    @torch.no_grad()
    def after_step(self) -> None:
        """Eq. 2: theta' = alpha_k theta' + (1 - alpha_k) theta with alpha_k = min(alpha, 1 - 1 / (k + 1)).

        k counts from 0, so the first step makes the teacher a copy. Buffers are copied.
        """
        if self.teacher is not None:
            alpha = (1 - 1 / (self.steps + 1)).clamp(max=self.config.ema_decay)
            theirs: list[Tensor] = list(self.teacher.parameters())
            ours: list[Tensor] = list(self.student.parameters())
            torch._foreach_lerp_(theirs, ours, [1 - alpha] * len(ours))
            for copied, own in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
                copied.copy_(own)
        self.steps += 1

    @torch.no_grad()
    def start_epoch(self, epoch: int) -> None:
        """Every `mask_period` epochs, from the first after the warm-up, the masks become those of the teacher.

        Their maker is kept and not the masks: it makes the same ones whenever it is asked.
        """
        if self.masker is not None and (epoch - 1 - self.config.warmup_epochs) % self.config.mask_period == 0:
            assert self.teacher is not None
            self.masker.load_state_dict(self.teacher.state_dict())

    @torch.no_grad()
    def make_masks(self, output: Output, batch: Batch) -> dict[str, Tensor]:
        """Eq. 3-5: the mask, from the teacher. The conditions of Eq. 7: the pairs, from the student's `output`.

        `student` (B, 2, T, C); of the teacher `teacher` (B, 2, T, C), `thresholds` (B, C) of the adaptive mask,
        whatever the mode, and `mask` M (B, T, C) bool; of agreement `pairs` Omega (B, T, C) bool. Mask and
        pairs have a person's corrections.

        Made anew each step, unless there is a `mask_period`: the paper says "periodically", and the teacher is
        slow already.
        """
        config = self.config
        labels, inside = batch.video_targets, batch.valid[..., None]
        made = {"student": output.segment.detach()}
        maker = self.masker if self.masker is not None else self.teacher
        if maker is not None:
            gate = labels if config.mask_gate_by_label else None
            teacher = maker(batch).segment
            fused = rules.fuse(teacher)  # (B, T, C)
            mask, thresholds = rules.adaptive_mask(fused, gate, batch.valid, gamma=config.mask_gamma)
            if config.mask_mode == "topk":
                mask = rules.topk_mask(fused, gate, batch.valid, k=config.mask_k, share=config.mask_k_share)
            mask = rules.correct_mask(mask, batch.reviewed) & inside
            made |= {"teacher": teacher, "thresholds": thresholds, "mask": mask}
        if config.cma:
            pairs = rules.agreement_pairs(
                output.segment, labels, batch.valid, tau_audio=config.tau_audio, tau_visual=config.tau_visual
            )
            made["pairs"] = rules.correct_pairs(pairs, batch.reviewed) & inside
        return made

    def similarity(self, output: Output) -> Tensor:
        """s of Eq. 7 (B, T).

        The cosine of HAN's outputs, or of its projected inputs: on frozen input features themselves it would
        have nothing to train.
        """
        x = output.embeddings if self.config.cma_on == "attended" else output.projected
        similarity: Tensor = rules.cosine_similarity(*x.float().unbind(dim=1))
        return similarity

    def pseudo_loss(self, output: Output, batch: Batch, mask: Tensor) -> Tensor:
        """Eq. 6: the mean of -log P over the masked cells of a clip, then over the clips; P is fused (Eq. 1).

        A clip with an empty mask counts as 0. A modality that a person found the category absent in takes no
        part in P there, or the loss would push it against their word.
        """
        fused = rules.fuse(output.segment, batch.reviewed)  # (B, T, C)
        cost = -fused.clamp(EPSILON, 1 - EPSILON).log() * mask
        return _mean(cost.sum(dim=(1, 2)), mask.sum(dim=(1, 2)), self.config.pseudo_norm)

    def cma_loss(self, similarity: Tensor, pairs: Tensor) -> Tensor:
        """Eq. 7-8: the mean of 1 - s_t (B, T) over all pairs of the batch; 0 without pairs.

        A segment with n confident categories counts n times, as printed. Both modalities move.
        """
        weights = pairs.sum(dim=2)  # (B, T)
        cost = (1 - similarity) * weights
        return _mean(cost.sum(dim=1), weights.sum(dim=1), self.config.cma_norm)

    def step(self, batch: Batch, epoch: int) -> Step:
        """Eq. 9: L_AVVP + L_pseudo + L_CMA, weighted; the last two from the epoch after the warm-up."""
        config = self.config
        output: Output = self.student(batch)
        losses = han_loss(output, batch, config)
        made = self.make_masks(output, batch)
        if self.reference is not None:
            reference = self.reference(batch)
            targets = make_targets(output, reference, batch, config)
            losses |= collaborative_losses(output, reference, targets, batch, epoch, config)
            made |= targets.supervision
        zero = output.segment.new_zeros(())
        is_warm = epoch > config.warmup_epochs
        if config.ema:
            pseudo = self.pseudo_loss(output, batch, made["mask"]) if is_warm else zero
            losses["pseudo"] = config.pseudo_weight * pseudo
        if config.cma:
            similarity = self.similarity(output)
            made["similarity"] = similarity.detach()
            cma = self.cma_loss(similarity, made["pairs"]) if is_warm else zero
            losses["cma"] = config.cma_weight * cma
        return Step(losses, made)

    @torch.no_grad()
    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """The supervision of a batch, without dropout: of `make_masks`, `similarity` s (B, T), and CoLeaF's."""
        with without_dropout(self):
            output: Output = self.student(batch)
            made = self.make_masks(output, batch)
            if self.config.cma:
                made["similarity"] = self.similarity(output)
            if self.reference is not None:
                made |= make_targets(output, self.reference(batch), batch, self.config).supervision
        return made


def _mean(cost: Tensor, count: Tensor, norm: Norm) -> Tensor:
    """Costs (B,) over counts (B,): for each clip, then their mean over the clips; or all at once."""
    if norm == "batch":
        return ratio(cost.sum(), count.sum())
    return clip_mean(cost / count.clamp(min=1))
