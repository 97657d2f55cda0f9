"""From logits to pseudo-labels: thresholds, filter, soft and hard labels, and what the file says of itself."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.annotations import Dataset
from trainer.labels import Event, Modality, State
from trainer.parses import ParseFile, read_parses, write_parses
from trainer.prediction import PredictionRule
from trainer.protocol import MESSAGES_FILE, Note, Reporter, read_message
from trainer.pseudo_labels import (
    Making,
    PseudoLabelError,
    Thresholds,
    known_thresholds,
    searched_thresholds,
    thresholds_of,
)
from trainer.pseudo_labels.labels import pseudo_labels
from trainer.scoring import score_parses, scored_names, truth_cells

CATEGORIES = ("Dog", "Bell", "Car")
SEGMENTS = 6


def dataset(**more: object) -> Dataset:
    """Two train, four val and two test clips; Car is in no val clip."""
    labels = {
        "train": ({"Dog"}, set()),
        "val": ({"Dog"}, {"Dog", "Bell"}, {"Bell"}, {"Dog"}),
        "test": ({"Dog"}, {"Car"}),
    }
    splits = {split: {f"{split}-{i}": frozenset(c) for i, c in enumerate(s)} for split, s in labels.items()}
    rng = np.random.default_rng(4)
    truth = {
        name: tuple(
            Event(modality, category, float(onset), float(onset + 3))
            for modality in Modality
            for category in sorted(weak)
            for onset in (rng.integers(0, SEGMENTS - 3),)
        )
        for split in ("val", "test")
        for name, weak in splits[split].items()
    }
    return replace(Dataset(CATEGORIES, splits, truth, frozenset(truth)), **more)  # type: ignore[arg-type]


def logits(of: Dataset, noise: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    clips = [name for split in of.splits.values() for name in split]
    cells = {name: truth_cells(of, name, SEGMENTS) * 2.0 for name in clips}
    return {name: (c + noise * rng.normal(size=c.shape)).astype(np.float32) for name, c in cells.items()}


def make(
    of: Dataset, making: Making, thresholds: Thresholds | None = None, out: Path | None = None
) -> ParseFile:
    thresholds = thresholds or known_thresholds(0.5, 3)
    return pseudo_labels(logits(of), thresholds, of, making, {"method": "test"}, Reporter(out))


@pytest.mark.parametrize("filtered", [True, False])
def test_searched_thresholds_are_the_best_of_all_cuts_of_the_validation_clips(filtered: bool) -> None:
    """Of the cells that labels can be in: all of them, if video-level labels filter none."""
    of = dataset()
    cells = logits(of)
    found = searched_thresholds(cells, of, filtered=filtered).values
    names = scored_names(of, "val")
    for axis in range(2):
        for column, category in enumerate(CATEGORIES[:2]):
            values = np.concatenate([cells[name][axis, :, column] for name in names])
            truth = np.concatenate([truth_cells(of, name, SEGMENTS)[axis, :, column] for name in names])
            has = np.repeat([category in of.splits["val"][name] for name in names], SEGMENTS) | (not filtered)

            def f_score(
                threshold: float, values: np.ndarray = values, truth: np.ndarray = truth, has: np.ndarray = has
            ) -> float:
                hits = (values > threshold) & has
                return float(2 * (hits & truth).sum() / (hits.sum() + truth.sum()))

            cuts = [-math.inf, *values[has]]
            assert f_score(found[axis, column]) == pytest.approx(max(map(f_score, cuts)))
    assert np.isnan(found[:, 2]).all()


def test_a_category_that_no_validation_clip_tells_of_gets_probability_one_half_and_a_note(
    tmp_path: Path,
) -> None:
    of = dataset()
    file = make(of, Making(), searched_thresholds(logits(of), of), tmp_path)
    assert [file.meta["pseudo_labels"]["thresholds"][m][2] for m in ("audio", "visual")] == [0, 0]
    notes = [read_message(line) for line in (tmp_path / MESSAGES_FILE).read_text().splitlines()]
    assert [note.text for note in notes if isinstance(note, Note)] == [
        f"no validation clip tells a threshold of {modality} for 1 categories; theirs is probability 0.5: Car"
        for modality in ("audio", "visual")
    ]


def test_minus_infinity_is_a_logit_below_all_there_are_so_that_every_cell_is_one() -> None:
    of = dataset()
    cells, values = logits(of), np.zeros((2, 3))
    values[1, 0] = -math.inf
    file = make(of, Making(hard=True), Thresholds(values, "by hand"))
    least = min(clip[1, :, 0].min() for clip in cells.values())
    assert file.meta["pseudo_labels"]["thresholds"]["visual"][0] == pytest.approx(least - 1)
    parse = file.clip("train-0")
    assert parse is not None
    assert parse.visual[:, 0].all()


def test_soft_labels_are_those_of_the_equation_and_above_one_half_where_hard_ones_are_one() -> None:
    of = dataset()
    thresholds = Thresholds(np.array([[0.3, -0.2, 0.1], [0.0, 1.0, -1.0]]), "by hand")
    soft, hard = (make(of, Making(temperature=3, hard=is_hard), thresholds) for is_hard in (False, True))
    for name, cells in logits(of).items():
        parse, labels = soft.clip(name), hard.clip(name)
        assert parse is not None
        assert labels is not None
        weak = next(clips[name] for clips in of.splits.values() if name in clips)
        keep = np.array([not weak or category in weak for category in CATEGORIES])
        wanted = keep / (1 + np.exp(-(cells - thresholds.values[:, None]) / 3))
        np.testing.assert_allclose([parse.audio, parse.visual], wanted, atol=1e-6)
        np.testing.assert_array_equal(parse.predicted(soft.rule), labels.predicted(hard.rule))
        np.testing.assert_array_equal([labels.audio, labels.visual], labels.predicted(hard.rule))
        assert parse.audio_video is not None
        assert parse.visual_video is not None
        np.testing.assert_array_equal(parse.audio_video, parse.audio.max(axis=0))
        np.testing.assert_array_equal(parse.video, np.maximum(parse.audio_video, parse.visual_video))


def test_the_filter_is_the_video_level_label_and_leaves_clips_that_have_none() -> None:
    of = dataset()
    filtered, whole = (make(of, Making(filtered=keep)) for keep in (True, False))
    labelled, unlabelled = filtered.clip("train-0"), filtered.clip("train-1")
    assert labelled is not None
    assert unlabelled is not None
    assert not labelled.video[1:].any()
    assert unlabelled.video.all()
    assert bool((whole.video > 0).all())


def test_what_a_person_reviewed_corrects_the_filter_of_train_clips_and_of_no_other() -> None:
    bell = (Event(Modality.AUDIO, "Bell", 0, 2, State.PRESENT, "ann"),)
    dogless = tuple(Event(m, "Dog", 0, SEGMENTS, State.ABSENT, "ann") for m in Modality)
    of = dataset(reviewed={"train-0": (*bell, *dogless), "test-0": bell})
    file = make(of, Making())
    train, test = file.clip("train-0"), file.clip("test-0")
    assert train is not None
    assert test is not None
    assert (train.video > 0).tolist() == [False, True, False]
    assert (test.video > 0).tolist() == [True, False, False]


def test_the_file_predicts_hard_labels_which_the_official_metric_scores(tmp_path: Path) -> None:
    of = dataset()
    write_parses(tmp_path / "p.npz", make(of, Making(), searched_thresholds(logits(of, 0.0), of)))
    file = read_parses(tmp_path / "p.npz")
    assert file.rule == PredictionRule.at(0.5, "none", strict=True)
    said = file.meta["pseudo_labels"]
    assert (said["kind"], said["filtered"], said["temperature"]) == ("soft", True, 2.0)
    assert said["thresholds_from"] == "best F-score of segments on val"
    assert len(said["dataset"]) == 64
    parses = {name: file.clip(name) for name in file.names}
    scores = score_parses(parses, of, scored_names(of, "val"), rule=file.rule)  # type: ignore[arg-type]
    assert scores["segment/A"] > 60


def test_thresholds_are_taken_from_another_file_by_the_names_of_categories(tmp_path: Path) -> None:
    of, path = dataset(), tmp_path / "p.npz"
    values = np.array([[0.3, -0.2, 0.1], [0.0, 1.0, -1.0]])
    write_parses(path, make(of, Making(), Thresholds(values, "by hand")))
    np.testing.assert_array_equal(thresholds_of(path, ("Car", "Dog")).values, values[:, [2, 0]])
    with pytest.raises(PseudoLabelError, match="has no threshold for Cow"):
        thresholds_of(path, ("Cow", "Dog"))
    write_parses(path, replace(make(of, Making()), meta={}))
    with pytest.raises(PseudoLabelError, match="does not say by which thresholds"):
        thresholds_of(path, CATEGORIES)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"audio_visual_only": True}, "does not tell what is heard from what is seen"),
        ({"truth": {}, "complete": frozenset()}, "no validation clip has complete truth and features"),
    ],
)
def test_without_truth_a_threshold_must_be_given(more: dict[str, object], message: str) -> None:
    of = dataset(**more)
    with pytest.raises(PseudoLabelError) as caught:
        searched_thresholds(logits(dataset()), of)
    assert message in str(caught.value)
    assert "--threshold" in str(caught.value)


def test_a_probability_is_the_threshold_of_all_categories() -> None:
    found = known_thresholds(0.8, 3)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.values)), np.full((2, 3), 0.8))
