"""What the models' tests share."""

from __future__ import annotations

import pytest
import torch

from trainer.models.layers import Batch


@pytest.fixture
def make_batch():
    """Makes a small batch of random features: whole clips, nothing reviewed."""

    def make_batch(*, segments=5, visual=(4,), rows_per_segment=1, seed=0) -> Batch:
        random = torch.Generator().manual_seed(seed)
        clips, categories = 3, 3
        return Batch(
            audio=torch.randn(clips, segments, 6, generator=random),
            visual=tuple(
                torch.randn(clips, segments * rows_per_segment, width, generator=random) for width in visual
            ),
            valid=torch.ones(clips, segments, dtype=torch.bool),
            labels=(torch.rand(clips, categories, generator=random) < 0.5).float(),
            reviewed=torch.full((clips, 2, segments, categories), -1, dtype=torch.int8),
        )

    return make_batch
