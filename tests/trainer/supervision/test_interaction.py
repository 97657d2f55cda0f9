"""LINK's and LEAP's rules of pairs of segments: the overlap of their events, similarity, and weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.trainer.supervision.arrays import check, plain
from trainer import supervision as rules

HEARD = [[1, 1, 1], [0, 0, 0], [0, 1, 0]]
SEEN = [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
SIMILARITIES = [-0.5, -0.2, -0.1, 0, 0.25, 0.5, 1]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("iou", [[2 / 3, 0, 1 / 3], [0, 0, 0], [1 / 2, 0, 0]]),
        ("leap_code", [[0.41, 0.01, 0.26], [0.01, 0.01, 0.01], [0.26, 0.01, 0.01]]),
    ],
)
def test_the_overlap_of_events_is_that_of_the_worked_example(make, variant, expected):
    found = rules.event_overlap(make(HEARD), make(SEEN), variant=variant)

    assert isinstance(found, make.kind)
    assert plain(found).dtype == np.float32
    np.testing.assert_allclose(plain(found), expected, atol=1e-6)


def slow_overlap(heard, seen, valid, variant):
    """One clip, by sets."""
    segments = range(len(valid))
    events = [
        [{c for c, label in enumerate(row) if label > 0.5} if valid[t] else set() for t, row in enumerate(side)]
        for side in (heard, seen)
    ]
    most = max(1, *(len(found) for side in events for found in side))
    made = np.zeros((len(valid), len(valid)), np.float32)
    for i in segments:
        for j in segments:
            if not (valid[i] and valid[j]):
                continue
            if -1 in heard[i] or -1 in seen[j]:
                made[i, j] = -1
                continue
            both, either = events[0][i] & events[1][j], events[0][i] | events[1][j]
            if variant == "iou":
                made[i, j] = len(both) / len(either) if either else 0
            else:
                share = len(both) / most
                made[i, j] = share / (1 + share) + 0.01
    return made


@pytest.mark.parametrize("variant", ["iou", "leap_code"])
@pytest.mark.parametrize("seed", range(4))
def test_overlaps_are_those_of_sets_of_categories_clip_by_clip(make, seed, variant):
    random = np.random.default_rng(seed)
    labels = random.choice([0, 0.25, 0.5, 0.75, 1], size=(2, 3, 6, 4)).astype(np.float32)
    labels[0, 1, 2, 3] = labels[1, 2, 0, 0] = -1
    valid = np.arange(6) < np.array([[6], [4], [1]])

    found = rules.event_overlap(make(labels[0]), make(labels[1]), make(valid, bool), variant=variant)

    expected = [slow_overlap(*sides, inside, variant) for *sides, inside in zip(*labels, valid, strict=True)]
    np.testing.assert_allclose(plain(found), expected, atol=1e-6)


def test_what_happens_at_padding_does_not_count_as_the_most_events_of_a_clip(make):
    labels = make([[1, 0, 0], [1, 1, 1]])

    found = rules.event_overlap(labels, labels, make([True, False], bool), variant="leap_code")

    np.testing.assert_allclose(plain(found), [[0.51, 0], [0, 0]], atol=1e-6)


def test_another_overlap_is_refused(make):
    with pytest.raises(ValueError, match="iou or leap_code, not 'dice'"):
        rules.event_overlap(make(HEARD), make(SEEN), variant="dice")


def test_similarity_is_the_cosine_of_every_pair(make):
    random = np.random.default_rng(0)
    audio, visual = random.normal(size=(2, 3, 5, 4)).astype(np.float32)
    audio[1, 2] = 0

    found = plain(rules.pair_similarity(make(audio), make(visual)))

    for clip, i, j in np.ndindex(3, 5, 5):
        a, v = audio[clip, i], visual[clip, j]
        length = np.linalg.norm(a) * np.linalg.norm(v)
        assert found[clip, i, j] == pytest.approx(a @ v / length if length else 0, abs=1e-6)


def test_similarity_with_a_zero_vector_has_a_finite_gradient():
    audio = torch.zeros(1, 2, 3, requires_grad=True)

    rules.pair_similarity(audio, torch.ones(1, 2, 3)).sum().backward()

    assert audio.grad.isfinite().all()


@pytest.mark.parametrize(
    ("mu", "expected"),
    [
        (0.0, [1, 1, 2.7183, 2.7183, 2.2887, 1.8591, 1]),
        (0.5, [1, 1, 1.6487, 1.6487, 1.4865, 1.3244, 1]),
        (1.0, [1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_the_weights_of_pairs_are_those_of_the_worked_example(make, mu, expected):
    found = rules.pair_weights(make(SIMILARITIES), mu)

    assert isinstance(found, make.kind)
    assert plain(found).dtype == np.float32
    np.testing.assert_allclose(plain(found), expected, atol=5e-5)


def test_a_mu_on_the_other_side_of_1_weighs_the_same(make):
    similarity = make(SIMILARITIES)

    check(make, rules.pair_weights(similarity, 1.75), plain(rules.pair_weights(similarity, 0.25)))


@pytest.mark.parametrize(("s", "slope"), [(-0.5, 0.0), (-0.1, -1.0), (0.25, -0.75), (1.0, 0.0)])
def test_mu_has_the_gradient_of_its_formula_and_no_weight_is_below_1(s, slope):
    mu = torch.tensor(0.0, requires_grad=True)

    weight = rules.pair_weights(torch.tensor([s]), mu)
    weight.sum().backward()

    assert weight >= 1
    assert mu.grad.item() == pytest.approx(slope * math.e)


@pytest.mark.parametrize("start", [0.0, 0.6, 2.5])
def test_descent_on_any_loss_takes_mu_to_1_where_all_weights_are_1(start):
    """The weights grow with the distance of mu from 1, and what they multiply is positive."""
    random = torch.Generator().manual_seed(1)
    similarity, error = 2 * torch.rand(200, generator=random) - 1, torch.rand(200, generator=random)
    mu = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.SGD([mu], lr=0.02)
    distances = []
    for _ in range(300):
        distances.append(abs(1 - mu.item()))
        optimiser.zero_grad()
        (rules.pair_weights(similarity, mu) * error).mean().backward()
        optimiser.step()

    falling = [d for d in distances if d > 0.05]
    assert falling == sorted(falling, reverse=True)
    assert mu.item() == pytest.approx(1.0, abs=0.05)
    torch.testing.assert_close(rules.pair_weights(similarity, mu), torch.ones(200), atol=0.06, rtol=0)
