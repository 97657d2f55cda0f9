"""What a person reviewed, as every parser is trained with it: targets, and a loss on the reviewed cells."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainer.batch import Batch, ratio
from trainer.labels import PRESENT, UNSEEN
from trainer.models.layers import Output
from trainer.supervision import correct_modality_labels, correct_video_labels


def video_targets(batch: Batch) -> Tensor:
    """(B, C): the video-level labels after the reviewed cells corrected them; -1 is unknown."""
    targets: Tensor = correct_video_labels(batch.labels, batch.reviewed, batch.valid)
    return targets


def modality_targets(batch: Batch) -> Tensor:
    """(B, 2, C): the same, for each modality."""
    targets: Tensor = correct_modality_labels(batch.labels, batch.reviewed, batch.valid)
    return targets


def reviewed_loss(output: Output, batch: Batch, *, balance: float = 1.0) -> Tensor:
    """The mean BCE over the reviewed cells of the batch; 0 where there are none.

    A cell reviewed present counts as `balance` cells reviewed absent.
    """
    reviewed = (batch.reviewed != UNSEEN) & batch.valid[:, None, :, None]  # (B, 2, T, C)
    present = (batch.reviewed == PRESENT).float()
    cells = binary_cross_entropy_with_logits(output.logits.float(), present, reduction="none")
    weights = reviewed * (1 + (balance - 1) * present)
    return ratio((cells * weights).sum(), weights.sum())
