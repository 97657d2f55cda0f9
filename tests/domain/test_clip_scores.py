from __future__ import annotations

import numpy as np
import pytest

from avvp_studio.domain.clip_scores import ClipTruth
from avvp_studio.domain.tracks import Track
from trainer.annotations import Dataset
from trainer.evaluation import evaluate
from trainer.labels import Event, Modality, State, state_grid
from trainer.metrics import METRICS
from trainer.parses import Parse, ParseFile
from trainer.prediction import PredictionRule

AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
CATEGORIES = ("Dog", "Speech", "Car")
EVENTS = (
    Event(AUDIO, "Dog", 1, 4),
    Event(VISUAL, "Dog", 2.5, 6),
    Event(AUDIO, "Speech", 0, 8, State.PRESENT, "anna"),
    Event(AUDIO, "Car", 3, 5, State.ABSENT, "anna"),
)
OTHER = PredictionRule("none", segment=((0.3, 0.6, 0.5), 0.7))


def random_parse(segments=10, seed=1):
    audio, visual = np.random.default_rng(seed).random((2, segments, len(CATEGORIES)), dtype=np.float32)
    return Parse(audio, visual, np.ones(len(CATEGORIES), np.float32))


def truth(events=EVENTS, *, complete=True, segments=10, **more):
    return ClipTruth(state_grid(events, CATEGORIES, segments, complete=complete), complete, **more)


@pytest.mark.parametrize("seed", range(5))
def test_of_a_complete_clip_they_are_what_evaluate_reports(seed):
    parse = random_parse(seed=seed)
    dataset = Dataset(
        CATEGORIES,
        {"val": {"a_0_10": frozenset({"Dog"})}},
        truth={"a_0_10": tuple(event for event in EVENTS if not event.author)},
        reviewed={"a_0_10": tuple(event for event in EVENTS if event.author)},
        complete=frozenset({"a_0_10"}),
    )
    file = ParseFile.from_clips({"a_0_10": parse}, CATEGORIES)
    found = truth().scores(Track("han", parse).by_rule(OTHER))
    for scores, rule in ((found.metrics, OTHER), (found.own, PredictionRule())):
        official = evaluate(file, dataset, ["a_0_10"], rule).per_clip
        assert scores == pytest.approx({name: 100 * values[0] for name, values in official.items()})


def test_the_gain_is_against_the_parsers_own_thresholds():
    heard = np.zeros((10, 3), np.float32)
    heard[1:4, 0] = 0.4
    parse = Parse(heard, np.zeros_like(heard), np.ones(3, np.float32))
    dog_is_heard = truth(EVENTS[:1])
    found = dog_is_heard.scores(Track("han", parse).by_rule(PredictionRule(segment=(0.4, 0.5))))
    assert found.metrics["segment/A"] == found.gain("segment/A") == 100
    assert found.gain("segment/V") == 0
    assert dog_is_heard.scores(Track("han", parse)).gain("segment/A") == 0


def test_of_other_clips_only_labelled_cells_count():
    predicted_everywhere = Parse(*np.ones((2, 10, 3), np.float32), np.ones(3, np.float32))
    found = truth(complete=False).scores(Track("han", predicted_everywhere))
    assert truth(complete=False).labelled == 3 + 4 + 8 + 2
    assert found.differing == 2  # of the car that is said to be absent
    assert found.metrics["segment/A"] == pytest.approx(100 * 2 / 3)
    assert found.metrics["segment/V"] == found.metrics["event/V"] == 100


def test_what_nobody_labelled_has_no_score_rather_than_a_perfect_one():
    heard_only = truth(EVENTS[:1], complete=False)
    assert heard_only.metrics == ("segment/A", "segment/Event@AV", "event/A", "event/Event@AV")
    assert set(heard_only.scores(Track("han", random_parse())).metrics) == set(heard_only.metrics)
    assert truth((), complete=False).labelled == 0
    assert truth(()).metrics == METRICS


def test_what_is_labelled_in_one_modality_here_and_the_other_there_has_no_score_of_both():
    apart = truth((EVENTS[0], Event(VISUAL, "Car", 2, 3)), complete=False)
    kinds = {"A", "V", "Event@AV"}
    assert set(apart.metrics) == {f"{level}/{kind}" for level in ("segment", "event") for kind in kinds}


def test_audio_visual_truth_scores_nothing_else():
    both = truth(is_audio_visual_only=True)
    assert set(both.scores(Track("han", random_parse())).own) == {"segment/AV", "event/AV"}
