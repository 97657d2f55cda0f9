"""The metrics against the definition, against the field's own numbers, and on numpy and torch alike."""

from __future__ import annotations

import csv
import json
import math
from functools import cache
from pathlib import Path

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
@pytest.mark.parametrize("segments", [1, 20, 42, 43])
def test_random_clips_of_any_length_score_as_the_definition_says(density, segments):
    random = np.random.default_rng(11)
    check_against_the_definition(*(random.random((2, 15, 2, segments, 6)) < density))


@pytest.mark.parametrize("segments", [42, 43, 64, 65, 150, 1000])
def test_long_events_are_counted_without_overflow(segments):
    truth = np.ones((1, 2, segments, 1), bool)
    predicted = truth.copy()
    assert metrics.scores(predicted, truth)["event/A"] == 100
    predicted[:, :, (segments + 1) // 2 :] = False
    assert metrics.scores(predicted, truth)["event/A"] == 100
    predicted[:, :, segments // 2 - 1 :] = False
    assert metrics.scores(predicted, truth)["event/A"] == 0


def test_every_pair_of_rows_of_six_segments_scores_as_the_definition_says():
    rows = np.array([[(n >> t) & 1 for t in range(6)] for n in range(64)], bool)
    pred, true = np.repeat(rows, 64, axis=0), np.tile(rows, (64, 1))  # (4096, T) each
    both = [np.stack([x, x], axis=1)[..., None] for x in (pred, true)]

    check_against_the_definition(*both)


# --- known answers ---


def one_clip(*events) -> np.ndarray:
    grid = np.zeros((2, SEGMENTS, CATEGORIES), bool)
    for modality, category, onset, offset in events:
        grid[modality, onset:offset, category] = True
    return grid


@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_a_worked_example_has_its_known_scores(convert):
    truth = one_clip((0, 0, 0, 4), (0, 1, 5, 10), (1, 0, 2, 8))
    predicted = one_clip((0, 0, 0, 3), (0, 2, 0, 2), (1, 0, 2, 6))

    found = metrics.clip_scores(convert(predicted), convert(truth))

    kinds = ("A", "V", "Event@AV", "AV")
    assert [round(found[f"segment/{kind}"] / 100, 4) for kind in kinds] == [0.2857, 0.8, 0.2745, 0.6667]
    assert [round(found[f"event/{kind}"] / 100, 4) for kind in kinds] == [0.3333, 1, 0.3333, 1]
    assert found["segment/Type@AV"] == pytest.approx((2 / 7 + 0.8 + 2 / 3) / 3 * 100)
    assert tuple(found) == metrics.METRICS


def test_an_overlap_of_exactly_half_of_the_union_counts():
    truth = one_clip((0, 0, 0, 4))

    assert metrics.clip_scores(one_clip((0, 0, 0, 2)), truth)["event/A"] == 100
    assert metrics.clip_scores(one_clip((0, 0, 0, 1)), truth)["event/A"] == 0


def test_nothing_true_and_nothing_predicted_scores_full():
    assert set(metrics.clip_scores(one_clip(), one_clip()).values()) == {100.0}


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
    truth = one_clip((0, 3, 0, 4))[None]

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


# --- the numbers of the field ---


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@cache
def llp(folder: Path, split: str, audio: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Clip names, truth (N, 2, T, C) and video-level labels (N, C)."""
    category = {name: i for i, name in enumerate((folder / "llp_classes.txt").read_text().split())}
    rows = read_rows(folder / f"AVVP_{split}_pd.csv")
    index = {row["filename"]: i for i, row in enumerate(rows)}
    truth = np.zeros((len(rows), 2, SEGMENTS, CATEGORIES), bool)
    labels = np.zeros((len(rows), CATEGORIES), bool)
    for i, row in enumerate(rows):
        labels[i, [category[name] for name in row["event_labels"].split(",")]] = True
    for modality, file in enumerate((audio, "AVVP_eval_visual.csv")):
        for row in read_rows(folder / file):
            if row["filename"] in index:
                segments = slice(int(row["onset"]), int(row["offset"]))
                truth[index[row["filename"]], modality, segments, category[row["event_labels"]]] = True
    return tuple(index), truth, labels


def delayed(truth: np.ndarray) -> np.ndarray:
    """The truth one segment later, (N, ..., T, C)."""
    shifted = np.roll(truth, 1, axis=-2)
    shifted[..., 0, :] = False
    return shifted


def pattern(name: str, truth: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A prediction of LLP's golden file."""
    everywhere = np.broadcast_to(labels[:, None, None, :], truth.shape)
    i, t, c = np.ogrid[: len(truth), :SEGMENTS, :CATEGORIES]
    found = np.zeros_like(truth)
    match name:
        case "empty":
            pass
        case "speech_audio_only":
            found[:, 0, :, 0] = True
        case "weak_first5_audio_last5_visual":
            found[:, 0, :5], found[:, 1, 5:] = everywhere[:, 0, :5], everywhere[:, 1, 5:]
        case "modular_pattern":
            found[:, 0] = ((7 * i + 3 * c + 5 * t) % 4 == 0) & everywhere[:, 0]
            found[:, 1] = ((5 * i + c + 3 * t) % 3 == 0) & everywhere[:, 1]
        case _:
            return {
                "perfect": truth,
                "all_ones": ~found,
                "weak_everywhere": everywhere,
                "gt_shift_right_1s": delayed(truth),
                "gt_swapped_modalities": truth[:, ::-1],
                "gt_union_both": np.repeat(truth.any(axis=1, keepdims=True), 2, axis=1),
            }[name]
    return found


LEVEL_NAMES = {"seg": "segment", "evt": "event"}


def golden(shared_data: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads((shared_data / "llp" / "golden_metrics.json").read_text())
    return found


@pytest.mark.parametrize("split", ["val", "test"])
def test_what_is_only_heard_or_only_seen_scores_as_coleafs_code_says(shared_data, split):
    _, truth, labels = llp(shared_data / "llp", split, "AVVP_eval_audio.csv")
    prefix = f"ao_vo/{split}/audio2024/"
    expected = {
        key.removeprefix(prefix): row for key, row in golden(shared_data).items() if key.startswith(prefix)
    }
    assert len(expected) == 6

    for name, row in expected.items():
        found = metrics.scores(pattern(name, truth, labels), truth, only=True)
        for key, value in row.items():
            level, kind = key.split("_")
            metric = f"{LEVEL_NAMES[level]}/{kind}" + ("@AoVo" if kind in ("Type", "Event") else "")
            assert round(found[metric], 4) == pytest.approx(value, abs=1.01e-4), (name, metric)


def test_the_true_events_of_a_split_are_those_that_were_counted(shared_data):
    _, truth, _ = llp(shared_data / "llp", "test", "AVVP_eval_audio.csv")
    events = metrics.category_scores(truth, truth).events
    assert {kind: counts.sum() for kind, counts in events.items()} == {"A": 2638, "V": 1625, "AV": 1617}


@pytest.mark.parametrize("year", ["2024", "2020"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_llp_scores_are_those_of_the_official_code(shared_data, split, year):
    audio = "AVVP_eval_audio.csv" if year == "2024" else "AVVP_eval_audio_2020.csv"
    _, truth, labels = llp(shared_data / "llp", split, audio)
    prefix = f"{split}/audio{year}/"
    expected = {
        key.removeprefix(prefix): row for key, row in golden(shared_data).items() if key.startswith(prefix)
    }
    assert len(expected) == 10

    for name, row in expected.items():
        found = metrics.scores(pattern(name, truth, labels), truth)
        for key, value in row.items():
            level, kind = key.split("_")
            metric = f"{LEVEL_NAMES[level]}/{kind}" + ("@AV" if kind in ("Type", "Event") else "")
            assert round(found[metric], 4) == pytest.approx(value, abs=1.01e-4), (name, metric)


def test_the_published_predictions_score_as_published(shared_data):
    names, truth, _ = llp(shared_data / "llp", "test", "AVVP_eval_audio.csv")
    results = json.loads((shared_data / "llp" / "test_results_LLP_jaemojeong.json").read_text())
    assert len(results) == 1108
    index = {name: i for i, name in enumerate(names)}
    # What is published is audio-visual, (C, T): the same in both modalities gives it back as AV.
    published = np.array([row["predictions"] for row in results]).transpose(0, 2, 1) > 0
    predicted = np.stack([published, published], axis=1)

    found = metrics.scores_per_clip(predicted, truth[[index[row["file_name"]] for row in results]])

    np.testing.assert_allclose(found["segment/AV"], [row["segment_fav"] for row in results], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["event/AV"], [row["event_fav"] for row in results], rtol=0, atol=1e-12)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_clips_of_many_lengths_score_as_unav_100_does(shared_data, split):
    database = json.loads((shared_data / "unav100" / "unav100_annotations.json").read_text())["database"]
    clips = [clip for clip in database.values() if clip["subset"] == split]
    lengths = np.array([math.ceil(clip["duration"]) for clip in clips])
    truth = np.zeros((len(clips), lengths.max(), 100), bool)
    for i, clip in enumerate(clips):
        for event in clip["annotations"]:
            onset, offset = event["segment"]
            truth[i, int(onset) : math.ceil(offset), event["label_id"]] = True
    weak = np.broadcast_to(truth.any(axis=1, keepdims=True), truth.shape)
    i, t, c = np.ogrid[: truth.shape[0], : truth.shape[1], : truth.shape[2]]
    predictions = {
        "perfect": truth,
        "empty": np.zeros_like(truth),
        "weak_everywhere": weak,
        "gt_shift_right_1s": delayed(truth),
        "modular_pattern": ((7 * i + 3 * c + 5 * t) % 4 != 0) & weak,
    }

    for name, predicted in predictions.items():
        both = [np.stack([x, x], axis=1) for x in (predicted, truth)]
        found = metrics.scores(*both, np.arange(truth.shape[1]) < lengths[:, None])
        row = golden(shared_data)[f"unav100/{split}/{name}"]
        assert row["videos"] == len(clips)
        assert found["segment/AV"] == pytest.approx(row["AV_Seg"], abs=1e-4), name
        assert found["event/AV"] == pytest.approx(row["AV_Evn"], abs=1e-4), name
