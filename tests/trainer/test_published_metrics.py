"""The metrics against the numbers of the field: golden files, published predictions, LLP and UnAV-100."""

from __future__ import annotations

import csv
import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from trainer import metrics

CATEGORIES, SEGMENTS = 25, 10


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


def check_golden(shared_data: Path, split: str, audio: str, prefix: str, *, only: bool, patterns: int) -> None:
    """That all patterns of the golden file score as it says, to its four decimals."""
    _, truth, labels = llp(shared_data / "llp", split, audio)
    expected = {
        key.removeprefix(prefix): row for key, row in golden(shared_data).items() if key.startswith(prefix)
    }
    assert len(expected) == patterns

    for name, row in expected.items():
        found = metrics.scores(pattern(name, truth, labels), truth, only=only)
        for key, value in row.items():
            level, kind = key.split("_")
            ending = ("@AoVo" if only else "@AV") if kind in ("Type", "Event") else ""
            metric = f"{LEVEL_NAMES[level]}/{kind}{ending}"
            assert round(found[metric], 4) == pytest.approx(value, abs=1.01e-4), (name, metric)


@pytest.mark.parametrize("year", ["2024", "2020"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_llp_scores_are_those_of_the_official_code(shared_data, split, year):
    audio = "AVVP_eval_audio.csv" if year == "2024" else "AVVP_eval_audio_2020.csv"
    check_golden(shared_data, split, audio, f"{split}/audio{year}/", only=False, patterns=10)


@pytest.mark.parametrize("split", ["val", "test"])
def test_what_is_only_heard_or_only_seen_scores_as_coleafs_code_says(shared_data, split):
    check_golden(shared_data, split, "AVVP_eval_audio.csv", f"ao_vo/{split}/audio2024/", only=True, patterns=6)


def test_the_true_events_of_a_split_are_those_that_were_counted(shared_data):
    _, truth, _ = llp(shared_data / "llp", "test", "AVVP_eval_audio.csv")
    events = metrics.category_scores(truth, truth).events
    assert {kind: counts.sum() for kind, counts in events.items()} == {"A": 2638, "V": 1625, "AV": 1617}


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


def test_clips_of_many_lengths_score_as_unav_100_does(shared_data):
    """Those of validation; that of test is scored in test_unav."""
    split = "validation"
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
