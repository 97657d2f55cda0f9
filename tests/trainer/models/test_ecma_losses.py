"""E-CMANet's two losses: computed by hand, their weights and means, and what they train."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.models.small_ecma import LATE, SMALL, moved, small_ecma
from trainer.batch import Batch
from trainer.models.layers import Output


def output_of(segment, embeddings=None) -> Output:
    """An output with the segment probabilities (B, 2, T, C)."""
    segment = torch.as_tensor(segment, dtype=torch.float32)
    clips, _, segments, categories = segment.shape
    video = torch.full((clips, categories), 0.5)
    embeddings = torch.zeros(clips, 2, segments, 2) if embeddings is None else torch.as_tensor(embeddings)
    embeddings = embeddings.float()
    return Output(segment.logit(), segment, video, video, video, embeddings, embeddings.flip(1) + 1)


def batch_like(output: Output, reviewed=None) -> Batch:
    clips, _, segments, categories = output.segment.shape
    return Batch(
        audio=torch.zeros(clips, segments, 6),
        visual=(torch.zeros(clips, segments, 4),),
        valid=torch.ones(clips, segments, dtype=torch.bool),
        labels=torch.ones(clips, categories),
        reviewed=torch.full_like(output.segment, -1, dtype=torch.int8) if reviewed is None else reviewed,
        index=torch.arange(clips),
    )


def test_the_pseudo_loss_is_a_mean_over_each_mask_and_then_over_the_clips():
    # Fused: clip 0: 0.5, 0.8 (masked: both); clip 1: 0.4, 0.9 (masked: the first); clip 2: nothing masked.
    output = output_of([[[[0.4], [0.7]], [[0.6], [0.9]]], [[[0.3], [0.9]], [[0.5], [0.9]]], [[[0.5]] * 2] * 2])
    mask = torch.tensor([[[1], [1]], [[1], [0]], [[0], [0]]], dtype=torch.bool)

    found = small_ecma().pseudo_loss(output, batch_like(output), mask)

    clips = (-math.log(0.5) - math.log(0.8)) / 2, -math.log(0.4), 0
    assert found.item() == pytest.approx(sum(clips) / 3)


def test_the_pseudo_loss_does_not_push_a_modality_that_a_person_found_empty():
    output = output_of([[[[0.4]], [[0.6]]]])
    reviewed = torch.tensor([1, 0], dtype=torch.int8).reshape(1, 2, 1, 1)

    found = small_ecma().pseudo_loss(
        output, batch_like(output, reviewed), torch.ones(1, 1, 1, dtype=torch.bool)
    )

    assert found.item() == pytest.approx(-math.log(0.4))


def test_the_agreement_loss_is_the_mean_dissimilarity_of_all_pairs_of_the_batch():
    # Cosines: clip 0: 1, 0; clip 1: 0.6, -1.
    audio, visual = [[[1, 0], [1, 0]], [[3, 4], [1, 0]]], [[[2, 0], [0, 5]], [[1, 0], [-1, 0]]]
    embeddings = np.stack([audio, visual], axis=1)
    output = output_of(np.full((2, 2, 2, 2), 0.5), embeddings)
    pairs = torch.tensor([[[1, 0], [1, 1]], [[1, 0], [0, 0]]], dtype=torch.bool)

    # A segment with two confident categories counts twice.
    model = small_ecma()
    similarity = model.similarity(output)
    assert model.cma_loss(similarity, pairs).item() == pytest.approx((0 + 1 + 1 + 0.4) / 4)
    assert model.cma_loss(similarity, torch.zeros_like(pairs)).item() == 0


def test_both_losses_wait_for_the_end_of_the_warm_up_and_have_their_weights(make_batch):
    batch = make_batch()
    eager = replace(SMALL, dropout=0.0, visual_dropout=0.0, tau_audio=0.0, tau_visual=0.0)
    model = small_ecma(eager)

    first, second = (model.step(batch, epoch).losses for epoch in (1, LATE))

    assert first["pseudo"] == first["cma"] == 0
    assert second["pseudo"] > 0
    assert second["cma"] > 0
    assert list(first) == list(second)
    heavy = replace(eager, pseudo_weight=2.0, cma_weight=3.0, warmup_epochs=0)
    doubled = small_ecma(heavy).step(batch, 1).losses
    torch.testing.assert_close(doubled["pseudo"], 2 * second["pseudo"])
    torch.testing.assert_close(doubled["cma"], 3 * second["cma"])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mask_mode": "topk", "mask_k_share": 0.5},
        {"pseudo_norm": "batch", "cma_norm": "clip", "cma_on": "projected"},
        {"mask_period": 1},
        {"coleaf_aux": False},
    ],
    ids=lambda settings: ", ".join(settings) or "defaults",
)
def test_padding_changes_neither_losses_nor_supervision(ragged, padded, settings):
    model = moved(small_ecma(replace(SMALL, tau_audio=0.0, tau_visual=0.0, **settings))).eval()

    whole, found = (model.step(batch, 9) for batch in (ragged, padded(ragged)))

    torch.testing.assert_close(found.losses, whole.losses)
    assert found.losses["pseudo"] > 0
    assert found.losses["cma"] > 0
    for name, values in whole.supervision.items():
        is_of_segments = values.ndim > 2 and not name.startswith("reference")
        cut = found.supervision[name][..., :5, :] if is_of_segments else found.supervision[name]
        cut = cut[:, :5] if name == "similarity" else cut
        inside = ragged.valid if name == "similarity" else torch.ones_like(values, dtype=torch.bool)
        if is_of_segments:
            inside = inside & (ragged.valid[:, None, :, None] if values.ndim == 4 else ragged.valid[..., None])
        torch.testing.assert_close(cut[inside], values[inside])


def test_the_agreement_of_projected_inputs_does_not_train_attention(make_batch):
    config = replace(SMALL, cma_on="projected", tau_audio=0.0, tau_visual=0.0, coleaf_aux=False)
    model = small_ecma(config)

    model.step(make_batch(), LATE).losses["cma"].backward()

    assert all(parameter.grad is None for parameter in model.student.attention.parameters())
    for linear in (model.student.projection.audio, model.student.projection.visual[0]):
        assert linear.weight.grad.abs().sum() > 0


def test_the_agreement_loss_moves_what_is_heard_and_what_is_seen():
    embeddings = torch.randn(1, 2, 3, 4, requires_grad=True)
    output = replace(output_of(np.full((1, 2, 3, 1), 0.9)), embeddings=embeddings)

    model = small_ecma()
    model.cma_loss(model.similarity(output), torch.ones(1, 3, 1, dtype=torch.bool)).backward()

    assert (embeddings.grad.abs().sum(dim=(0, 2, 3)) > 0).all()


def test_the_other_means_are_those_computed_by_hand():
    output = output_of([[[[0.4], [0.7]], [[0.6], [0.9]]], [[[0.3], [0.9]], [[0.5], [0.9]]]])
    mask = torch.tensor([[[1], [1]], [[1], [0]]], dtype=torch.bool)
    over_batch = small_ecma(replace(SMALL, pseudo_norm="batch"))
    expected = -(math.log(0.5) + math.log(0.8) + math.log(0.4)) / 3
    assert over_batch.pseudo_loss(output, batch_like(output), mask).item() == pytest.approx(expected)
    assert over_batch.pseudo_loss(output, batch_like(output), mask & False).item() == 0

    # Cosines: clip 0: 1, 0; clip 1: -1, -1.
    embeddings = [[[[1, 0], [1, 0]], [[1, 0], [0, 1]]], [[[1, 0], [1, 0]], [[-1, 0], [-1, 0]]]]
    output = output_of(np.full((2, 2, 2, 1), 0.5), embeddings)
    over_clips = small_ecma(replace(SMALL, cma_norm="clip"))
    similarity = over_clips.similarity(output)
    assert over_clips.cma_loss(similarity, mask).item() == pytest.approx((0.5 + 2) / 2)
    assert over_clips.cma_loss(similarity, mask & False).item() == 0
