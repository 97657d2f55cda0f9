"""What a person reviewed, as every parser is trained with it: the loss on the reviewed cells."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from trainer.batch import Batch, ratio
from trainer.labels import PRESENT, UNSEEN
from trainer.models.layers import Output


def reviewed_loss(output: Output, batch: Batch, *, balance: float = 1.0) -> Tensor:
    """The mean BCE over the reviewed cells of the batch; 0 where there are none.

    A cell reviewed present counts as `balance` cells reviewed absent.
    """
    reviewed = (batch.reviewed != UNSEEN) & batch.valid[:, None, :, None]  # (B, 2, T, C)
    present = batch.reviewed == PRESENT
    cells = binary_cross_entropy_with_logits(output.logits, present.float(), reduction="none")
    weights = (1 + (balance - 1) * present) * reviewed
    return ratio((cells * weights).sum(), weights.sum())
