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

from trainer import metrics

CATEGORIES, SEGMENTS = 25, 10


# --- the definition, slowly: what the vectorised metrics are held against ---


def slow_runs(row) -> list[tuple[int, int]]:
    found, start = [], None
    for t, active in enumerate([*row, 0]):
        if active and start is None:
            start = t
        if not active and start is not None:
            found.append((start, t))
            start = None
    return found


def iou(a, b) -> float:
    overlap = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return overlap / ((a[1] - a[0]) + (b[1] - b[0]) - overlap)


def slow_counts(pred, true, level) -> tuple[int, int, int]:
    """(TP, FP, FN) of one category of one clip, (T,) each."""
    if level == "segment":
        return int((pred & true).sum()), int((pred & ~true).sum()), int((~pred & true).sum())
    predicted, actual = slow_runs(pred), slow_runs(true)
    hits = sum(any(iou(p, a) >= 0.5 for a in actual) for p in predicted)
    missed = sum(not any(iou(p, a) >= 0.5 for p in predicted) for a in actual)
    return hits, len(predicted) - hits, missed


def slow_f(counts) -> float:
    values = [2 * tp / (2 * tp + fp + fn) for tp, fp, fn in counts if tp + fp + fn]
    return sum(values) / len(values) if values else 1.0


def slow_scores(predicted, truth) -> dict[str, float]:
    """The ten numbers of one clip, in [0, 1]: (2, T, C) bool twice."""
    found = {}
    for level in metrics.LEVELS:
        counts = []
        for pred, true in zip((*predicted, predicted.all(0)), (*truth, truth.all(0)), strict=True):
            counts.append([slow_counts(p, t, level) for p, t in zip(pred.T, true.T, strict=True)])
        audio, visual, both = (slow_f(kind) for kind in counts)
        summed = [np.add(a, v) for a, v in zip(counts[0], counts[1], strict=True)]
        values = (audio, visual, both, (audio + visual + both) / 3, slow_f(summed))
        found |= {f"{level}/{kind}": value for kind, value in zip(metrics.KINDS, values, strict=True)}
    return found


def check_against_the_definition(predicted, truth) -> None:
    per_clip = metrics.scores_per_clip(predicted, truth)
    for i in range(len(predicted)):
        for name, value in slow_scores(predicted[i], truth[i]).items():
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
def test_random_clips_score_as_the_definition_says(density):
    random = np.random.default_rng(11)
    check_against_the_definition(
        random.random((40, 2, 20, 6)) < density, random.random((40, 2, 20, 6)) < density
    )


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
        for name, value in slow_scores(predicted[i, :, :length], truth[i, :, :length]).items():
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
    whole = metrics.scores_per_clip(predicted, truth)

    monkeypatch.setattr(metrics, "_CELLS_AT_ONCE", 5 * 40)

    for name, values in metrics.scores_per_clip(predicted, truth).items():
        np.testing.assert_array_equal(values, whole[name])


def test_no_clips_and_unequal_shapes_are_refused():
    empty = np.zeros((0, 2, 10, 3), bool)
    with pytest.raises(ValueError, match="no clips"):
        metrics.scores(empty, empty)
    with pytest.raises(ValueError, match=r"not .*10, 3.* and .*10, 4"):
        metrics.scores(np.zeros((1, 2, 10, 3)), np.zeros((1, 2, 10, 4)))


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


GOLDEN_NAMES = {f"{short}_{kind}": (level, kind) for short, level in (("seg", "segment"), ("evt", "event"))
                for kind in ("A", "V", "AV", "Type", "Event")}  # fmt: skip


def golden(shared_data: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = json.loads((shared_data / "llp" / "golden_metrics.json").read_text())
    return found


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
            level, kind = GOLDEN_NAMES[key]
            metric = f"{level}/{kind}" + ("@AV" if kind in ("Type", "Event") else "")
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
