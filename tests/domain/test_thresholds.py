from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avvp_studio.domain.thresholds import from_json, held, levels_of, set_level, to_json, with_levels
from trainer.labels import MODALITIES, Modality
from trainer.prediction import PredictionRule

AUDIO, VISUAL = Modality.AUDIO, Modality.VISUAL
CATEGORIES = ("Dog", "Speech", "Car")
OWN = PredictionRule("modality", segment=(0.5, (0.2, 0.3, 0.4)), video=(0.6, 0.7), strict=True)


def test_one_threshold_changes_and_all_else_of_the_rule_stays():
    rule = set_level(OWN, OWN, CATEGORIES, VISUAL, ["Speech"], 0.75)
    assert rule.segment == (0.5, (0.2, 0.75, 0.4))
    assert (rule.gate, rule.video, rule.strict) == (OWN.gate, OWN.video, OWN.strict)


def test_without_a_level_it_is_the_parsers_own_again():
    changed = set_level(OWN, OWN, CATEGORIES, AUDIO, CATEGORIES, 0.1)
    assert changed.segment[0] == 0.1
    again = set_level(changed, OWN, CATEGORIES, AUDIO, ["Dog"], None)
    assert again.segment[0] == (0.5, 0.1, 0.1)
    assert set_level(changed, OWN, CATEGORIES, AUDIO, CATEGORIES, None) == OWN


def test_the_parsers_own_is_found_again_though_it_says_the_same_of_each_category():
    own = PredictionRule(segment=((0.5, 0.5, 0.5), 0.5))
    changed = set_level(own, own, CATEGORIES, AUDIO, ["Dog"], 0.3)
    assert set_level(changed, own, CATEGORIES, AUDIO, ["Dog"], 0.5) == own


def test_a_product_of_heard_and_seen_has_one_threshold():
    product = PredictionRule(combine="product", segment=(0.3, 0.9))
    rule = set_level(product, product, CATEGORIES, VISUAL, ["Dog"], 0.4)
    assert [rule.segment_threshold(modality.axis, 0) for modality in MODALITIES] == [0.4, 0.4]


def test_no_threshold_is_0_as_that_would_predict_what_a_parser_does_not_know():
    assert (held(-3.0), held(0.0), held(0.456), held(7.0)) == (0.01, 0.01, 0.46, 1.0)


levels = st.dictionaries(
    st.tuples(st.sampled_from(MODALITIES), st.sampled_from(CATEGORIES)), st.floats(0, 1).map(held)
)


@given(levels)
def test_what_is_kept_gives_the_same_rule_again(chosen):
    rule = with_levels(OWN, CATEGORIES, chosen)
    kept = from_json(json.loads(json.dumps(to_json(levels_of(rule, OWN, CATEGORIES)))))
    assert with_levels(OWN, CATEGORIES, kept) == rule
    assert kept.items() <= chosen.items()


def test_categories_that_a_project_has_no_more_are_passed_over():
    assert with_levels(OWN, CATEGORIES, {(AUDIO, "Cat"): 0.1}) == OWN


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([], "not an object"),
        ({"audio": 3}, "audio thresholds are not numbers by category"),
        ({"visual": {"Dog": "high"}}, "visual threshold of Dog is not a number from 0 to 1"),
        ({"visual": {"Dog": 1.5}}, "visual threshold of Dog"),
        ({"visual": {"Dog": True}}, "visual threshold of Dog"),
        ({"visual": {"Dog": float("nan")}}, "visual threshold of Dog"),
    ],
)
def test_what_is_no_threshold_is_refused_by_name(said, reason):
    with pytest.raises(ValueError, match=reason):
        from_json(said)
