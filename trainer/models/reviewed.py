"""What a person reviewed, as every parser is trained with it: targets, and a loss on the reviewed cells."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainer.labels import PRESENT, UNSEEN
from trainer.models.layers import Batch, Output
from trainer.supervision import correct_modality_labels, correct_video_labels


def video_targets(batch: Batch) -> Tensor:
    """(B, C): the video-level labels after the reviewed cells corrected them; -1 is unknown."""
    targets: Tensor = correct_video_labels(batch.labels, batch.reviewed, batch.valid)
    return targets


def modality_targets(batch: Batch) -> Tensor:
    """(B, 2, C): the same, for each modality."""
    targets: Tensor = correct_modality_labels(batch.labels, batch.reviewed, batch.valid)
    return targets


def reviewed_loss(output: Output, batch: Batch) -> Tensor:
    """The mean BCE over the reviewed cells of the batch; 0 where there are none."""
    reviewed = (batch.reviewed != UNSEEN) & batch.valid[:, None, :, None]  # (B, 2, T, C)
    present = (batch.reviewed == PRESENT).float()
    cells = binary_cross_entropy_with_logits(output.logits.float(), present, reduction="none")
    return (cells * reviewed).sum() / reviewed.sum().clamp(min=1)
