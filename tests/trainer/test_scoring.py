from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer import reference_metrics
from trainer.annotations import Dataset
from trainer.labels import Event, Modality, State
from trainer.metrics import METRICS
from trainer.parses import Parse, ParseError
from trainer.prediction import HAN_RULE, RULES, PredictionRule, cmpae_rule
from trainer.scoring import score_parses, scored_names, truth_cells

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
    return score_parses({"a": found}, dataset, ["a"], rule=HAN_RULE)["segment/A"]


def test_only_clips_with_complete_truth_are_scored() -> None:
    assert scored_names(DATASET, "val") == ["a"]
    assert score_parses({"open": parse([0])}, DATASET, scored_names(DATASET, "val"), rule=HAN_RULE) == {}


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


def random_world(seed: int, clips: int = 12) -> tuple[Dataset, dict[str, Parse]]:
    """Clips of three to eight segments, with random truth and random parses."""
    random = np.random.default_rng(seed)
    names = [f"clip-{i}" for i in range(clips)]
    parses, truth = {}, {}
    for name in names:
        segments = int(random.integers(3, 9))
        audio, visual = random.random((2, segments, 2), np.float32)
        parses[name] = Parse(audio, visual, *random.uniform(0.3, 1, (3, 2)).astype(np.float32))
        truth[name] = tuple(
            Event(modality, category, onset, onset + 2)
            for modality in Modality
            for category in DATASET.categories
            if random.random() < 0.7
            for onset in [int(random.integers(0, segments - 1))]
        )
    splits = {"train": {}, "val": dict.fromkeys(names, frozenset()), "test": {}}
    return Dataset(DATASET.categories, splits, truth, frozenset(names)), parses


@pytest.mark.parametrize(
    "rule",
    [
        *RULES.values(),
        PredictionRule.at(0),  # predicts everything, also behind a clip's end
        cmpae_rule([0.4, 0.7]),
        PredictionRule("modality", (0.3, (0.2, 0.9)), ((0.6, 0.4), 0.5), True),
    ],
    ids=str,
)
def test_every_rule_scores_as_it_does_clip_by_clip(rule: PredictionRule) -> None:
    dataset, parses = random_world(3)
    predicted = [reference_metrics.predicted(parse, rule) for parse in parses.values()]
    truth = [truth_cells(dataset, name, len(parse.audio)) for name, parse in parses.items()]

    found = score_parses(parses, dataset, scored_names(dataset, "val"), rule=rule)

    assert tuple(found) == METRICS
    assert found == pytest.approx(reference_metrics.scores(predicted, truth))


def test_where_truth_is_audio_visual_only_nothing_else_is_scored() -> None:
    dataset, parses = random_world(4)
    names = scored_names(dataset, "val")
    both = score_parses(parses, replace(dataset, audio_visual_only=True), names, rule=HAN_RULE)
    every = score_parses(parses, dataset, names, rule=HAN_RULE)
    assert both == {name: every[name] for name in ("segment/AV", "event/AV")}


def test_a_rule_that_the_parses_cannot_serve_is_refused() -> None:
    with pytest.raises(ParseError, match='the gate "modality" asks what is heard'):
        score_parses({"a": parse([0])}, DATASET, ["a"], rule=RULES["ma"])


def test_the_truth_is_cut_or_continued_to_the_segments_asked_for() -> None:
    assert truth_cells(DATASET, "a", 3)[0, :, 0].tolist() == [True] * 3
    assert truth_cells(DATASET, "a", 6)[0, :, 0].tolist() == [True] * 4 + [False] * 2
    assert not truth_cells(DATASET, "a", 6)[1].any()
