"""Pseudo-labels of segments: thresholds, soft and hard labels, and the weights of categories."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.trainer.supervision.arrays import check, plain
from trainer import supervision as rules


def slow_thresholds(logits, truth, candidates):
    """The best cut of each category, by trying every one from the lowest on."""
    made = []
    for z, true, inside in zip(
        *(x.reshape(-1, x.shape[-1]).T for x in (logits, truth, candidates)), strict=True
    ):
        values = np.unique(z[inside].astype(np.float64))
        cuts = [-np.inf, *(values[:-1] + values[1:]) / 2] if len(values) else []
        best, threshold = 0.0, np.nan
        for cut in cuts:
            predicted = inside & (z > cut)
            hits = np.sum(predicted & true)
            f_score = 2 * hits / (np.sum(predicted) + np.sum(true))
            if f_score > best:
                best, threshold = f_score, cut
        made.append(threshold)
    return np.array(made)


def thresholds_of(make, logits, truth, candidates=None):
    candidates = np.ones(np.shape(truth), bool) if candidates is None else candidates
    return rules.class_thresholds(make(logits), make(truth, bool), make(candidates, bool))


@pytest.mark.parametrize("digits", [1, 6])
@pytest.mark.parametrize("seed", range(8))
def test_thresholds_are_those_of_a_search_through_every_cut(make, seed, digits):
    random = np.random.default_rng(seed)
    truth = random.random((6, 10, 5)) < random.random(5)
    logits = (random.normal(size=truth.shape) + truth).round(digits).astype(np.float32)  # 1 digit: ties
    candidates = random.random((6, 1, 5)) < 0.7
    candidates = np.broadcast_to(candidates, truth.shape).copy()

    found = thresholds_of(make, logits, truth, candidates)

    np.testing.assert_array_equal(plain(found), slow_thresholds(logits, truth, candidates))
    assert plain(found).dtype == np.float64


def test_a_threshold_is_midway_between_the_two_logits_of_the_best_cut(make):
    check(make, thresholds_of(make, [[1], [2], [4], [5]], [[0], [0], [1], [1]]), [3])


def test_everything_is_predicted_where_that_is_best(make):
    check(make, thresholds_of(make, [[1], [2], [3]], [[1], [0], [1]]), [-np.inf])


def test_of_equally_good_cuts_the_lowest_wins(make):
    # All four: 2 * 2 / (4 + 2); the last alone: 2 * 1 / (1 + 2).
    check(make, thresholds_of(make, [[1], [2], [3], [4]], [[1], [0], [0], [1]]), [-np.inf])


def test_no_cut_goes_between_equal_logits(make):
    check(make, thresholds_of(make, [[1], [2], [2], [3]], [[0], [0], [1], [1]]), [1.5])


def test_true_cells_that_are_no_candidates_count_as_missed(make):
    logits, truth = [[1], [2], [3], [9], [9], [9]], [[1], [0], [1], [0], [0], [0]]
    missed = [[1], [0], [1], [1], [1], [1]]
    inside = [[1], [1], [1], [0], [0], [0]]

    # 4/5 against 2/3 without them; 4/9 against 2/7 with them: both want everything.
    check(make, thresholds_of(make, logits, truth, inside), [-np.inf])
    check(make, thresholds_of(make, logits, missed, inside), [-np.inf])
    # Three false ones below: 4/7 < 2/3 without misses, 4/17 > 2/13 with ten of them.
    logits, inside = [[1], [2], [3], [4], [5], *[[9]] * 10], [[1]] * 5 + [[0]] * 10
    truth = [[1], [0], [0], [0], [1]]
    check(make, thresholds_of(make, logits, truth + [[0]] * 10, inside), [4.5])
    check(make, thresholds_of(make, logits, truth + [[1]] * 10, inside), [-np.inf])


def test_a_category_without_a_true_candidate_has_no_threshold(make):
    found = thresholds_of(make, [[1, 1, 1], [2, 2, 2]], [[0, 1, 1], [0, 1, 0]], [[1, 0, 1], [1, 0, 1]])

    check(make, found, [np.nan, np.nan, -np.inf])


def test_a_threshold_between_neighbouring_numbers_still_parts_them(make):
    low = 1.0
    high = np.nextafter(low, 2)
    logits = make([[low], [high]], np.float64)

    (threshold,) = plain(rules.class_thresholds(logits, make([[0], [1]], bool), make([[1], [1]], bool)))

    assert not low > threshold
    assert high > threshold


def test_logits_that_are_no_numbers_are_refused_where_they_count(make):
    logits = [[np.nan], [1], [2]]

    check(make, thresholds_of(make, logits, [[0], [0], [1]], [[0], [1], [1]]), [1.5])
    with pytest.raises(ValueError, match="finite logits"):
        thresholds_of(make, logits, [[0], [0], [1]])


LOGITS = [[[2.0, 0.0, -2.0]], [[3.0, 1.0, -1.0]]]
THRESHOLDS = [[0, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize(("temperature", "expected"), [(1, [0.8808, 0.5, 0.1192]), (2, [0.7311, 0.5, 0.2689])])
def test_a_soft_label_is_the_sigmoid_of_the_distance_to_the_threshold(make, temperature, expected):
    soft = rules.soft_pseudo_labels(make(LOGITS), make(THRESHOLDS), temperature=temperature)

    np.testing.assert_allclose(plain(soft), [[expected], [expected]], atol=5e-5)
    assert plain(soft).dtype == np.float32


def test_a_hard_label_is_strictly_above_the_threshold(make):
    check(make, rules.hard_pseudo_labels(make(LOGITS), make(THRESHOLDS)), [[[1, 0, 0]], [[1, 0, 0]]])


def test_labels_filter_what_the_clip_lacks_and_not_what_is_unknown(make):
    logits, labels = make(np.full((2, 2, 1, 3), 2.0)), make([[1, 0, -1], [0, 0, 0]])

    soft = rules.soft_pseudo_labels(logits, make(np.zeros((2, 3))), labels)
    hard = rules.hard_pseudo_labels(logits, make(np.zeros((2, 3))), labels)

    check(make, hard, [[[[1, 0, 1]]] * 2, [[[0, 0, 0]]] * 2])
    np.testing.assert_array_equal(plain(soft) > 0, plain(hard))


@pytest.mark.parametrize("temperature", [0.01, 1.0, 2.0, 1e4])
def test_soft_labels_exceed_a_half_exactly_where_hard_ones_are_true(make, temperature):
    thresholds = np.array([[0.0, 1 / 3, -np.inf], [1e6, -1 / 3, 1e-30]])
    near = np.nextafter(thresholds.astype(np.float32), np.float32(np.inf), dtype=np.float32)
    below = np.nextafter(thresholds.astype(np.float32), np.float32(-np.inf), dtype=np.float32)
    steps = [thresholds.astype(np.float32), near, below, near + 1, below - 1, near - 1e5]
    logits = np.nan_to_num(np.stack(steps, axis=1), neginf=-3e38)  # (2, T, C)

    soft = rules.soft_pseudo_labels(make(logits), make(thresholds, np.float64), temperature=temperature)
    hard = rules.hard_pseudo_labels(make(logits), make(thresholds, np.float64))

    np.testing.assert_array_equal(plain(soft) > 0.5, plain(hard))
    np.testing.assert_array_equal(plain(hard), logits.astype(np.float64) > thresholds[:, None])
    assert plain(hard).any()
    assert not plain(hard).all()


def test_numpy_and_torch_make_the_same_pseudo_labels_to_the_bit():
    random = np.random.default_rng(2)
    logits = random.normal(size=(20, 2, 10, 25)).astype(np.float32)
    truth, candidates = random.random((2, 20, 10, 25)) < 0.4
    thresholds = random.normal(size=(2, 25))
    labels = random.integers(-1, 2, (20, 25)).astype(np.float32)
    arrays = (logits, truth, candidates, thresholds, labels)
    made = []
    for z, true, inside, limits, known in (arrays, tuple(map(torch.from_numpy, arrays))):
        soft = rules.soft_pseudo_labels(z, limits, known)
        rates = rules.label_rates(soft)
        weights = rules.reweighting(rates, weight=0.5)
        made.append((rules.class_thresholds(z[:, 0], true, inside), soft, rates, *weights))

    for ours, theirs in zip(*made, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_pseudo_labels_need_a_threshold_for_every_category(make):
    with pytest.raises(ValueError, match="every category, and 2 are not a number"):
        rules.soft_pseudo_labels(make(LOGITS), make([[0, np.nan, 0], [np.nan, 0, 0]]))


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_that_is_not_positive_is_refused(make, temperature):
    with pytest.raises(ValueError, match="above 0, not"):
        rules.soft_pseudo_labels(make(LOGITS), make(THRESHOLDS), temperature=temperature)


def test_a_rate_is_the_share_of_known_segments_that_the_clips_have(make):
    audio = [[[0.75, -1], [0.5, -1], [0.75, -1]], [[1, -1], [0, 1], [1, 1]]]
    visual = np.zeros((2, 3, 2))
    pseudo = np.stack([np.array(audio), visual], axis=1)  # (N, 2, T, C)

    rates = rules.label_rates(make(pseudo), make([[1, 1, 1], [1, 1, 0]], bool))

    check(make, rates, np.float32([[0.4 + 0.2, 1], [0, 0]]))
    check(make, rules.label_rates(make(np.full((1, 2, 3, 2), -1))), np.zeros((2, 2)))
    assert plain(rates).dtype == np.float32


@pytest.mark.parametrize(("scale", "expected"), [("code", (11.88, 1.235)), ("paper", (0.4753, 0.0494))])
def test_weights_follow_the_rates_of_the_categories(make, scale, expected):
    rates = np.zeros((2, 25))
    rates[:, :3] = 1.0, 0.2, 0.035

    for found, value in zip(rules.reweighting(make(rates), weight=0.5, scale=scale), expected, strict=True):
        np.testing.assert_allclose(plain(found), [value, value], rtol=1e-3)


def test_an_unknown_scale_is_refused(make):
    with pytest.raises(ValueError, match="code or paper, not 'none'"):
        rules.reweighting(make(np.zeros((2, 25))), weight=0.5, scale="none")


def test_logits_of_captions_are_scaled_cosines(make):
    random = np.random.default_rng(2)
    features, texts = (
        random.normal(size=(3, 4, 6)).astype(np.float32),
        random.normal(size=(5, 6)).astype(np.float32),
    )
    wanted = [
        [[7 * g @ e / np.linalg.norm(g) / np.linalg.norm(e) for e in texts] for g in clip] for clip in features
    ]

    found = rules.text_logits(make(features), make(texts), scale=7.0)

    np.testing.assert_allclose(plain(found), wanted, atol=1e-5)
    assert plain(found).dtype == np.float32


def test_a_segment_of_zeros_has_the_least_logit_that_there_is(make):
    found = rules.text_logits(make([[0.0, 0.0], [0.0, 2.0]]), make([[1.0, 0.0], [0.0, 1.0]]), scale=10.0)

    np.testing.assert_allclose(plain(found), [[-10, -10], [0, 10]])
