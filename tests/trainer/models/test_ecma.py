"""E-CMANet: the teacher, the masks, the two losses, and what a person's corrections do to them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from trainer import supervision as rules
from trainer.models.ecma import Ecma, EcmaConfig
from trainer.models.layers import Batch, Output

SMALL = EcmaConfig(width=16, feedforward=32)
LATE = 2
"""An epoch after the warm-up."""


def small_ecma(config=SMALL) -> Ecma:
    torch.manual_seed(0)
    return Ecma(config, 6, (4,), 3)


def moved(model: Ecma) -> Ecma:
    """The model after its student moved away from its teacher."""
    with torch.no_grad():
        for parameter in model.student.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(9)))
    return model


def total(losses) -> torch.Tensor:
    return sum(losses.values())


def output_of(segment, embeddings=None) -> Output:
    """An output with the segment probabilities (B, 2, T, C)."""
    segment = torch.as_tensor(segment, dtype=torch.float32)
    clips, _, segments, categories = segment.shape
    video = torch.full((clips, categories), 0.5)
    embeddings = torch.zeros(clips, 2, segments, 2) if embeddings is None else torch.as_tensor(embeddings)
    return Output(segment.logit(), segment, video, video, video, embeddings.float())


def batch_like(output: Output, reviewed=None) -> Batch:
    clips, _, segments, categories = output.segment.shape
    return Batch(
        audio=torch.zeros(clips, segments, 6),
        visual=(torch.zeros(clips, segments, 4),),
        valid=torch.ones(clips, segments, dtype=torch.bool),
        labels=torch.ones(clips, categories),
        reviewed=torch.full_like(output.segment, -1, dtype=torch.int8) if reviewed is None else reviewed,
    )


# --- the teacher ---


def test_the_teacher_starts_as_a_copy_and_then_follows_with_the_ramp():
    model = small_ecma(replace(SMALL, ema_decay=0.6))
    weight = model.student.pooling.classifier.weight
    taught = model.teacher.pooling.classifier.weight
    followed = torch.zeros_like(weight)
    for alpha in (0, 1 / 2, 0.6, 0.6):  # k = 2 would give 2/3, which is cut to 0.6
        with torch.no_grad():
            weight.add_(torch.randn_like(weight))
        model.after_step()
        followed = alpha * followed + (1 - alpha) * weight.detach()
        torch.testing.assert_close(taught.detach(), followed)


def test_the_first_step_makes_the_teacher_an_exact_copy():
    model = moved(small_ecma())

    model.after_step()

    for taught, learnt in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
        assert torch.equal(taught, learnt)


def test_the_teacher_is_saved_and_its_ramp_goes_on_after_loading():
    model = moved(small_ecma())
    for _ in range(3):
        model.after_step()
    moved(model)
    model.after_step()

    again = small_ecma()
    again.load_state_dict(model.state_dict())
    for copy in (model, again):
        copy.after_step()

    assert int(again.steps) == 5
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_the_student_learns_from_every_loss_and_the_teacher_from_none(make_batch):
    model = small_ecma(replace(SMALL, tau_audio=0.0, tau_visual=0.0))

    total(model.losses(make_batch(), LATE)).backward()

    for name, parameter in model.named_parameters():
        if name.startswith("teacher."):
            assert not parameter.requires_grad
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0 or "attention.bias" in name, name


def test_the_teacher_has_no_dropout_while_the_student_trains(make_batch):
    model = small_ecma().train()
    batch = make_batch()

    assert model.student.training
    assert torch.equal(model.teacher(batch).segment, model.teacher(batch).segment)
    assert not torch.equal(model(batch).segment, model(batch).segment)


# --- the masks ---


@pytest.mark.parametrize("mode", ["adaptive", "topk"])
def test_the_masks_are_the_rule_of_the_inspectors_on_the_teacher(make_batch, mode):
    model = moved(small_ecma(replace(SMALL, mask_mode=mode, mask_k=2, tau_audio=0.4, tau_visual=0.4)))
    batch = replace(
        make_batch(), valid=torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]).bool()
    )

    made = {name: value.numpy() for name, value in model.supervision(batch).items()}

    labels, valid = batch.labels.numpy(), batch.valid.numpy()
    fused = rules.fuse(made["teacher"])
    mask, thresholds = rules.adaptive_mask(fused, labels, valid)
    if mode == "topk":
        mask = rules.topk_mask(fused, labels, valid, k=2)
    np.testing.assert_array_equal(made["mask"], mask)
    np.testing.assert_array_equal(made["thresholds"], thresholds)
    pairs = rules.agreement_pairs(made["student"], labels, valid, tau_audio=0.4, tau_visual=0.4)
    np.testing.assert_array_equal(made["pairs"], pairs)
    assert made["mask"].any()
    assert made["pairs"].any()
    np.testing.assert_allclose(made["student"], model.eval()(batch).segment.detach())
    assert made["similarity"].shape == (3, 5)


def test_looking_at_the_supervision_leaves_the_model_training(make_batch):
    model = small_ecma().train()

    made = model.supervision(make_batch())

    assert model.student.training
    assert not model.teacher.training
    assert not any(value.requires_grad for value in made.values())


def test_masks_follow_the_labels_as_a_person_corrected_them(make_batch):
    batch = make_batch()
    labels = torch.zeros_like(batch.labels)
    labels[0, 0] = 1
    reviewed = batch.reviewed.clone()
    reviewed[0, :, :, 0] = 0  # the only label is found nowhere
    reviewed[1, 0, 2, 1] = 1  # an event that no label had
    batch = replace(batch, labels=labels, reviewed=reviewed)

    mask = small_ecma().supervision(batch)["mask"]

    assert not mask[0].any()
    assert mask[1, 2, 1]
    assert mask[1, :, [0, 2]].sum() == 0


def test_masks_and_pairs_of_a_clip_without_labels_hold_only_what_a_person_said(make_batch):
    batch = make_batch()
    reviewed = batch.reviewed.clone()
    reviewed[0, :, 3, 2] = 1
    batch = replace(batch, labels=torch.full((3, 3), -1.0), reviewed=reviewed)

    made = small_ecma(replace(SMALL, mask_gamma=0.0, tau_audio=0.0, tau_visual=0.0)).supervision(batch)

    assert made["mask"].any(dim=1).nonzero().tolist() == [[0, 2]]
    assert made["pairs"].nonzero().tolist() == [[0, t, 2] for t in range(5)]


def test_without_the_gate_absent_categories_are_masked_too(make_batch):
    batch = replace(make_batch(), labels=torch.zeros(3, 3))

    assert not small_ecma().supervision(batch)["mask"].any()
    ungated = small_ecma(replace(SMALL, mask_gate_by_label=False)).supervision(batch)["mask"]
    assert ungated.any(dim=1).all()


# --- the losses, by hand ---


def test_the_pseudo_loss_is_a_mean_over_each_mask_and_then_over_the_clips():
    # Fused: clip 0: 0.5, 0.8 (masked: both); clip 1: 0.4, 0.9 (masked: the first); clip 2: nothing masked.
    output = output_of([[[[0.4], [0.7]], [[0.6], [0.9]]], [[[0.3], [0.9]], [[0.5], [0.9]]], [[[0.5]] * 2] * 2])
    mask = torch.tensor([[[1], [1]], [[1], [0]], [[0], [0]]], dtype=torch.bool)

    found = Ecma.pseudo_loss(output, batch_like(output), mask)

    clips = (-math.log(0.5) - math.log(0.8)) / 2, -math.log(0.4), 0
    assert found.item() == pytest.approx(sum(clips) / 3)


def test_the_pseudo_loss_does_not_push_a_modality_that_a_person_found_empty():
    output = output_of([[[[0.4]], [[0.6]]]])
    reviewed = torch.tensor([1, 0], dtype=torch.int8).reshape(1, 2, 1, 1)

    found = Ecma.pseudo_loss(output, batch_like(output, reviewed), torch.ones(1, 1, 1, dtype=torch.bool))

    assert found.item() == pytest.approx(-math.log(0.4))


def test_the_agreement_loss_is_the_mean_dissimilarity_of_all_pairs_of_the_batch():
    # Cosines: clip 0: 1, 0; clip 1: 0.6, -1.
    audio, visual = [[[1, 0], [1, 0]], [[3, 4], [1, 0]]], [[[2, 0], [0, 5]], [[1, 0], [-1, 0]]]
    embeddings = np.stack([audio, visual], axis=1)
    output = output_of(np.full((2, 2, 2, 2), 0.5), embeddings)
    pairs = torch.tensor([[[1, 0], [1, 1]], [[1, 0], [0, 0]]], dtype=torch.bool)

    # A segment with two confident categories counts twice.
    assert Ecma.cma_loss(output, pairs).item() == pytest.approx((0 + 1 + 1 + 0.4) / 4)
    assert Ecma.cma_loss(output, torch.zeros_like(pairs)).item() == 0


def test_both_losses_wait_for_the_end_of_the_warm_up_and_have_their_weights(make_batch):
    batch = make_batch()
    eager = replace(SMALL, dropout=0.0, visual_dropout=0.0, tau_audio=0.0, tau_visual=0.0)
    model = small_ecma(eager)

    first, second = model.losses(batch, 1), model.losses(batch, LATE)

    assert first["pseudo"] == first["cma"] == 0
    assert second["pseudo"] > 0
    assert second["cma"] > 0
    assert list(first) == list(second)
    doubled = small_ecma(replace(eager, pseudo_weight=2.0, cma_weight=3.0, warmup_epochs=0)).losses(batch, 1)
    torch.testing.assert_close(doubled["pseudo"], 2 * second["pseudo"])
    torch.testing.assert_close(doubled["cma"], 3 * second["cma"])


def test_padding_changes_no_loss(make_batch):
    model = small_ecma(replace(SMALL, tau_audio=0.0, tau_visual=0.0)).eval()
    batch = make_batch()
    longer = make_batch(segments=8, seed=5)
    padded = Batch(
        audio=torch.cat([batch.audio, longer.audio[:, 5:]], dim=1),
        visual=(torch.cat([batch.visual[0], longer.visual[0][:, 5:]], dim=1),),
        valid=torch.arange(8).expand(3, 8) < 5,
        labels=batch.labels,
        reviewed=longer.reviewed,
    )

    torch.testing.assert_close(model.losses(padded, LATE), model.losses(batch, LATE))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask_mode": "best"}, 'not "best"'),
        ({"ema_decay": 1.0}, r"in \[0, 1\), not 1.0"),
        ({"mask_k": 0}, "not 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        EcmaConfig(**settings)
