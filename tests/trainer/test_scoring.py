from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.annotations import Dataset
from trainer.labels import Event, Modality, State
from trainer.parses import Parse
from trainer.scoring import score_parses, scored_names

DATASET = Dataset(
    ("Dog", "Bell"),
    {"train": {}, "val": {"a": frozenset({"Dog"}), "open": frozenset()}, "test": {}},
    truth={"a": (Event(Modality.AUDIO, "Dog", 0, 4),)},
    complete=frozenset({"a"}),
)


def parse(heard: list[int], segments: int = 4) -> Parse:
    """Dog is heard in the segments, and nothing else is."""
    audio, nothing = np.zeros((segments, 2), np.float32), np.zeros((segments, 2), np.float32)
    audio[heard, 0] = 1
    return Parse(audio, nothing, np.array([1, 0], np.float32))


def score(found: Parse, dataset: Dataset = DATASET) -> float:
    return score_parses({"a": found}, dataset, ["a"], threshold=0.5)["segment/A"]


def test_only_clips_with_complete_truth_are_scored() -> None:
    assert scored_names(DATASET, "val") == ["a"]
    assert score_parses({"open": parse([0])}, DATASET, scored_names(DATASET, "val"), threshold=0.5) == {}


def test_a_parse_is_scored_against_the_dense_truth() -> None:
    assert score(parse([0, 1, 2, 3])) == 100
    assert score(parse([0, 1])) == pytest.approx(100 * 2 / 3)


def test_what_a_person_reviewed_corrects_the_truth_that_scores() -> None:
    reviewed = (
        Event(Modality.AUDIO, "Dog", 2, 4, State.ABSENT, "ann"),
        Event(Modality.AUDIO, "Bell", 0, 1, State.PRESENT, "ann"),
    )
    corrected = replace(DATASET, reviewed={"a": reviewed})
    assert score(parse([0, 1]), corrected) == 50  # all of Dog, none of Bell
    assert score(parse([0, 1]), replace(corrected, reviewed={"a": reviewed[:1]})) == 100
