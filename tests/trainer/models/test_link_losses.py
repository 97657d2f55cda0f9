"""LINK's losses, against loops over cells and pairs, and a person's corrections in each of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from tests.trainer.models.small_link import linked, moved_link, small_link
from tests.trainer.models.small_soft import total, with_review, without_labels
from trainer.models.link import clip_labels, label_losses, segment_losses
from trainer.models.reviewed import reviewed_loss
from trainer.models.soft_labels import segment_targets, video_loss

REVIEW = {(0, 0, 2, 2): 1, (0, 1, 1, 0): 0, (1, 1, 0, 1): 1, (1, 0, 2, 0): 0}
PAIRS = ("pair_similarity", "pair_weight", "overlap")


@pytest.fixture
def clips(ragged):
    """Clips of five, three and one segment; some cells are reviewed, and the second has no pseudo-labels."""
    return with_review(without_labels(linked(ragged), 1), REVIEW)


def bce(p: float, target: float) -> float:
    return -target * math.log(p) - (1 - target) * math.log(1 - p)


def label_of(batch, cell) -> float | None:
    """The label of a cell: a person's, or the pseudo-label; None where there is neither."""
    state, label = batch.reviewed[cell].item(), batch.pseudo_labels[cell].item()
    return state if state != -1 else None if label == -1 else label


def length(batch, b) -> int:
    return int(batch.valid[b].sum())


def mean(costs) -> float:
    return sum(costs) / len(costs)


@pytest.mark.parametrize("reduction", ["mean", "sum_t"])
def test_segments_are_trained_towards_their_labels_by_a_mean_or_a_sum_over_time(clips, reduction):
    model = moved_link()
    output, expected = model(clips), []
    for m in range(2):
        costs = {}
        for b in range(3):
            for t in range(length(clips, b)):
                for c in range(3):
                    if (label := label_of(clips, (b, m, t, c))) is not None:
                        cost = bce(output.segment[b, m, t, c].item(), label)
                        costs.setdefault((b, c), []).append(cost)
        every = [cost for of in costs.values() for cost in of]
        expected.append(mean(every) if reduction == "mean" else mean([sum(of) for of in costs.values()]))

    found = segment_losses(output, segment_targets(clips), reduction)

    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-5)


def clip_label(batch, b, m, c) -> float | None:
    """Y of a clip, modality and category; None where it is unknown."""
    labels = [label_of(batch, (b, m, t, c)) for t in range(length(batch, b))]
    if 1 in labels:
        return 1.0
    return None if None in labels else max(labels)


def test_a_modality_is_trained_towards_what_its_labels_say_of_the_clip(clips):
    model = moved_link()
    output, targets = model(clips), segment_targets(clips)
    labels, known = clip_labels(targets, clips)
    said = (output.audio_video, output.visual_video)
    for m, name in enumerate(("audio_labels", "visual_labels")):
        costs = []
        for b in range(3):
            for c in range(3):
                y = clip_label(clips, b, m, c)
                assert known[b, m, c] == (y is not None)
                if y is not None:
                    assert labels[b, m, c] == y
                    costs.append(bce(said[m][b, c].item(), y))

        found = label_losses(output, targets, clips, "modality")[name]

        assert found.item() == pytest.approx(mean(costs), rel=1e-4)
    assert known.sum() == 2 * 2 * 3 + 1  # of the second clip, the one cell that was reviewed present


def test_or_the_clip_is_trained_towards_what_both_modalities_say(clips):
    output, targets, costs = moved_link()(clips), segment_targets(clips), []
    for b in range(3):
        for c in range(3):
            said = [clip_label(clips, b, m, c) for m in range(2)]
            if 1 in said or None not in said:
                costs.append(bce(output.video[b, c].item(), 1.0 if 1 in said else max(said)))

    found = label_losses(output, targets, clips, "union")

    assert {*found} == {"labels"}
    assert found["labels"].item() == pytest.approx(mean(costs), rel=1e-4)
    step = small_link(label_loss="union").step(clips, 1)
    assert [name for name in step.losses if "labels" in name] == ["labels"]


def events(batch, b, m, t) -> set[int] | None:
    labels = [label_of(batch, (b, m, t, c)) for c in range(3)]
    return None if None in labels else {c for c, label in enumerate(labels) if label > 0.5}


def overlap_by_hand(batch, b, i, j, variant) -> float | None:
    heard, seen = events(batch, b, 0, i), events(batch, b, 1, j)
    if heard is None or seen is None:
        return None
    if variant == "iou":
        return len(heard & seen) / len(heard | seen) if heard | seen else 0.0
    sides = [events(batch, b, m, t) or set() for m in range(2) for t in range(length(batch, b))]
    share = len(heard & seen) / max(1, *map(len, sides))
    return share / (1 + share) + 0.01


def weight_by_hand(s, mu) -> float:
    largest = math.exp(abs(1 - mu))
    if s <= -0.2:
        return 1.0
    return largest if s < 0 else largest + (1 - largest) * s


@pytest.mark.parametrize("on", ["fused", "attended"])
@pytest.mark.parametrize("overlap", ["iou", "leap_code"])
@pytest.mark.parametrize("weighting", ["pair", "clip", "none"])
def test_pairs_of_segments_are_made_as_similar_as_their_events_overlap(clips, weighting, overlap, on):
    settings = {"similarity_on": on, "overlap": overlap, "pair_weighting": weighting}
    model = moved_link(mu_start=0.25, similarity_weight=2.0, **settings)
    reading = model.read(clips, model.conditions(clips))
    x = reading.fused if on == "fused" else reading.output.embeddings
    step, costs = model.step(clips, 1), []
    for b in range(3):
        places = range(length(clips, b))
        s = {
            (i, j): torch.cosine_similarity(x[b, 0, i], x[b, 1, j], dim=0).item()
            for i in places
            for j in places
        }
        for (i, j), similarity in s.items():
            alike = mean([s[t, t] for t in places]) if weighting == "clip" else similarity
            weight = 1.0 if weighting == "none" else weight_by_hand(alike, 0.25)
            r = overlap_by_hand(clips, b, i, j, overlap)
            made = {key: step.supervision[key][b, i, j].item() for key in PAIRS}
            assert made["pair_similarity"] == pytest.approx(similarity, abs=1e-5)
            assert made["pair_weight"] == pytest.approx(weight, rel=1e-4)
            assert made["overlap"] == pytest.approx(-1 if r is None else r, abs=1e-6)
            if r is not None:
                predicted = max(0.0, similarity) if overlap == "leap_code" else similarity
                costs.append(weight * (predicted - r) ** 2)

    assert len(costs) == 25 + 1  # the second clip has no labels
    assert step.losses["similarity"].item() == pytest.approx(2 * mean(costs), rel=1e-4)


def test_the_weight_of_a_pair_trains_mu_and_no_feature(clips):
    model = moved_link()
    reading = model.read(clips, model.conditions(clips))

    weight = model.pairs(reading, clips).weight
    gradients = torch.autograd.grad(weight.sum(), [model.mu, reading.fused], allow_unused=True)

    assert gradients[0] != 0
    assert gradients[1] is None


def test_the_losses_of_a_step_are_named_and_weighted(clips):
    weights = {"segment_weight": 2.0, "video_weight": 3.0, "label_weight": 4.0, "reviewed_weight": 6.0}
    model = moved_link(**weights)
    output, targets = model.read(clips, model.conditions(clips)).output, segment_targets(clips)

    losses = model.step(clips, 1).losses

    names = [
        "audio_segments",
        "visual_segments",
        "video",
        "audio_labels",
        "visual_labels",
        "similarity",
        "reviewed",
    ]
    assert list(losses) == names
    segments = 2 * segment_losses(output, targets, "mean")
    torch.testing.assert_close(torch.stack([losses["audio_segments"], losses["visual_segments"]]), segments)
    torch.testing.assert_close(losses["video"], 3 * video_loss(output, clips))
    labels = label_losses(output, targets, clips, "modality")
    torch.testing.assert_close(losses["audio_labels"], 4 * labels["audio_labels"])
    torch.testing.assert_close(losses["reviewed"], 6 * reviewed_loss(output, clips, balance=3.0))


def test_a_loss_of_weight_0_is_not_there(clips):
    losses = small_link(label_weight=0.0, similarity_weight=0.0).step(clips, 1).losses

    assert list(losses) == ["audio_segments", "visual_segments", "video", "reviewed"]


def test_reviewed_cells_override_pseudo_labels_in_the_segments_the_clip_and_the_overlap(ragged):
    batch = linked(ragged)
    batch = replace(batch, pseudo_labels=torch.zeros_like(batch.pseudo_labels))
    batch.pseudo_labels[:, :, :, 0] = 1.0
    model = small_link()
    before = model.step(batch, 1)
    heard = {(0, 0, t, 0): 0 for t in range(5)}  # category 0 is not heard at all,
    seen = {(0, 1, 3, 2): 1}  # and category 2 is seen once
    reviewed = with_review(batch, heard | seen)

    targets = segment_targets(reviewed)
    after = model.step(reviewed, 1)

    assert targets.labels[0, 0].sum() == 0
    assert targets.labels[0, 1, 3].tolist() == [1, 0, 1]
    labels, known = clip_labels(targets, reviewed)
    assert labels[0].tolist() == [[0, 0, 0], [1, 0, 1]]
    assert known.all()
    assert (before.supervision["overlap"][0] == 1).all()
    assert (after.supervision["overlap"][0] == 0).all()
    assert torch.equal(after.supervision["overlap"][2], before.supervision["overlap"][2])
    assert after.supervision["conditions"][0, 1, 3, 2]
    assert not after.supervision["conditions"][0, 0, :, 0].any()
    for name in ("audio_segments", "visual_segments", "audio_labels", "similarity"):
        assert after.losses[name] != before.losses[name]


def test_clips_without_pseudo_labels_teach_only_what_was_reviewed_in_them(ragged):
    batch = linked(ragged)
    batch = replace(batch, pseudo_labels=torch.full_like(batch.pseudo_labels, -1))
    model = small_link()

    losses = model.step(batch, 1).losses
    assert all(loss == 0 for name, loss in losses.items() if name != "video")
    losses = model.step(with_review(batch, {(0, 0, 1, 2): 1}), 1).losses
    assert losses["audio_segments"] > 0
    assert losses["audio_labels"] > 0
    assert losses["visual_segments"] == losses["visual_labels"] == losses["similarity"] == 0
    # a segment that a person reviewed whole has events again
    whole = {(0, m, t, c): 1 for m, t in ((0, 1), (1, 4)) for c in range(3)}
    step = model.step(with_review(batch, whole), 1)
    assert (step.supervision["overlap"][0] == 1).nonzero().tolist() == [[1, 4]]
    assert step.losses["similarity"] > 0


@pytest.mark.parametrize("settings", [{}, {"label_loss": "union"}, {"pair_weighting": "clip"}])
def test_nothing_that_is_known_of_no_clip_is_nothing_to_learn(ragged, settings):
    batch = linked(ragged)
    unknown = torch.full_like
    batch = replace(batch, pseudo_labels=unknown(batch.pseudo_labels, -1), labels=unknown(batch.labels, -1))
    model = small_link(**settings)

    loss = total(model.step(batch, 1).losses)
    loss.backward()

    assert loss == 0
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_a_batch_without_pseudo_labels_is_refused(ragged):
    with pytest.raises(ValueError, match="trains on pseudo-labels"):
        small_link().step(replace(linked(ragged), pseudo_labels=None), 1)


def test_training_alone_takes_mu_towards_1(clips):
    """mu is degenerate: it finds no balance, only the end of the weighting."""
    model = small_link()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    found = [model.mu.item()]
    for _ in range(30):
        optimiser.zero_grad()
        total(model.step(clips, 1).losses).backward()
        optimiser.step()
        found.append(model.mu.item())

    assert found[0] == 0
    assert abs(1 - found[-1]) < 0.1
    fixed = small_link(mu_trainable=False)
    total(fixed.step(clips, 1).losses).backward()
    assert fixed.mu.grad is None
    assert fixed.scalars()["mu"] == 0
