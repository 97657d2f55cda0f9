"""What a parser reads, and the mean over it that stays true when several processes share a batch.

B clips, T segments, C categories, D width; modality axis: 0 audio, 1 visual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.distributed
from torch import Tensor

from trainer.supervision import correct_modality_labels, correct_video_labels


@dataclass(frozen=True, eq=False)
class Material:
    """What a parser is given once, before its first step, if its training has it."""

    texts: tuple[Tensor, Tensor] | None = None
    """(C, D) float32 twice: the text features of the categories, in the width of the audio set and of the first
    visual set; of those of `features.joint`, where there are any. Rows have length 1."""
    label_rates: Tensor | None = None
    """(2, C) float32: the share of the training segments that have a pseudo-label above 0.5."""
    thresholds: Tensor | None = None
    """(2, C) float64: of logits, above which VALOR says that a segment holds a category. Given where the
    pseudo-labels are VALOR's."""
    scales: tuple[float, float] | None = None
    """Of audio and of visual: what VALOR multiplies a cosine by to have a logit. Given as `thresholds` are."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Clips padded to one T. `labels` are video-level and as read from the dataset, not yet corrected."""

    audio: Tensor
    """(B, T, Da) features."""
    visual: tuple[Tensor, ...]
    """One (B, T * r, Dv) per feature set, r rows a segment, padded with T."""
    valid: Tensor
    """(B, T) bool: the segments that the clip has, at least one a clip."""
    labels: Tensor
    """(B, C) float video-level states: -1 unknown, 0 absent, 1 present."""
    reviewed: Tensor
    """(B, 2, T, C) int8 states of what a person checked: -1 unseen, 0 absent, 1 present."""
    index: Tensor
    """(B,) int64: the clips' places in the tensors they came from, by which what is kept per clip is found."""
    truth: Tensor | None = None
    """(B, T, C) int8 states of what is heard and seen at once, -1 unknown: dense truth, where a parser is to be
    trained on it (labels.kind "dense"). As read from the dataset, not yet corrected."""
    pseudo_labels: Tensor | None = None
    """(B, 2, T, C) float32 in [0, 1], or -1 where a clip has none: pseudo-labels of its segments, where a
    parser is to be trained on them (labels.kind "pseudo"). As they were given, not yet corrected."""
    joint: tuple[Tensor, Tensor] | None = None
    """(B, T, D) of audio and of visual: features in the space of `Material.texts`, as the encoder made them and
    0 at padding, where the recipe asks for them (features.joint)."""

    @cached_property
    def absent(self) -> Tensor:
        """(B, 1, T): 0, and minus infinity at padding: added to what a softmax over segments reads."""
        zeros = torch.zeros(self.valid.shape, device=self.valid.device)
        return zeros.masked_fill_(~self.valid, -torch.inf)[:, None]

    @cached_property
    def video_targets(self) -> Tensor:
        """(B, C): the video-level labels after the reviewed cells corrected them; -1 is unknown."""
        targets: Tensor = correct_video_labels(self.labels, self.reviewed, self.valid)
        return targets

    @cached_property
    def modality_targets(self) -> Tensor:
        """(B, 2, C): the same, for each modality."""
        targets: Tensor = correct_modality_labels(self.labels, self.reviewed, self.valid)
        return targets


def ratio(total: Tensor, count: Tensor) -> Tensor:
    """`total` / `count`, where both are sums over a batch, as if the batches of all processes were one.

    DistributedDataParallel averages gradients over the processes. So `count` is averaged over them and `total`
    is not: the mean over the processes of what this returns is sum(total) / sum(count), and so is its
    gradient. No gradient flows through `count`. 0 where nothing was counted in any process, if `total` is 0
    there, as the sum of nothing is.
    """
    count = count.detach()
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        # A sum and a division: gloo has no mean.
        count = count.to(total.dtype, copy=True)
        torch.distributed.all_reduce(count)
        count = count / torch.distributed.get_world_size()
    return total / (count + (count == 0))  # not torch.where: a GPU waits for a number that it is given
