"""Prediction rules against a cell-by-cell reference, and parse files with what they may or may not hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.trainer import reference_metrics
from trainer.parses import Parse, ParseError, ParseFile, read_parses, write_parses
from trainer.prediction import COMBINES, GATES, HAN_RULE, RULES, PredictionRule, RuleError, cmpae_rule

LEVELS = (0.0, 0.25, 0.3, 0.45, 0.5, 0.52, 0.7, 1.0)
"""Thresholds and probabilities come from here, so that they meet exactly."""

CATEGORIES = ("Dog", "Bell", "Car")


@st.composite
def parses(draw) -> Parse:
    segments, categories = draw(st.integers(1, 4)), len(CATEGORIES)
    values = st.sampled_from([float(np.float32(level)) for level in LEVELS])

    def some(*shape: int) -> np.ndarray:
        return draw(arrays(np.float32, shape, elements=values))

    cells = some(2, segments, categories)
    videos = some(3, categories)
    return Parse(cells[0], cells[1], *videos)


one = st.sampled_from(LEVELS)
thresholds = one | st.tuples(one, one, one)
rules = st.builds(
    PredictionRule,
    gate=st.sampled_from(GATES),
    segment=st.tuples(thresholds, thresholds),
    video=st.tuples(thresholds, thresholds),
    strict=st.booleans(),
    combine=st.sampled_from(COMBINES),
)


def some_parse(segments: int = 10, seed: int = 0) -> Parse:
    random = np.random.default_rng(seed)
    audio, visual = random.random((2, segments, len(CATEGORIES)), np.float32)
    return Parse(audio, visual, *random.random((3, len(CATEGORIES)), np.float32))


# --- rules ---


@given(parses(), rules)
def test_every_rule_predicts_as_the_definition_says(parse: Parse, rule: PredictionRule) -> None:
    np.testing.assert_array_equal(parse.predicted(rule), reference_metrics.predicted(parse, rule))


@given(rules)
def test_a_rule_is_read_back_from_what_a_file_says_of_it(rule: PredictionRule) -> None:
    assert PredictionRule.from_meta(json.loads(json.dumps(rule.to_meta()))) == rule


@pytest.mark.parametrize(
    ("name", "gate", "segment", "video", "strict"),
    [
        ("han", "joint", 0.5, (0.5, 0.5), False),
        ("uwav", "joint", 0.5, (0.5, 0.5), True),
        ("ma", "modality", 0.5, (0.5, 0.5), False),
        ("jomold", "modality", 0.5, (0.5, 0.5), False),
        ("mm-cse", "audio-joint", 0.5, (0.5, 0.5), False),
        ("coleaf", "modality", 0.25, (0.52, 0.52), False),
        ("cmpae", "modality", 0.25, (0.45, (0.3, 0.5, 0.7)), False),
    ],
)
def test_the_published_rules_have_names(name, gate, segment, video, strict) -> None:
    rule = cmpae_rule([0.3, 0.5, 0.7]) if name == "cmpae" else RULES[name]
    assert rule == PredictionRule(gate, (segment, segment), video, strict)


def test_leaps_hard_or_over_time_gates_nothing() -> None:
    parse = some_parse()
    cells = np.stack([parse.audio, parse.visual]) >= 0.5
    anywhere = cells.any(axis=1, keepdims=True)
    np.testing.assert_array_equal(parse.predicted(RULES["leap"]), cells & anywhere)


def test_a_probability_at_the_threshold_is_predicted_unless_the_rule_is_strict() -> None:
    at = np.full((1, 1), np.float32(0.52))
    parse = Parse(at, at, at[0], at[0], at[0])
    for gate in GATES:
        rule = PredictionRule.at(0.52, gate)
        assert parse.predicted(rule).all()
        assert not parse.predicted(replace(rule, strict=True)).any()


def test_many_clips_of_one_length_are_predicted_at_once() -> None:
    clips = [some_parse(seed=seed) for seed in range(4)]
    every = Parse(*(np.stack([vars(clip)[name] for clip in clips]) for name in vars(clips[0])))
    for rule in (*RULES.values(), cmpae_rule([0.3, 0.5, 0.7])):
        np.testing.assert_array_equal(every.predicted(rule), np.stack([clip.predicted(rule) for clip in clips]))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (HAN_RULE, "threshold 0.5, gate joint"),
        (RULES["uwav"], "threshold 0.5 (strict), gate joint"),
        (RULES["coleaf"], "segments >= 0.25, gate modality: videos >= 0.52"),
        (
            cmpae_rule([0.3, 0.7]),
            "segments >= 0.25, gate modality: videos >= 0.45 (audio), 0.3 to 0.7 by category (visual)",
        ),
        (
            PredictionRule("none", segment=(0.4, 0.5), strict=True),
            "segments > 0.4 (audio), 0.5 (visual), gate none",
        ),
        (PredictionRule("none", combine="product"), "threshold 0.5 of audio times visual, gate none"),
        (
            PredictionRule("joint", segment=(0.25, 0.7), combine="product"),
            "audio times visual of segments >= 0.25, gate joint: videos >= 0.5",
        ),
    ],
)
def test_a_rule_says_itself_in_words(rule: PredictionRule, text: str) -> None:
    assert str(rule) == text


def test_a_rule_follows_its_categories_into_another_order() -> None:
    rule = PredictionRule("modality", segment=(0.25, (0.2, 0.4, 0.6)), video=(0.45, (0.3, 0.5, 0.7)))
    columns = [2, 0, -1]

    moved, parse = rule.with_columns(columns), some_parse()

    assert moved.video == (0.45, (0.7, 0.3, 1.0))
    assert [moved.segment_threshold(1, column) for column in range(3)] == [0.6, 0.2, 1.0]
    assert moved.segment_threshold(0, 2) == 0.25
    predicted = parse.with_columns(columns).predicted(moved)
    np.testing.assert_array_equal(predicted[..., :2], parse.predicted(rule)[..., [2, 0]])
    assert not predicted[..., 2].any()


def test_a_product_is_predicted_in_both_modalities_or_in_none() -> None:
    rule = PredictionRule("none", segment=(0.5, 0.9), combine="product")
    parse = some_parse()
    audio, visual = parse.predicted(rule)
    np.testing.assert_array_equal(audio, parse.audio * parse.visual >= np.float32(0.5))
    np.testing.assert_array_equal(audio, visual)
    assert [rule.segment_threshold(axis, 0) for axis in (0, 1)] == [0.5, 0.5]
    assert rule.threshold == 0.5


def test_thresholds_for_another_number_of_categories_are_refused() -> None:
    with pytest.raises(RuleError, match="2 thresholds for 3 categories"):
        some_parse().predicted(cmpae_rule([0.3, 0.5]))


# --- files ---


def written(path: Path, file: ParseFile) -> ParseFile:
    write_parses(path, file)
    return read_parses(path)


def test_a_file_keeps_what_is_heard_and_what_is_seen_and_its_rule(tmp_path: Path) -> None:
    clips = {"a": some_parse(10, 1), "b": some_parse(7, 2)}
    file = written(tmp_path / "p.npz", ParseFile.from_clips(clips, CATEGORIES, RULES["coleaf"].to_meta()))
    assert file.rule == RULES["coleaf"]
    assert "a" in file
    assert "c" not in file
    for name, parse in clips.items():
        found = file.clip(name)
        assert found is not None
        for key, values in vars(parse).items():
            np.testing.assert_array_equal(vars(found)[key], values)


def test_a_file_without_them_is_read_and_serves_the_rules_that_need_none(tmp_path: Path) -> None:
    whole = some_parse()
    older = Parse(whole.audio, whole.visual, whole.video)
    file = written(tmp_path / "p.npz", ParseFile.from_clips({"a": older, "b": older}, CATEGORIES))
    with np.load(tmp_path / "p.npz") as written_arrays:
        assert set(written_arrays) == {"names", "offsets", "audio", "visual", "video", "categories", "meta"}
    found = file.clip("a")
    assert found is not None
    for rule in (HAN_RULE, RULES["leap"]):
        np.testing.assert_array_equal(found.predicted(rule), whole.predicted(rule))
    for name in ("ma", "mm-cse"):
        with pytest.raises(ParseError, match="do not say: parse the clips again, or use the gate"):
            found.predicted(RULES[name])


@pytest.mark.parametrize(
    ("meta", "rule"),
    [
        ({}, HAN_RULE),
        ({"threshold": 0.4}, PredictionRule.at(0.4)),
        ({"threshold": 1, "gate": "joint"}, PredictionRule.at(1)),
    ],
)
def test_older_files_predict_as_they_did(meta: dict[str, object], rule: PredictionRule) -> None:
    assert PredictionRule.from_meta(meta) == rule


def test_an_older_reader_finds_the_one_threshold_where_there_is_one() -> None:
    assert PredictionRule.at(0.6).to_meta().items() >= {"threshold": 0.6, "gate": "joint"}.items()
    assert "threshold" not in RULES["coleaf"].to_meta()


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"threshold": "high"}, "threshold is not a number from 0 to 1, but 'high'"),
        ({"threshold": 1.5}, "not a number from 0 to 1, but 1.5"),
        ({"threshold": float("nan")}, "not a number from 0 to 1, but nan"),
        ({"gate": "open"}, "gate is one of joint, modality, audio-joint, none, not 'open'"),
        ({"segment_thresholds": 0.5}, "one for audio and one for visual, not 0.5"),
        ({"segment_thresholds": [0.5, {}]}, "not a number from 0 to 1"),
        ({"video_thresholds": [0.5, [0.5, 0.5]]}, "2 thresholds for 3 categories"),
        ({"combine": "sum"}, "combine is one of each, product, not 'sum'"),
    ],
)
def test_a_file_with_a_rule_that_is_none_is_refused_by_name(tmp_path: Path, meta, message: str) -> None:
    write_parses(tmp_path / "p.npz", ParseFile.from_clips({"a": some_parse()}, CATEGORIES, meta))
    with pytest.raises(ParseError, match=message) as refused:
        read_parses(tmp_path / "p.npz")
    assert "p.npz: its" in str(refused.value) or "p.npz: the rule" in str(refused.value)
    assert "make it again" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"audio_video": np.zeros((1, 2), np.float32)}, "do not fit together"),
        ({"visual_video": np.full((1, 3), 1.5, np.float32)}, "not all between 0 and 1"),
    ],
)
def test_what_is_heard_and_seen_is_checked_as_the_rest_is(tmp_path: Path, change, message: str) -> None:
    file = ParseFile.from_clips({"a": some_parse()}, CATEGORIES)
    with pytest.raises(ParseError, match=message):
        written(tmp_path / "p.npz", replace(file, **change))


def test_what_one_clip_does_not_say_is_kept_of_none() -> None:
    whole = some_parse()
    file = ParseFile.from_clips({"a": whole, "b": replace(whole, audio_video=None)}, CATEGORIES)
    assert file.audio_video is None
    assert file.visual_video is not None


def test_a_file_in_another_order_of_categories_predicts_the_same() -> None:
    file = ParseFile.from_clips(
        {"a": some_parse()}, CATEGORIES, {"parser": "x", **cmpae_rule([0.3, 0.5, 0.7]).to_meta()}
    )
    order = ("Car", "Dog", "Bell")
    before, moved = file.clip("a"), file.with_categories(order)
    after = moved.clip("a")
    assert before is not None
    assert after is not None
    assert (moved.categories, moved.meta["parser"]) == (order, "x")
    np.testing.assert_array_equal(after.predicted(moved.rule), before.predicted(file.rule)[..., [2, 0, 1]])
