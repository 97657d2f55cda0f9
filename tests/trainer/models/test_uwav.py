"""UWAV's parser: its shape, its padding, and that it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_soft import SMALL_UWAV, small_uwav, taught, total, with_review
from trainer.models.layers import Projection
from trainer.models.uwav import UwavProjection


def test_audio_goes_through_two_layers_and_all_visual_sets_through_one(make_batch):
    torch.manual_seed(0)
    projection, batch = UwavProjection(6, (4, 7), 8), make_batch(visual=(4, 7), rows_per_segment=8)

    found = projection(batch)

    first, _, second = projection.audio
    audio = second(torch.relu(first(batch.audio)))
    means = [rows.reshape(3, 5, 8, -1).mean(dim=2) for rows in batch.visual]
    torch.testing.assert_close(found, torch.stack([audio, projection.visual(torch.cat(means, dim=-1))], dim=1))
    assert first.out_features == 16


def test_a_missing_visual_set_is_refused(make_batch):
    with pytest.raises(ValueError, match="reads 2 visual feature sets, not 1"):
        UwavProjection(6, (4, 7), 8)(make_batch())
    with pytest.raises(ValueError, match="at least one visual"):
        UwavProjection(6, (), 8)


def test_it_can_have_the_projection_of_han_and_valor():
    assert isinstance(small_uwav().projection, UwavProjection)
    assert isinstance(small_uwav(replace(SMALL_UWAV, projection="han")).projection, Projection)


def test_a_batch_gives_probabilities_of_segments_modalities_and_videos(make_batch):
    output = small_uwav(visual=(4, 7))(make_batch(visual=(4, 7), rows_per_segment=8))

    assert output.segment.shape == output.logits.shape == (3, 2, 5, 3)
    assert output.video.shape == output.audio_video.shape == output.visual_video.shape == (3, 3)
    assert output.embeddings.shape == output.projected.shape == (3, 2, 5, 16)


@pytest.mark.parametrize("projection", ["uwav", "han"])
def test_every_weight_learns(make_batch, projection):
    model = small_uwav(replace(SMALL_UWAV, projection=projection), visual=(4, 7))

    total(model.step(taught(make_batch(visual=(4, 7))), 1).losses).backward()

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # A bias common to all that a softmax compares changes nothing.
        assert parameter.grad.abs().sum() > 0 or "attention.bias" in name, name


@pytest.mark.parametrize("state", [0, 1], ids=["absent", "present"])
def test_training_moves_a_reviewed_cell_towards_what_the_person_said(make_batch, state):
    batch = taught(make_batch())
    batch = replace(batch, pseudo_labels=torch.full_like(batch.pseudo_labels, 1.0 - state))
    cell = (0, 1, 2, 1)
    found = []
    for clips in (batch, with_review(batch, {cell: state})):
        model = small_uwav()
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(15):
            optimiser.zero_grad()
            total(model.step(clips, 1).losses).backward()
            optimiser.step()
        found.append(model.eval()(batch).segment[cell].item())

    unreviewed, trained = found
    assert trained > unreviewed + 0.05 if state else trained < unreviewed - 0.05
