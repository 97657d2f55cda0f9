"""Losses on pseudo-labels, against loops, and what is left out of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_soft import (
    SMALL_UWAV,
    small_ear,
    small_uwav,
    taught,
    total,
    with_review,
    without_labels,
)
from trainer.batch import Material
from trainer.models.reviewed import reviewed_loss
from trainer.models.soft_labels import partners, segment_losses, segment_targets


def bce(logit: float, target: float) -> float:
    p = 1 / (1 + math.exp(-logit))
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def cells(batch):
    return itertools.product(*map(range, batch.pseudo_labels.shape))


def expected_segment_losses(logits, batch, weights) -> list[float]:
    """L_w as a loop over the cells of clips whose video-level labels are known: (S-22)."""
    losses = []
    for modality in range(2):
        costs = []
        for cell in cells(batch):
            b, m, t, c = cell
            state, label = batch.reviewed[cell].item(), batch.pseudo_labels[cell].item()
            if m != modality or not batch.valid[b, t] or (label == -1 and state == -1):
                continue
            target = label if state == -1 else state
            weight = weights[0 if batch.video_targets[b, c] == 1 else 1][modality]
            costs.append(weight * bce(logits[cell].item(), target))
        losses.append(sum(costs) / len(costs) if costs else 0.0)
    return losses


@pytest.fixture
def clips(ragged):
    """Clips of five, three and one segment; some cells are reviewed, and the second has no pseudo-labels."""
    batch = without_labels(taught(ragged), 1)
    return with_review(batch, {(0, 0, 2, 2): 1, (0, 1, 1, 0): 0, (1, 1, 0, 1): 1, (1, 0, 2, 0): 0})


def test_segments_are_weighted_by_the_video_level_label_as_in_a_loop_over_the_cells(clips):
    logits = torch.randn(3, 2, 5, 3, generator=torch.Generator().manual_seed(7))
    weights = [[3.0, 5.0], [0.25, 0.75]]

    found = segment_losses(logits, segment_targets(clips), torch.tensor(weights))

    torch.testing.assert_close(found, torch.tensor(expected_segment_losses(logits, clips, weights)))


def test_a_step_has_five_terms_and_the_reviewed_cells_and_nothing_to_log_beside_them(clips):
    step = small_uwav().step(clips, 1)

    names = ("audio_segments", "visual_segments", "audio_mix", "visual_mix", "video", "reviewed")
    assert tuple(step.losses) == names
    assert step.supervision == {}
    assert all(loss.isfinite() and loss > 0 for loss in step.losses.values())


def test_the_losses_of_a_step_are_those_of_its_output(clips):
    of_losses = {"segment_weight": 2.0, "video_weight": 3.0, "mix_weight": 4.0, "reviewed_weight": 6.0}
    model = small_uwav(replace(SMALL_UWAV, pos_share=0.25, **of_losses))
    model.prepare(Material(label_rates=torch.tensor([[0.5, 0.25, 0.0], [0.25, 0.0, 0.25]])))
    output, classified = model.read(clips)
    torch.manual_seed(2)

    losses = model.step(clips, 1).losses

    weights = [[0.25 * 2.25, 0.25 * 2.5], [0.75, 0.5]]
    expected = expected_segment_losses(output.logits, clips, weights)
    assert losses["audio_segments"].item() == pytest.approx(2 * expected[0], rel=1e-5)
    assert losses["visual_segments"].item() == pytest.approx(2 * expected[1], rel=1e-5)
    y = clips.video_targets
    video = [
        bce(math.log(p / (1 - p)), y[b, c].item())
        for b in range(3)
        for c in range(3)
        for p in [output.video[b, c].item()]
    ]
    assert losses["video"].item() == pytest.approx(3 * sum(video) / 9, rel=1e-5)
    torch.manual_seed(2)
    mixed = 4 * model.mix_losses(classified, segment_targets(clips))
    torch.testing.assert_close(torch.stack([losses["audio_mix"], losses["visual_mix"]]), mixed)
    torch.testing.assert_close(losses["reviewed"], 6 * reviewed_loss(output, clips, balance=3.0))


@pytest.mark.parametrize(
    ("scale", "present", "absent"), [("code", 11.8825, 1.235), ("paper", 0.4753, 0.0494), ("none", 1.0, 1.0)]
)
def test_class_weights_are_those_of_llp_like_rates_and_are_kept_with_the_weights(scale, present, absent):
    rates = torch.full((2, 25), 1.235 / 25)
    config = replace(SMALL_UWAV, reweight_scale=scale)
    model = small_uwav(config, categories=25)

    model.prepare(Material(label_rates=rates))

    expected = torch.tensor([[present] * 2, [absent] * 2])
    torch.testing.assert_close(model.segment_weights, expected, rtol=1e-4, atol=1e-4)
    again = small_uwav(config, categories=25)
    again.load_state_dict(model.state_dict())
    assert torch.equal(again.segment_weights, model.segment_weights)


def test_weights_without_rates_are_refused_unless_none_are_asked_for():
    with pytest.raises(ValueError, match='reweight_scale = "code" needs the rates'):
        small_uwav().prepare(Material())
    small_uwav(replace(SMALL_UWAV, reweight_scale="none")).prepare(Material())


def test_a_batch_without_pseudo_labels_is_refused(ragged):
    with pytest.raises(ValueError, match="trains on pseudo-labels"):
        small_uwav().step(ragged, 1)


def mixed_by_hand(model, classified, batch, seed) -> list[float]:
    """L_mix as loops, drawing in the same order: of each modality first the partners, then the share."""
    torch.manual_seed(seed)
    labels = segment_targets(batch)
    clips, _, segments, categories = labels.labels.shape
    losses = []
    for m in range(2):
        places = [(b, t) for b in range(clips) for t in range(segments)]
        keys = torch.rand(len(places))
        known = [p for p in range(len(places)) if labels.known[places[p][0], m, places[p][1]].any()]
        order = sorted(known, key=lambda p: keys[p].item())
        share = torch.distributions.Beta(1.7, 1.7).sample().item()
        costs = []
        for i, j in zip(known, order, strict=True):
            (b, t), (other, u) = places[i], places[j]
            x = share * classified[b, m, t] + (1 - share) * classified[other, m, u]
            logits = model.pooling.classifier(x)
            for c in range(categories):
                if labels.known[b, m, t, c] and labels.known[other, m, u, c]:
                    target = share * labels.labels[b, m, t, c] + (1 - share) * labels.labels[other, m, u, c]
                    costs.append(bce(logits[c].item(), target.item()))
        losses.append(sum(costs) / len(costs))
    return losses


@pytest.mark.parametrize("make", [small_uwav, small_ear])
def test_mixup_mixes_known_segments_and_their_labels_as_in_a_loop(clips, make):
    model = make().eval()
    _, classified = model.read(clips)
    torch.manual_seed(11)

    found = model.mix_losses(classified, segment_targets(clips))

    expected = torch.tensor(mixed_by_hand(model, classified, clips, seed=11))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_mixup_draws_the_same_after_the_same_seed_and_others_after_another(clips):
    model = small_uwav()
    found = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        found.append(total(model.step(clips, 1).losses).item())

    assert found[0] == found[1] != found[2]


def test_without_mixup_there_is_no_such_loss_and_nothing_is_drawn(clips):
    model = small_uwav(replace(SMALL_UWAV, mix_alpha=0.0))
    before = torch.get_rng_state()

    losses = model.step(clips, 1).losses

    assert tuple(losses) == ("audio_segments", "visual_segments", "video", "reviewed")
    assert torch.equal(before, torch.get_rng_state())


def test_partners_are_a_permutation_of_the_known_rows_and_all_are_drawn():
    known = torch.tensor([False, True, True, False, True])
    torch.manual_seed(0)

    drawn = {tuple(partners(known)[known].tolist()) for _ in range(200)}

    assert drawn == set(itertools.permutations([1, 2, 4]))
    assert len(partners(torch.zeros(3, dtype=torch.bool))) == 3


def test_a_reviewed_cell_overrides_its_pseudo_label_and_an_unreviewed_one_stays(ragged):
    batch = taught(ragged)

    targets = segment_targets(with_review(batch, {(0, 0, 1, 2): 1, (0, 1, 1, 2): 0}))

    assert targets.labels[0, :, 1, 2].tolist() == [1, 0]
    changed = targets.labels != segment_targets(batch).labels
    assert changed.sum() == 2


def test_clips_without_pseudo_labels_teach_their_segments_only_what_was_reviewed(ragged):
    batch = taught(ragged)
    batch = replace(batch, pseudo_labels=torch.full_like(batch.pseudo_labels, -1))
    model = small_uwav()

    losses = model.step(batch, 1).losses
    assert all(losses[name] == 0 for name in losses if name != "video")
    reviewed = with_review(batch, {(0, 0, 1, 2): 1})
    assert segment_targets(reviewed).known.nonzero().tolist() == [[0, 0, 1, 2]]
    losses = model.step(reviewed, 1).losses
    assert losses["audio_segments"] > 0
    assert losses["visual_segments"] == losses["visual_mix"] == 0


def test_of_a_clip_without_video_level_labels_the_pseudo_labels_say_what_is_present(ragged):
    batch = taught(ragged)
    pseudo = batch.pseudo_labels.clone()
    pseudo[1] = 0.25
    pseudo[1, 1, 2, 0] = 0.75  # the one segment that says so
    pseudo[1, 0, 4, 2] = 0.75  # padding
    labels = batch.labels.clone()
    labels[1] = -1
    batch = replace(batch, pseudo_labels=pseudo, labels=labels)

    targets = segment_targets(batch)

    assert targets.present[1].tolist() == [True, False, False]
    assert torch.equal(targets.present[[0, 2]], batch.labels[[0, 2]] > 0)
    assert targets.known[1, :, :3].all()


def test_nothing_that_is_known_of_no_clip_is_nothing_to_learn(ragged):
    batch = taught(ragged)
    unknown = torch.full_like
    batch = replace(batch, pseudo_labels=unknown(batch.pseudo_labels, -1), labels=unknown(batch.labels, -1))
    model = small_uwav()

    loss = total(model.step(batch, 1).losses)
    loss.backward()

    assert loss == 0
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
