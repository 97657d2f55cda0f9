"""E-CMANet: the teacher, the masks, the two losses, and what a person's corrections do to them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from trainer import supervision as rules
from trainer.batch import Batch
from trainer.models.coleaf import Coleaf, ColeafConfig
from trainer.models.ecma import Ecma, EcmaConfig
from trainer.models.layers import Output

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


# --- what the paper leaves open ---


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


def test_what_is_off_is_neither_made_nor_computed(make_batch):
    batch = make_batch()
    no_ema, no_cma = small_ecma(replace(SMALL, ema=False)), small_ecma(replace(SMALL, cma=False))

    without_teacher, without_pairs = no_ema.step(batch, LATE), no_cma.step(batch, LATE)

    assert no_ema.teacher is None
    assert "pseudo" not in without_teacher.losses
    assert not {"teacher", "thresholds", "mask"} & set(without_teacher.supervision)
    assert "cma" not in without_pairs.losses
    assert not {"pairs", "similarity"} & set(without_pairs.supervision)
    no_ema.after_step()


def test_without_both_modules_it_is_coleaf(make_batch):
    batch = make_batch()
    names = {"student.": "anchor."}
    bare = small_ecma(replace(SMALL, ema=False, cma=False))
    torch.manual_seed(0)
    coleaf = Coleaf(ColeafConfig(width=16, feedforward=32), 6, (4,), 3)
    weights = {name.replace("student.", names["student."]): value for name, value in bare.state_dict().items()}
    del weights["steps"]
    coleaf.load_state_dict(weights)

    found = []
    for model in (bare, coleaf):
        torch.manual_seed(1)  # the same dropout
        found.append(model.step(batch, 5).losses)

    assert found[0] == found[1]


def test_the_literal_equation_9_adds_nothing_of_coleaf(make_batch):
    strict = small_ecma(replace(SMALL, coleaf_aux=False))

    losses = strict.step(make_batch(), LATE).losses

    assert set(losses) == {"audio_video", "visual_video", "video", "reviewed", "pseudo", "cma"}
    assert not any(name.startswith("reference") for name, _ in strict.named_parameters())


def test_the_teacher_parses_where_that_is_asked_for(make_batch):
    batch = make_batch()
    model = moved(small_ecma(replace(SMALL, parse_with="teacher"))).eval()

    assert torch.equal(model(batch).segment, model.teacher(batch).segment)
    assert not torch.equal(model(batch).segment, model.student(batch).segment)


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mask_mode": "best"}, 'not "best"'),
        ({"ema_decay": 1.0}, r"in \[0, 1\), not 1.0"),
        ({"mask_k": 0}, "not 0"),
        ({"mask_k_share": 1.5}, r"in \[0, 1\], not 1.5"),
        ({"mask_period": -1}, "not -1"),
        ({"cma_on": "raw"}, 'attended, projected, not "raw"'),
        ({"pseudo_norm": "all"}, 'clip, batch, not "all"'),
        ({"parse_with": "teacher", "ema": False}, "parse_with .* needs a teacher"),
        ({"mask_period": 1, "ema": False}, "mask_period needs a teacher"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        EcmaConfig(**settings)
