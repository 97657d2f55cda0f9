"""The labels that a generator migrates, and what a person changes of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_generator import MIGRATING, SMALL, review, small_generator, told
from trainer.batch import Batch
from trainer.models.generator import joint_losses, uni_losses
from trainer.supervision import migrate_labels


@pytest.mark.parametrize("scope", ["batch", "clip"])
def test_migrated_labels_are_those_of_the_rule_from_each_modality_s_own_features(dense, scope):
    model = small_generator(replace(MIGRATING, tau_visual=0.5, migration_scope=scope))

    made = model.step(dense, 1).supervision

    assert made.keys() == model.supervision(dense).keys()
    for axis, (features, tau) in enumerate(((dense.audio, 0.3), (dense.visual[0], 0.5))):
        expected = migrate_labels(features, dense.truth == 1, dense.valid, threshold=tau, scope=scope)
        assert torch.equal(made["migrated"][:, axis], expected.labels * dense.valid[..., None])
        assert torch.equal(made["migrated_count"][:, axis], expected.count)
        assert torch.equal(made["migrated_from"][:, axis], expected.source)
        assert torch.equal(made["migrated_similarity"][:, axis], expected.similarity)
    assert ((made["migrated"] > 0) & (made["migrated"] < 1)).any()
    assert not any(values.requires_grad for values in made.values())


def test_mixed_precision_leaves_migrated_labels_and_static_probabilities_as_they_are(dense):
    """Cosines near a threshold, and those that exp(kappa) multiplies, would mean little in bfloat16."""
    model = small_generator(MIGRATING)
    with torch.autocast("cpu", torch.bfloat16):
        mixed, static = model.step(dense, 1), model.static(dense)
    for name, values in model.migrate(dense).items():
        assert torch.equal(mixed.supervision[name], values)
    assert torch.equal(static, model.static(dense))
    assert all(loss.dtype == torch.float32 for loss in mixed.losses.values())


def still(batch: Batch) -> Batch:
    """Every segment of the batch looks and sounds alike, and no category is anywhere but 0 in the first."""
    truth = torch.zeros_like(batch.truth)
    truth[0, 0, 0] = 1
    alike = torch.ones_like
    return replace(batch, audio=alike(batch.audio), visual=(alike(batch.visual[0]),), truth=truth)


def test_a_person_overrides_migrated_labels(dense):
    batch = review(still(dense), (0, 0, 2, 0, 0), (0, 1, 2, 1, 1))

    made = small_generator().supervision(batch)

    assert made["migrated"][0, 0, :, 0].tolist() == [1, 1, 0, 1, 1]
    assert made["migrated_from"][0, 0, :, 0].tolist() == [-1, 0, -1, 0, 0]
    assert made["migrated_count"][0, 0, :, 0].tolist() == [0, 1, 0, 1, 1]
    assert made["migrated_similarity"][0, 0, :, 0].tolist() == pytest.approx([0, 1, 0, 1, 1])
    assert made["migrated"][0, 1, :, 0].tolist() == [1, 1, 1, 1, 1]
    assert made["migrated"][0, 1, :, 1].tolist() == [0, 0, 1, 0, 0]


def test_what_a_person_found_in_both_modalities_migrates_and_what_is_in_one_alone_no_longer_does(dense):
    both = review(still(dense), (0, 0, 3, 2, 1), (0, 1, 3, 2, 1))
    assert (small_generator().supervision(both)["migrated"][0, :, :, 2] == 1).all()

    unheard = review(still(dense), (0, 0, 0, 0, 0))
    made = small_generator().supervision(unheard)["migrated"]

    assert not made[0, 0, :, 0].any()
    assert made[0, 1, :, 0].tolist() == [1, 0, 0, 0, 0]


def test_unknown_truth_gives_no_label_and_is_trained_only_where_a_person_spoke(dense):
    batch = told(still(dense), (0, 0, 0, -1), (1, 1, 1, -1))
    model = small_generator()
    assert not model.supervision(batch)["migrated"].any()

    present, absent = (review(batch, (1, 0, 1, 1, state)) for state in (1, 0))

    before, heard, unheard = (model.step(x, 1).losses for x in (batch, present, absent))
    assert heard["audio"] > before["audio"] != unheard["audio"]
    for name in ("visual", "visual_audio", "audio_visual"):
        torch.testing.assert_close(heard[name], before[name])
    torch.testing.assert_close(unheard["visual"], before["visual"])


@pytest.mark.parametrize("state", [1, -1])
def test_a_category_said_to_be_in_one_modality_alone_is_not_pushed_out_of_it(dense, state):
    """The truth says both, or a person that it is seen; a person hears nothing: that it is not both is no news
    of what is seen."""
    batch = told(still(dense), (0, 0, 0, state))
    batch = review(batch, (0, 0, 0, 0, 0), *([(0, 1, 0, 0, 1)] if state != 1 else []))
    model = small_generator()
    output = model(batch)
    logits = output.logits.detach().requires_grad_()
    output = replace(output, logits=logits, segment=logits.sigmoid())

    joint = joint_losses(model.joint(output, batch), batch, SMALL)
    uni = uni_losses(output, batch, model.migrate(batch)["migrated"], SMALL)

    for losses, is_pulled in ((joint, False), (uni, True)):
        logits.grad = None
        losses.sum().backward(retain_graph=True)
        heard, seen = logits.grad[0, :, 0, 0]
        assert heard > 0
        assert seen < 0 if is_pulled else seen == 0
