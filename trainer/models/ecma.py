"""E-CMANet: EMA-guided pseudo supervision and class-aware cross-modal agreement (arXiv 2509.14097).

In the paper's order: student and teacher, masks, pseudo loss, agreement loss, total. Its code is not public;
where the text leaves something open, the choice and its reason stand at the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from trainer import supervision as rules
from trainer.models.han import Han, HanConfig, han_loss
from trainer.models.layers import EPSILON, Batch, Output, Parser
from trainer.models.reviewed import video_targets

MaskMode = Literal["adaptive", "topk"]


@dataclass(frozen=True, kw_only=True)
class EcmaConfig(HanConfig):
    """E-CMANet's values. The paper gives none of them: these are defaults to start a sweep from."""

    visual_dropout: float = 0.5
    ema_decay: float = 0.99
    """alpha of Eq. 2, approached from 0. A memory of 100 steps suits the some 800 of CoLeaF's schedule."""
    mask_mode: MaskMode = "adaptive"
    mask_gamma: float = 1.0
    """gamma of Eq. 4: above 1 the adaptive mask is stricter, and can be empty."""
    mask_k: int = 3
    """Segments a category in the top-k mask."""
    mask_gate_by_label: bool = True
    """Off is the literal Eq. 5, which drives every absent category to 1 against the labels."""
    tau_audio: float = 0.5
    tau_visual: float = 0.5
    pseudo_weight: float = 1.0
    cma_weight: float = 1.0
    warmup_epochs: int = 1
    """Epochs without the pseudo and agreement losses; the teacher follows from the first step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask_mode not in get_args(MaskMode):
            raise ValueError(f'mask_mode is one of {", ".join(get_args(MaskMode))}, not "{self.mask_mode}"')
        if self.mask_k < 1:
            raise ValueError(f"mask_k must be at least 1, not {self.mask_k}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay must be in [0, 1), not {self.ema_decay}")


@dataclass(frozen=True, eq=False)
class Supervision:
    """What E-CMANet made for a batch. No gradient flows through any of it."""

    teacher: Tensor
    """(B, 2, T, C) probabilities of the teacher."""
    thresholds: Tensor
    """(B, C) of the adaptive mask, whatever the mode."""
    mask: Tensor
    """M (B, T, C) bool, with a person's corrections."""
    pairs: Tensor
    """Omega (B, T, C) bool, with a person's corrections."""


class Ecma(Parser):
    """A student that is trained and parses, and a teacher that follows it and makes its masks."""

    steps: Tensor
    """k of Eq. 2: the optimiser steps so far. Saved with the weights, so the ramp survives a resume."""

    def __init__(
        self, config: EcmaConfig, audio_width: int, visual_widths: Sequence[int], categories: int
    ) -> None:
        super().__init__()
        self.config = config
        self.student = Han(config, audio_width, visual_widths, categories)
        self.teacher = deepcopy(self.student).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        self.train()

    def train(self, mode: bool = True) -> Ecma:
        """The teacher stays in evaluation mode: no dropout."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, batch: Batch) -> Output:
        """What the student says; the teacher and the masks take no part in parsing."""
        output: Output = self.student(batch)
        return output

    @torch.no_grad()
    def after_step(self) -> None:
        """Eq. 2: theta' = alpha_k theta' + (1 - alpha_k) theta with alpha_k = min(alpha, 1 - 1 / (k + 1)).

        k counts from 0, so the first step makes the teacher a copy. Buffers are copied.
        """
        alpha = (1 - 1 / (self.steps + 1)).clamp(max=self.config.ema_decay)
        for theirs, ours in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            theirs.lerp_(ours, (1 - alpha).to(ours.dtype))
        for buffer, source in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            buffer.copy_(source)
        self.steps += 1

    @torch.no_grad()
    def make_supervision(self, output: Output, batch: Batch) -> Supervision:
        """Eq. 3-5: the mask, from the teacher. The conditions of Eq. 7: the pairs, from the student's `output`.

        Made anew each step: the paper says "periodically", and the teacher is slow already.
        """
        config = self.config
        labels = video_targets(batch)
        gate = labels if config.mask_gate_by_label else None
        teacher = self.teacher(batch).segment
        fused = rules.fuse(teacher)  # (B, T, C)
        mask, thresholds = rules.adaptive_mask(fused, gate, batch.valid, gamma=config.mask_gamma)
        if config.mask_mode == "topk":
            mask = rules.topk_mask(fused, gate, batch.valid, k=config.mask_k)
        pairs = rules.agreement_pairs(
            output.segment, labels, batch.valid, tau_audio=config.tau_audio, tau_visual=config.tau_visual
        )
        return Supervision(
            teacher=teacher,
            thresholds=thresholds,
            mask=rules.correct_mask(mask, batch.reviewed),
            pairs=rules.correct_pairs(pairs, batch.reviewed),
        )

    @staticmethod
    def pseudo_loss(output: Output, batch: Batch, mask: Tensor) -> Tensor:
        """Eq. 6: the mean of -log P over the masked cells of a clip, then over the clips; P is fused (Eq. 1).

        A clip with an empty mask counts as 0. A modality that a person found the category absent in takes no
        part in P there, or the loss would push it against their word.
        """
        fused = rules.fuse(output.segment, batch.reviewed)  # (B, T, C)
        cost = -fused.clamp(EPSILON, 1 - EPSILON).log() * mask
        per_clip: Tensor = cost.sum(dim=(1, 2)) / mask.sum(dim=(1, 2)).clamp(min=1)
        return per_clip.mean()

    @staticmethod
    def cma_loss(output: Output, pairs: Tensor) -> Tensor:
        """Eq. 7-8: the mean of 1 - s_t over all pairs of the batch; 0 without pairs.

        s is the cosine of HAN's outputs: on frozen input features it would have nothing to train. A segment
        with n confident categories counts n times, as printed.
        """
        audio, visual = output.embeddings.float().unbind(dim=1)  # (B, T, D) each
        similarity: Tensor = rules.cosine_similarity(audio, visual)  # (B, T)
        weights = pairs.sum(dim=2)  # (B, T)
        return ((1 - similarity) * weights).sum() / weights.sum().clamp(min=1)

    def losses(self, batch: Batch, epoch: int) -> dict[str, Tensor]:
        """Eq. 9: L_AVVP + L_pseudo + L_CMA, weighted; the last two from the epoch after the warm-up."""
        output = self(batch)
        losses = han_loss(output, batch, self.config)
        if epoch <= self.config.warmup_epochs:
            zero = output.segment.new_zeros(())
            return losses | {"pseudo": zero, "cma": zero}
        made = self.make_supervision(output, batch)
        return losses | {
            "pseudo": self.config.pseudo_weight * self.pseudo_loss(output, batch, made.mask),
            "cma": self.config.cma_weight * self.cma_loss(output, made.pairs),
        }

    @torch.no_grad()
    def supervision(self, batch: Batch) -> dict[str, Tensor]:
        """The supervision of a batch as it stands, without dropout.

        `student` and `teacher` (B, 2, T, C), `thresholds` (B, C), `mask` and `pairs` (B, T, C) bool,
        `similarity` (B, T).
        """
        was_training = self.training
        self.eval()
        output = self(batch)
        self.train(was_training)
        made = self.make_supervision(output, batch)
        return {
            "student": output.segment,
            "teacher": made.teacher,
            "thresholds": made.thresholds,
            "mask": made.mask,
            "pairs": made.pairs,
            "similarity": rules.cosine_similarity(*output.embeddings.unbind(dim=1)),
        }
