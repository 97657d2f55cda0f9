"""What a generator is trained by: its losses by hand, and that padding and other clips change none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.models.small_generator import MIGRATING, SMALL, review, small_generator
from trainer.batch import Batch
from trainer.models.generator import joint_losses
from trainer.supervision import migrate_labels


def mean_of_cells(p, targets, known, valid, positive_weight) -> float:
    """The mean cost of (B, T, C) probabilities by loops; in a clip that has a category it counts more."""
    total, count = 0.0, 0
    for clip in range(len(p)):
        cells = [
            (t, c) for t in range(p.shape[1]) for c in range(p.shape[2]) if valid[clip, t] and known[clip, t, c]
        ]
        has = {c for t, c in cells if targets[clip, t, c] > 0}
        for t, c in cells:
            y = targets[clip, t, c]
            cost = -y * math.log(p[clip, t, c]) - (1 - y) * math.log(1 - p[clip, t, c])
            total += cost * (positive_weight if c in has else 1)
            count += 1
    return total / count


def double(tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


@pytest.mark.parametrize("uni_positive_weight", [1.0, 4.0])
def test_the_losses_are_those_of_eq_8_by_hand(dense, uni_positive_weight):
    weights = {"visual_dynamic_weight": 2.0, "audio_dynamic_weight": 0.5}
    config = replace(MIGRATING, uni_positive_weight=uni_positive_weight, **weights)
    model = small_generator(config)

    losses = model.step(dense, 1).losses

    output, static = model(dense), double(model.static(dense))
    truth, valid = dense.truth.numpy(), dense.valid.numpy()
    own, known = double(output.segment), truth >= 0

    def joint(dynamic: int) -> float:
        p = own[:, dynamic] * static[:, 1 - dynamic]
        return mean_of_cells(p, (truth > 0).astype(float), known, valid, 5.0)

    def uni(axis: int, features) -> float:
        labels = migrate_labels(features.numpy(), truth > 0, valid, threshold=0.3, scope="batch").labels
        return mean_of_cells(own[:, axis], labels, known, valid, uni_positive_weight)

    assert list(losses) == ["visual_audio", "audio_visual", "audio", "visual", "reviewed"]
    assert losses["visual_audio"].item() == pytest.approx(2 * joint(1), rel=1e-5)
    assert losses["audio_visual"].item() == pytest.approx(0.5 * joint(0), rel=1e-5)
    assert losses["audio"].item() == pytest.approx(0.05 * uni(0, dense.audio), rel=1e-5)
    assert losses["visual"].item() == pytest.approx(0.15 * uni(1, dense.visual[0]), rel=1e-5)
    assert losses["reviewed"] == 0


def test_the_symmetric_loss_is_that_of_uwav_by_hand(dense):
    model = small_generator(replace(SMALL, architecture="symmetric", audio_weight=0.0, visual_weight=0.0))

    step = model.step(dense, 1)

    truth = dense.truth.numpy()
    p = double(model(dense).segment).prod(axis=1)
    expected = mean_of_cells(p, (truth > 0).astype(float), truth >= 0, dense.valid.numpy(), 5.0)
    assert list(step.losses) == ["joint", "audio", "visual", "reviewed"]
    assert step.losses["joint"].item() == pytest.approx(expected, rel=1e-5)
    assert step.losses["audio"] == step.losses["visual"] == 0
    assert step.supervision == {}
    assert model.supervision(dense) == {}


def test_a_loss_of_weight_0_is_0_and_keeps_its_name(dense):
    nothing = replace(SMALL, audio_weight=0.0, visual_dynamic_weight=0.0)

    losses = small_generator(nothing).step(dense, 1).losses

    assert list(losses) == list(small_generator().step(dense, 1).losses)
    assert losses["audio"] == losses["visual_audio"] == 0
    assert losses["visual"] > 0
    assert losses["audio_visual"] > 0


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_probabilities_that_are_certain_cost_a_finite_number(dense, p):
    joint = torch.full((3, 2, 5, 3), p, requires_grad=True)

    losses = joint_losses(joint, dense, SMALL)
    losses.sum().backward()

    assert losses.isfinite().all()
    assert joint.grad.isfinite().all()


def test_where_truth_is_unknown_nothing_is_trained(dense):
    unknown = replace(dense, truth=torch.full_like(dense.truth, -1))
    step = small_generator(MIGRATING).step(unknown, 1)
    assert all(loss == 0 for loss in step.losses.values())
    assert not step.supervision["migrated"].any()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"architecture": "symmetric"},
        {"combine": "mean", "static_mode": "calibrated"},
        {"combine": "minimum", "migration_scope": "clip"},
        {"audio_weight": 0.0, "visual_weight": 0.0},
    ],
    ids=lambda settings: ", ".join(settings) or "defaults",
)
def test_every_weight_learns_from_the_losses(dense, settings):
    model = small_generator(replace(MIGRATING, **settings)).train()

    sum(model.step(dense, 1).losses.values()).backward()

    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    assert not any("texts" in name for name, _ in model.named_parameters())


@pytest.mark.parametrize(
    "settings",
    [{}, {"architecture": "symmetric"}, {"migration_scope": "clip"}, {"uni_positive_weight": 3.0}],
    ids=lambda settings: ", ".join(settings) or "defaults",
)
def test_padding_changes_neither_losses_nor_supervision(dense, wider, settings):
    model = small_generator(replace(MIGRATING, **settings))
    reviewed = review(dense, (0, 0, 1, 0, 1), (1, 1, 2, 2, 0))

    whole, found = (model.step(batch, 1) for batch in (reviewed, wider(reviewed)))

    torch.testing.assert_close(found.losses, whole.losses)
    inside = dense.valid[:, None, :, None].expand(3, 2, 5, 3)
    for name in ("migrated", "migrated_count", "migrated_similarity"):
        torch.testing.assert_close(found.supervision[name][:, :, :5][inside], whole.supervision[name][inside])
        assert not found.supervision[name][:, :, 5:].any()
    assert (found.supervision["migrated_from"][:, :, 5:] == -1).all()
    places = found.supervision["migrated_from"][:, :, :5]
    unpadded = torch.where(places >= 0, places // 8 * 5 + places % 8, places)
    assert torch.equal(unpadded[inside], whole.supervision["migrated_from"][inside])


def test_with_the_clip_scope_a_batch_costs_what_its_clips_cost_alone(dense):
    model = small_generator(replace(MIGRATING, migration_scope="clip"))

    together = model.step(dense, 1).losses

    totals, counts = dict.fromkeys(together, 0.0), 0
    for clip, length in enumerate(dense.valid.sum(dim=1)):
        alone = Batch(
            audio=dense.audio[clip, None, :length],
            visual=(dense.visual[0][clip, None, :length],),
            valid=dense.valid[clip, None, :length],
            labels=dense.labels[clip, None],
            reviewed=dense.reviewed[clip, None, :, :length],
            index=torch.arange(1),
            truth=dense.truth[clip, None, :length],
        )
        cells = int((alone.truth >= 0).sum())
        counts += cells
        for name, loss in model.step(alone, 1).losses.items():
            totals[name] += loss.item() * cells
    for name, loss in together.items():
        assert loss.item() == pytest.approx(totals[name] / counts, rel=1e-5), name


@pytest.mark.parametrize("architecture", ["asymmetric", "symmetric"])
@pytest.mark.parametrize("state", [0, 1], ids=["absent", "present"])
def test_training_moves_a_reviewed_cell_towards_what_the_person_said(dense, state, architecture):
    opposite = replace(dense, truth=torch.full_like(dense.truth, 1 - state))
    cell, found = (0, 1, 2, 1), []  # clip, modality, segment, category
    for batch in (opposite, review(opposite, (*cell, state))):
        model = small_generator(replace(SMALL, layers=1, architecture=architecture)).train()
        optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(15):
            optimiser.zero_grad()
            sum(model.step(batch, 1).losses.values()).backward()
            optimiser.step()
        found.append(model(batch).segment[cell].item())

    unreviewed, trained = found
    assert trained > unreviewed + 0.05 if state else trained < unreviewed - 0.05
