"""E-CMANet's masks and pairs: their rules, their periods, and what a person's corrections do to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.models.small_ecma import LATE, SMALL, moved, small_ecma, total
from trainer import supervision as rules


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


def test_a_share_makes_the_masks_of_longer_clips_longer(ragged):
    config = replace(SMALL, mask_mode="topk", mask_k_share=0.5)

    mask = small_ecma(config).supervision(ragged)["mask"]

    assert mask.sum(dim=1).tolist() == [[3, 3, 0], [0, 2, 0], [1, 1, 1]]


def test_with_a_period_the_masks_stay_those_of_the_teacher_at_its_last_beginning(make_batch):
    batch = make_batch()
    model = moved(small_ecma(replace(SMALL, mask_period=2, warmup_epochs=0))).eval()
    made = []
    for epoch in (1, 2, 3):
        model.start_epoch(epoch)
        teacher_then = model.teacher(batch).segment
        made.append((teacher_then, model.step(batch, epoch).supervision["teacher"]))
        moved(model)
        model.after_step()
    (first_teacher, first), (_, second), (third_teacher, third) = made

    assert torch.equal(first, first_teacher)
    assert torch.equal(second, first)
    assert torch.equal(third, third_teacher)
    assert not torch.equal(third, second)


def test_the_first_period_begins_with_the_first_epoch_that_uses_its_masks(make_batch):
    batch = make_batch()
    model = moved(small_ecma(replace(SMALL, mask_period=3, warmup_epochs=1))).eval()
    model.start_epoch(1)
    model.after_step()  # the teacher is now the student, which has moved

    model.start_epoch(2)

    assert torch.equal(model.step(batch, 2).supervision["teacher"], model.student(batch).segment)


def test_masks_of_a_period_go_on_as_they_were_after_loading(make_batch):
    batch = make_batch()
    config = replace(SMALL, mask_period=2, warmup_epochs=0)
    model = moved(small_ecma(config)).eval()
    model.start_epoch(1)
    model.after_step()

    again = small_ecma(config).eval()
    again.load_state_dict(model.state_dict())
    for copy in (model, again):
        copy.start_epoch(2)

    found, expected = (copy.step(batch, 2) for copy in (again, model))
    assert torch.equal(found.supervision["mask"], expected.supervision["mask"])
    assert torch.equal(total(found.losses), total(expected.losses))


@pytest.mark.parametrize(
    "settings", [{}, {"mask_period": 1}, {"mask_mode": "topk"}, {"mask_gate_by_label": False}]
)
def test_a_step_trains_on_what_a_person_said_whatever_the_masks(make_batch, settings):
    batch = make_batch()
    reviewed = batch.reviewed.clone()
    reviewed[0, :, :, 0] = 0  # found nowhere
    reviewed[1, 0, 2, 1] = 1  # heard
    reviewed[1, 1, 3, 1] = 0  # not seen
    batch = replace(batch, labels=torch.ones(3, 3), reviewed=reviewed)
    model = small_ecma(replace(SMALL, tau_audio=0.0, tau_visual=0.0, **settings))

    made = model.step(batch, LATE).supervision

    assert not made["mask"][0, :, 0].any()
    assert made["mask"][1, 2, 1]
    assert not made["pairs"][0, :, 0].any()
    assert not made["pairs"][1, 3, 1]
    assert not made["reference_targets"][0, :, 0].any()
    assert made["reference_targets"][1, 0, 1]


@pytest.mark.parametrize("settings", [{}, {"coleaf_aux": False}, {"ema": False}, {"cma": False}])
def test_a_step_and_a_look_at_it_hold_the_same_kinds_of_supervision(make_batch, settings):
    model = small_ecma(replace(SMALL, dropout=0.0, visual_dropout=0.0, reference_dropout=0.0, **settings))

    step, looked = model.step(make_batch(), 1).supervision, model.supervision(make_batch())

    assert set(step) == set(looked)
    assert not any(value.requires_grad for value in step.values())
    for name, value in looked.items():
        torch.testing.assert_close(step[name], value)
