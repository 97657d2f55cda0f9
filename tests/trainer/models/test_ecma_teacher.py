"""E-CMANet's teacher: how it follows the student, is saved, and parses."""

from __future__ import annotations

from dataclasses import replace

import torch

from tests.trainer.models.small_ecma import LATE, SMALL, moved, small_ecma, total


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

    total(model.step(make_batch(), LATE).losses).backward()

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


def test_the_teacher_parses_where_that_is_asked_for(make_batch):
    batch = make_batch()
    model = moved(small_ecma(replace(SMALL, parse_with="teacher"))).eval()

    assert torch.equal(model(batch).segment, model.teacher(batch).segment)
    assert not torch.equal(model(batch).segment, model.student(batch).segment)
