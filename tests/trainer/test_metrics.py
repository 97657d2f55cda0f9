"""The metrics against the definition, on numpy and torch alike, and how sure they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.trainer import reference_metrics
from trainer import metrics

CATEGORIES, SEGMENTS = 25, 10


# --- the definition ---


def check_against_the_definition(predicted, truth) -> None:
    for only in (False, True):
        per_clip = metrics.scores_per_clip(predicted, truth, only=only)
        for i in range(len(predicted)):
            for name, value in reference_metrics.clip_scores(predicted[i], truth[i], only=only).items():
                assert math.isclose(per_clip[name][i], value, abs_tol=1e-12), name


@st.composite
def cases(draw):
    """Up to three clips of runs: random bits alone would rarely overlap by half."""
    shape = (draw(st.integers(1, 3)), 2, draw(st.integers(1, 12)), draw(st.integers(1, 4)))
    bits = arrays(bool, shape, elements=st.booleans())
    predicted, changed = draw(bits), draw(bits)
    return predicted, predicted ^ (changed if draw(st.booleans()) else changed & draw(bits))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_any_case_scores_as_the_definition_says(case):
    check_against_the_definition(*case)


@pytest.mark.parametrize("density", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("segments", [1, 20, 42, 43, 65, 130])
def test_random_clips_of_any_length_score_as_the_definition_says(density, segments):
    random = np.random.default_rng(11)
    check_against_the_definition(*(random.random((2, 15, 2, segments, 6)) < density))


@pytest.mark.parametrize("segments", [42, 43, 64, 65, 150, 1000, 40_000])
def test_long_events_are_counted_without_overflow(segments):
    truth = np.ones((1, 2, segments, 1), bool)
    predicted = truth.copy()
    assert metrics.scores(predicted, truth)["event/A"] == 100
    predicted[:, :, (segments + 1) // 2 :] = False
    assert metrics.scores(predicted, truth)["event/A"] == 100
    predicted[:, :, segments // 2 - 1 :] = False
    assert metrics.scores(predicted, truth)["event/A"] == 0


def test_events_of_hours_are_counted_without_overflow_as_on_a_device(monkeypatch):
    monkeypatch.setattr(metrics, "_LONG", 20_000)
    truth = np.ones((1, 2, 11_000, 1), bool)
    assert metrics.scores(truth, truth)["event/A"] == 100


def test_every_pair_of_rows_of_six_segments_scores_as_the_definition_says():
    rows = np.array([[(n >> t) & 1 for t in range(6)] for n in range(64)], bool)
    pred, true = np.repeat(rows, 64, axis=0), np.tile(rows, (64, 1))  # (4096, T) each
    both = [np.stack([x, x], axis=1)[..., None] for x in (pred, true)]

    check_against_the_definition(*both)


# --- known answers ---


def one_clip(*events) -> np.ndarray:
    grid = np.zeros((1, 2, SEGMENTS, CATEGORIES), bool)
    for modality, category, onset, offset in events:
        grid[0, modality, onset:offset, category] = True
    return grid


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_a_worked_example_has_its_known_scores(convert):
    truth = one_clip((0, 0, 0, 4), (0, 1, 5, 10), (1, 0, 2, 8))
    predicted = one_clip((0, 0, 0, 3), (0, 2, 0, 2), (1, 0, 2, 6))

    found = metrics.scores(convert(predicted), convert(truth))

    kinds = ("A", "V", "Event@AV", "AV")
    assert [round(found[f"segment/{kind}"] / 100, 4) for kind in kinds] == [0.2857, 0.8, 0.2745, 0.6667]
    assert [round(found[f"event/{kind}"] / 100, 4) for kind in kinds] == [0.3333, 1, 0.3333, 1]
    assert found["segment/Type@AV"] == pytest.approx((2 / 7 + 0.8 + 2 / 3) / 3 * 100)
    assert tuple(found) == metrics.METRICS


def test_an_overlap_of_exactly_half_of_the_union_counts():
    truth = one_clip((0, 0, 0, 4))

    assert metrics.scores(one_clip((0, 0, 0, 2)), truth)["event/A"] == 100
    assert metrics.scores(one_clip((0, 0, 0, 1)), truth)["event/A"] == 0


def test_nothing_true_and_nothing_predicted_scores_full():
    assert set(metrics.scores(one_clip(), one_clip()).values()) == {100.0}


def test_padding_is_not_scored():
    random = np.random.default_rng(5)
    predicted, truth = (random.random((2, 30, 2, 9, 4)) < 0.5)[:]
    lengths = random.integers(1, 10, 30)

    padded = metrics.scores_per_clip(predicted, truth, np.arange(9) < lengths[:, None])

    for i, length in enumerate(lengths):
        for name, value in reference_metrics.clip_scores(
            predicted[i, :, :length], truth[i, :, :length]
        ).items():
            assert math.isclose(padded[name][i], value, abs_tol=1e-12)


def test_torch_gives_tensors_and_the_same_scores():
    random = np.random.default_rng(6)
    predicted, truth = random.random((2, 50, 2, 10, 8)) < 0.3

    ours = metrics.scores_per_clip(predicted, truth)
    theirs = metrics.scores_per_clip(torch.from_numpy(predicted), torch.from_numpy(truth))

    for name in metrics.METRICS:
        assert isinstance(theirs[name], torch.Tensor)
        np.testing.assert_allclose(theirs[name], ours[name], rtol=0, atol=1e-15)


def test_many_clips_score_as_they_do_alone(monkeypatch):
    random = np.random.default_rng(8)
    predicted, truth = random.random((2, 23, 2, 10, 4)) < 0.3
    whole, by_category = metrics.scores_per_clip(predicted, truth), metrics.category_scores(predicted, truth)

    monkeypatch.setattr(metrics, "_CELLS_AT_ONCE", 5 * 40)

    for name, values in metrics.scores_per_clip(predicted, truth).items():
        np.testing.assert_array_equal(values, whole[name])
    for name, values in metrics.category_scores(predicted, truth).f_scores.items():
        np.testing.assert_array_equal(values, by_category.f_scores[name])


def test_no_clips_and_unequal_shapes_are_refused():
    empty = np.zeros((0, 2, 10, 3), bool)
    with pytest.raises(ValueError, match="no clips"):
        metrics.scores(empty, empty)
    with pytest.raises(ValueError, match=r"not .*10, 3.* and .*10, 4"):
        metrics.scores(np.zeros((1, 2, 10, 3)), np.zeros((1, 2, 10, 4)))


# --- by category ---


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("only", [False, True])
def test_a_categorys_score_is_the_f_score_of_its_counts_over_all_clips(convert, only):
    random = np.random.default_rng(2)
    predicted, truth = random.random((2, 12, 2, 8, 3)) < 0.4

    found = metrics.category_scores(convert(predicted), convert(truth), only=only)

    kinds = metrics.ONLY_KINDS if only else metrics.KINDS
    for level in metrics.LEVELS:
        clips = [
            reference_metrics.counts_of(p, t, level, only=only) for p, t in zip(predicted, truth, strict=True)
        ]
        tp, fp, fn = np.moveaxis(np.sum(clips, axis=0), -1, 0)  # (3, C) each
        for i, kind in enumerate(kinds[:3]):
            np.testing.assert_allclose(found.f_scores[f"{level}/{kind}"], (2 * tp / (2 * tp + fp + fn))[i])
            if level == "event":
                np.testing.assert_array_equal(found.events[kind], (tp + fn)[i])
        tp, fp, fn = (count[0] + count[1] for count in (tp, fp, fn))
        np.testing.assert_allclose(found.f_scores[f"{level}/{kinds[4]}"], 2 * tp / (2 * tp + fp + fn))
        mean = sum(np.asarray(found.f_scores[f"{level}/{kind}"]) for kind in kinds[:3]) / 3
        np.testing.assert_allclose(found.f_scores[f"{level}/{kinds[3]}"], mean)


def test_a_category_that_is_nowhere_has_no_score():
    truth = one_clip((0, 3, 0, 4))

    found = metrics.category_scores(truth, truth)

    assert found.f_scores["segment/A"][3] == 1
    assert math.isnan(found.f_scores["segment/A"][4])
    assert math.isnan(found.f_scores["segment/V"][3])
    assert found.events["A"].tolist() == [int(category == 3) for category in range(CATEGORIES)]


# --- intervals ---


def per_clip_scores(seed: int, clips: int = 300) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {"segment/A": random.random(clips), "event/A": random.random(clips) ** 2}


def test_the_same_seed_gives_the_same_intervals_of_numpy_and_torch():
    values = per_clip_scores(1)
    tensors = {name: torch.from_numpy(scored) for name, scored in values.items()}

    found = metrics.intervals(values, resamples=200)

    assert found == metrics.intervals(values, resamples=200) == metrics.intervals(tensors, resamples=200)
    assert found != metrics.intervals(values, resamples=200, seed=1)


def test_drawing_in_many_passes_draws_the_same(monkeypatch):
    whole = metrics.intervals(per_clip_scores(1), resamples=150)

    monkeypatch.setattr(metrics, "_DRAWS_AT_ONCE", 7 * 300)

    for name, ends in metrics.intervals(per_clip_scores(1), resamples=150).items():
        assert ends == pytest.approx(whole[name])


def test_an_interval_is_as_wide_as_theory_says():
    values = per_clip_scores(3, clips=2000)
    for name, (low, high) in metrics.intervals(values, resamples=4000).items():
        mean, error = 100 * values[name].mean(), 100 * values[name].std() / math.sqrt(2000)
        assert (low, high) == pytest.approx((mean - 1.96 * error, mean + 1.96 * error), abs=0.1 * error)


def test_intervals_hold_the_true_mean_about_as_often_as_they_say():
    random = np.random.default_rng(4)
    held = 0
    for trial in range(200):
        found = metrics.intervals({"a": random.beta(2, 1, 100)}, resamples=300, seed=trial, level=0.9)["a"]
        held += found[0] <= 100 * 2 / 3 <= found[1]
    assert 0.83 <= held / 200 <= 0.96


def test_a_paired_difference_is_surer_than_two_scores_side_by_side():
    ours = per_clip_scores(5)
    theirs = {name: values - 0.02 for name, values in ours.items()}

    low, high = metrics.intervals(metrics.differences(ours, theirs))["segment/A"]

    assert (low, high) == pytest.approx((2, 2))
    alone = [metrics.intervals(scored, resamples=500)["segment/A"] for scored in (ours, theirs)]
    assert alone[0][0] < alone[1][1]


def test_no_clips_have_no_interval():
    with pytest.raises(ValueError, match="no clips"):
        metrics.intervals({"segment/A": np.zeros(0)})
