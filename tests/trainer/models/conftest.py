"""What the models' tests share."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from trainer.batch import Batch


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """The models here are tiny: several threads would only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
            index=torch.arange(clips),
        )

    return make_batch


@pytest.fixture
def padded():
    """Pads a batch with segments that no clip has: other features, and reviewed cells, that must not count."""

    def padded(batch: Batch, by: int = 3) -> Batch:
        clips, segments = batch.valid.shape
        visual = tuple(
            torch.cat([rows, torch.full((clips, by * rows.shape[1] // segments, rows.shape[2]), 5.0)], dim=1)
            for rows in batch.visual
        )
        return replace(
            batch,
            audio=torch.cat([batch.audio, torch.full((clips, by, batch.audio.shape[2]), 5.0)], dim=1),
            visual=visual,
            valid=torch.cat([batch.valid, torch.zeros(clips, by, dtype=torch.bool)], dim=1),
            reviewed=torch.cat(
                [batch.reviewed, torch.ones_like(batch.reviewed[:, :, :1]).repeat(1, 1, by, 1)], 2
            ),
        )

    return padded


@pytest.fixture
def ragged(make_batch):
    """Clips of five, three and one segment, with the categories 0 and 1, 1 alone, and all three."""
    return replace(
        make_batch(),
        valid=torch.arange(5) < torch.tensor([5, 3, 1])[:, None],
        labels=torch.tensor([[1.0, 1, 0], [0, 1, 0], [1, 1, 1]]),
    )


@pytest.fixture
def dense(ragged):
    """Clips of five, three and one segment with truth of every state, which says present at padding."""
    truth = torch.randint(-1, 2, (3, 5, 3), generator=torch.Generator().manual_seed(4), dtype=torch.int8)
    truth[~ragged.valid] = 1
    return replace(ragged, truth=truth)


@pytest.fixture
def wider(padded):
    """Pads a batch with truth as with all else: what must not count."""

    def wider(batch: Batch, by: int = 3) -> Batch:
        truth = torch.cat([batch.truth, torch.ones_like(batch.truth[:, :1]).repeat(1, by, 1)], dim=1)
        return replace(padded(batch, by), truth=truth)

    return wider
