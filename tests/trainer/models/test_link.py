"""LINK: all its variants, padding, what it refuses, and that everything learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_link import (
    JOINT_WIDTHS,
    SMALL_LINK,
    VARIANTS,
    clips_of,
    linked,
    material,
    moved_link,
    small_link,
    widened,
    with_joint,
)
from tests.trainer.models.small_soft import SMALL_UWAV, small_uwav, taught, total, with_review
from trainer.batch import Material
from trainer.config import ConfigError
from trainer.models.link import Link, LinkConfig

REVIEW = {(0, 0, 1, 2): 1, (0, 1, 2, 0): 0, (2, 0, 0, 1): 1}


@pytest.fixture
def clips(ragged):
    """Clips of five, three and one segment, with pseudo-labels; some cells are reviewed."""
    return with_review(linked(ragged), REVIEW)


@pytest.mark.parametrize("segments", [1, 7])
@pytest.mark.parametrize("categories", [1, 4])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_parses_clips_of_any_length_into_any_number_of_categories(variant, segments, categories):
    model = moved_link(categories=categories, **VARIANTS[variant])
    batch = clips_of(segments, categories)

    output = model(batch)

    assert output.segment.shape == output.logits.shape == (2, 2, segments, categories)
    assert output.video.shape == output.audio_video.shape == output.visual_video.shape == (2, categories)
    assert output.embeddings.shape == output.projected.shape == (2, 2, segments, 16)
    assert total(model.step(batch, 1).losses).isfinite()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_weight_and_every_scalar_of_every_variant_learns_from_the_first_step(make_batch, variant):
    model = small_link(visual=(4, 7), **VARIANTS[variant])

    total(model.step(linked(make_batch(visual=(4, 7))), 1).losses).backward()

    for name, parameter in model.named_parameters():
        if name == "mu" and variant == "mu fixed":
            assert parameter.grad is None
            continue
        # Before the last layers of PLSIM, which start at zero, nothing is known of what would help.
        waits = "plsim" in name and ".first." in name
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0 or waits or "attention.bias" in name, name


def test_the_first_layers_of_plsim_learn_as_soon_as_the_last_ones_have_moved(clips):
    model = moved_link()

    total(model.step(clips, 1).losses).backward()

    for modulation in model.plsim.sides:
        for side in (modulation.gain, modulation.shift):
            assert side.first.weight.grad.abs().sum() > 0


def test_from_alpha_0_beta_waits_for_alpha(clips):
    """Which is why both start at 1: from alpha = beta = 0 neither would ever move."""
    model = small_link(alpha_start=0.0)

    total(model.step(clips, 1).losses).backward()

    for one in "12":
        assert getattr(model.cmim, f"alpha{one}").grad != 0
        assert getattr(model.cmim, f"beta{one}").grad == 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_mixed_precision_changes_the_losses_little_and_leaves_them_float32(make_batch, variant):
    batch, model = linked(make_batch()), moved_link(**VARIANTS[variant])
    whole = model.step(batch, 1)

    with torch.autocast("cpu", torch.bfloat16):
        mixed = model.step(batch, 1)

    torch.testing.assert_close(mixed.losses, whole.losses, rtol=0.05, atol=0.02)
    assert all(loss.dtype == torch.float32 for loss in mixed.losses.values())
    for key in {"conditions", "overlap"} & {*whole.supervision}:
        assert torch.equal(mixed.supervision[key], whole.supervision[key])
    for key in {"pair_similarity", "pair_weight"} & {*whole.supervision}:
        assert mixed.supervision[key].dtype == torch.float32


@pytest.mark.parametrize("mode", [True, False], ids=["training", "parsing"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_changes_nothing(clips, padded, variant, mode):
    model = moved_link(**VARIANTS[variant]).train(mode)
    more = widened(padded(clips), clips)

    whole, found = model.step(clips, 1), model.step(more, 1)

    torch.testing.assert_close(found.losses, whole.losses)
    inside = clips.valid[:, None, :, None].expand(-1, 2, -1, 3)
    said, of_more = model(clips), model(more)
    torch.testing.assert_close(of_more.segment[:, :, :5][inside], said.segment[inside])
    torch.testing.assert_close(of_more.video, said.video)
    assert whole.supervision.keys() == found.supervision.keys()
    pairs = clips.valid[:, :, None] & clips.valid[:, None, :]
    for key in ("pair_similarity", "pair_weight", "overlap") if "overlap" in whole.supervision else ():
        values, of_padded = whole.supervision[key], found.supervision[key][:, :5, :5]
        torch.testing.assert_close(of_padded[pairs], values[pairs])


def test_what_stands_at_padding_moves_no_weight(clips):
    inside = clips.valid[..., None]
    junk = replace(
        clips,
        audio=torch.where(inside, clips.audio, 9),
        visual=(torch.where(inside, clips.visual[0], 9),),
        joint=tuple(torch.where(inside, rows, 9) for rows in clips.joint),
        pseudo_labels=torch.where(inside[:, None], clips.pseudo_labels, 1),
    )
    found = []
    for batch in (clips, junk):
        model = moved_link()
        total(model.step(batch, 1).losses).backward()
        found.append([parameter.grad for parameter in model.parameters()])

    torch.testing.assert_close(found[0], found[1])


def test_plsim_starts_as_the_identity(clips):
    model, without = small_link(), small_link(plsim=False)
    without.load_state_dict(model.state_dict(), strict=False)

    found, expected = model(clips), without(clips)

    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.video, expected.video)


def test_its_embeddings_are_those_of_han_which_plsim_has_not_touched(clips):
    model = moved_link()

    reading = model.read(clips, model.conditions(clips))

    assert torch.equal(reading.output.projected, model.projection(clips))
    assert torch.equal(reading.output.embeddings, model.attention(reading.fused, clips.absent))


def test_without_all_that_link_adds_it_is_valor(clips):
    """VALOR++: HAN with its own projection, trained on hard labels without weights and mixup."""
    link = small_link(**VARIANTS["base"])
    valor = small_uwav(replace(SMALL_UWAV, projection="han", reweight_scale="none", mix_alpha=0.0))
    valor.load_state_dict(link.state_dict(), strict=False)

    assert {*link.state_dict()} == {*valor.state_dict()} - {"segment_weights"}
    assert torch.equal(link(clips).logits, valor(clips).logits)
    assert link.step(clips, 1).losses == valor.step(clips, 1).losses
    assert link.step(clips, 1).supervision == {}


def test_what_it_makes_is_told_for_each_pair_segment_and_cell(clips):
    model = moved_link()

    made = model.step(clips, 1).supervision

    shapes = {key: tuple(values.shape) for key, values in made.items()}
    assert shapes == {
        "temporal_attention": (3, 2, 5),
        "conditions": (3, 2, 5, 3),
        "pair_similarity": (3, 5, 5),
        "pair_weight": (3, 5, 5),
        "overlap": (3, 5, 5),
    }
    assert not any(values.requires_grad for values in made.values())
    assert made["conditions"].dtype == torch.bool
    assert ((made["temporal_attention"] > 0) & (made["temporal_attention"] < 1)).all()
    again = model.supervision(clips)
    torch.testing.assert_close(again, made)


def test_clips_that_are_parsed_have_all_of_it_but_the_overlap(clips):
    model = moved_link().train()
    unlabelled = replace(clips, labels=torch.full_like(clips.labels, -1), pseudo_labels=None)

    made = model.supervision(unlabelled)

    assert {*made} == {"temporal_attention", "conditions", "pair_similarity", "pair_weight"}
    assert model.training


def test_supervision_is_made_without_dropout(clips):
    model = moved_link(dropout=0.5).train()
    before = torch.get_rng_state()

    first, second = model.supervision(clips), model.supervision(clips)

    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_names_the_same_losses_and_supervision_in_every_step(clips, variant):
    model, settings = small_link(**VARIANTS[variant]), VARIANTS[variant]
    step, silent = model.step(clips, 1), model.step(replace(clips, labels=-torch.ones(3, 3)), 2)

    assert step.losses.keys() == silent.losses.keys()
    assert step.supervision.keys() == silent.supervision.keys()
    assert ("temporal_attention" in step.supervision) is (settings.get("tsa", "both") in ("both", "temporal"))
    assert ("conditions" in step.supervision) is settings.get("plsim", True)
    assert ("overlap" in step.supervision) is (settings.get("similarity_weight", 1) > 0)


def test_the_scalars_are_those_that_there_are():
    start = {"alpha1": 1.0, "alpha2": 1.0, "beta1": 1.0, "beta2": 1.0, "mu": 0.0}

    assert small_link().scalars() == start
    assert small_link(cmim=False, mu_start=0.5).scalars() == {"mu": 0.5}
    assert "mu" not in small_link(pair_weighting="none").scalars()
    assert small_link(**VARIANTS["base"]).scalars() == {}


def test_mu_alone_is_left_alone_by_weight_decay():
    model = small_link()

    assert [parameter is model.mu for parameter in model.undecayed()] == [True]
    assert list(small_link(pair_weighting="none").undecayed()) == []


def test_the_weights_hold_all_that_parsing_needs(clips):
    model = moved_link().eval()
    torch.manual_seed(9)
    other = Link(SMALL_LINK, 6, (4,), 3, joint_widths=JOINT_WIDTHS).eval()  # never prepared

    other.load_state_dict(model.state_dict())

    assert {"audio_texts", "visual_texts", "thresholds", "scales"} < {*model.plsim.state_dict()}
    assert torch.equal(other(clips).segment, model(clips).segment)
    assert all(values.isfinite().all() for values in model.state_dict().values())


@pytest.mark.parametrize("lacking", ["texts", "thresholds", "scales"])
def test_labels_that_do_not_tell_what_they_were_made_by_are_refused(lacking):
    with pytest.raises(ConfigError, match=r"pseudo-label valor.*model.plsim = false"):
        small_link().prepare(replace(material(), **{lacking: None}))
    small_link(plsim=False).prepare(Material())


def test_features_in_the_space_of_texts_are_asked_for_by_name(make_batch):
    with pytest.raises(ConfigError, match=r"features.joint.*model.plsim = false"):
        Link(SMALL_LINK, 6, (4,), 3)
    with pytest.raises(ValueError, match=r"Batch\.joint"):
        small_link()(make_batch())
    without = replace(SMALL_LINK, plsim=False)
    assert Link(without, 6, (4,), 3)(make_batch()).video.isfinite().all()


@pytest.mark.parametrize("tsa", ["both", "temporal"])
def test_clips_that_are_too_long_for_the_attention_over_segments_are_refused(make_batch, tsa):
    batch = linked(make_batch(segments=9))

    with pytest.raises(ConfigError, match=r'8 segments, and these clips have 9.*tsa = "spatial" or "none"'):
        small_link(tsa=tsa)(batch)
    for other in ("spatial", "none"):
        assert small_link(tsa=other)(batch).video.isfinite().all()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"tsa": "all"}, "tsa is one of both, temporal, spatial, none"),
        ({"overlap": "dice"}, "overlap is one of iou, leap_code"),
        ({"width": 30, "heads": 8}, "must be a multiple of heads"),
        ({"tsa_kernel": 4}, "odd number, not 4"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        LinkConfig(**settings)


@pytest.mark.parametrize("state", [0, 1], ids=["absent", "present"])
def test_training_moves_a_reviewed_cell_towards_what_the_person_said(make_batch, state):
    batch = with_joint(taught(make_batch()))
    batch = replace(batch, pseudo_labels=torch.full_like(batch.pseudo_labels, 1.0 - state))
    cell = (0, 1, 2, 1)
    found = []
    for shown in (batch, with_review(batch, {cell: state})):
        model = small_link()
        optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(15):
            optimiser.zero_grad()
            total(model.step(shown, 1).losses).backward()
            optimiser.step()
        found.append(model.eval()(batch).segment[cell].item())

    unreviewed, trained = found
    assert trained > unreviewed + 0.05 if state else trained < unreviewed - 0.05
