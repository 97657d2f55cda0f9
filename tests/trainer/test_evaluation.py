"""`avvp-trainer evaluate`: rules by name, intervals, one file against another, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.conftest import World
from trainer.__main__ import main
from trainer.config import ConfigError, PredictionConfig
from trainer.evaluation import EvaluationError, asked_rule, threshold
from trainer.metrics import KINDS, METRICS, ONLY_METRICS
from trainer.parses import Parse, ParseFile, read_parses, write_parses
from trainer.prediction import HAN_RULE, RULES, PredictionRule, cmpae_rule
from trainer.scoring import score_parses, scored_names, truth_cells

Evaluate = Callable[..., tuple[int, str, str]]


def noisy(world: World, name: str, *, noise: float, seed: int = 0, drop: int = 0) -> Path:
    """A parse file that knows the truth of the val clips, all but some noise; `drop` clips are not in it."""
    random = np.random.default_rng(seed)
    clips = {}
    for clip in scored_names(world.dataset, "val")[drop:]:
        truth = truth_cells(world.dataset, clip, 8)
        cells = (0.7 * truth + noise * random.random(truth.shape)).clip(0, 1).astype(np.float32)
        clips[clip] = Parse(cells[0], cells[1], cells.max(axis=(0, 1)), *cells.max(axis=1))
    path = world.root / f"{name}.npz"
    write_parses(path, ParseFile.from_clips(clips, world.dataset.categories, {"parser": name}))
    return path


@pytest.fixture
def evaluate(world: World, capsys: pytest.CaptureFixture[str]) -> Evaluate:
    """Evaluate a parse file on the val split: exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        code = main(["evaluate", *map(str, arguments), "--dataset", str(world.folder), "--split", "val"])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def json_of(evaluate: Evaluate, *arguments: object) -> dict[str, object]:
    code, out, err = evaluate(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


# --- the rule ---


def test_without_options_it_says_what_it_always_said_and_by_which_rule(
    world: World, evaluate: Evaluate
) -> None:
    code, out, _ = evaluate(noisy(world, "han", noise=0.4))
    head, _, columns, *rows = out.splitlines()
    assert code == 0
    assert head == "val: 8 clips; threshold 0.5, gate joint"
    assert columns.split() == list(KINDS)
    assert [row.split()[0] for row in rows] == ["segment", "event"]
    assert {len(row) for row in (columns, *rows)} == {58}
    found = json_of(evaluate, noisy(world, "han", noise=0.4))
    assert set(found) == {"parser", "split", "threshold", "rule", "clips", "missing", "metrics"}
    assert (found["parser"], found["threshold"], found["clips"], found["missing"]) == ("han", 0.5, 8, 0)
    assert list(found["metrics"]) == list(METRICS)


@pytest.mark.parametrize("name", RULES)
def test_a_parse_file_is_scored_again_by_another_rule(world: World, evaluate: Evaluate, name: str) -> None:
    path = noisy(world, "han", noise=0.6)
    found = json_of(evaluate, path, "--rule", name)
    assert found["rule"] == RULES[name].to_meta()
    clips = {
        clip: parse for clip in scored_names(world.dataset, "val") if (parse := read_parses(path).clip(clip))
    }
    assert found["metrics"] == pytest.approx(score_parses(clips, world.dataset, list(clips), rule=RULES[name]))
    assert str(RULES[name]) in evaluate(path, "--rule", name)[1].splitlines()[0]


def test_a_rule_of_a_name_is_changed_by_what_else_is_asked_for() -> None:
    own = PredictionRule.at(0.6, "modality")
    assert asked_rule(own) == own
    assert asked_rule(own, threshold=0.3, strict=True) == PredictionRule.at(0.3, "modality", strict=True)
    assert asked_rule(own, name="uwav", gate="none") == PredictionRule("none", strict=True)
    assert asked_rule(own, name="uwav", strict=False) == HAN_RULE
    assert asked_rule(own, name="coleaf", segment=(0.1, 0.2)) == replace(RULES["coleaf"], segment=(0.1, 0.2))
    product = replace(own, combine="product")
    assert asked_rule(product, threshold=0.3) == replace(product, segment=(0.3, 0.3), video=(0.3, 0.3))


def test_cmpaes_rule_takes_its_tuned_thresholds() -> None:
    video = (threshold("0.45"), threshold("0.3,0.5,0.7"))
    assert asked_rule(HAN_RULE, name="cmpae", video=video) == cmpae_rule([0.3, 0.5, 0.7])
    for given in (None, (0.45, 0.5)):
        with pytest.raises(EvaluationError, match="a threshold of visual videos for each category"):
            asked_rule(HAN_RULE, name="cmpae", video=given)


def test_a_recipes_prediction_settings_are_a_rule_or_are_refused() -> None:
    assert PredictionConfig().rule() == HAN_RULE
    assert PredictionConfig(threshold=0.6, strict=True).rule() == PredictionRule.at(0.6, strict=True)
    assert PredictionConfig(gate="none", combine="product").rule() == PredictionRule("none", combine="product")
    assert (
        PredictionConfig(gate="modality", segment_thresholds=(0.25, 0.25), video_thresholds=(0.52, 0.52)).rule()
        == RULES["coleaf"]
    )
    with pytest.raises(ConfigError, match=r"prediction\.video_thresholds = \[0\.5\]: it is one of audio, one"):
        PredictionConfig(video_thresholds=(0.5,))


# --- more to say ---


def test_what_is_only_heard_or_seen_gets_a_table_of_its_own(world: World, evaluate: Evaluate) -> None:
    path = noisy(world, "han", noise=0.4)
    assert list(json_of(evaluate, path, "--ao-vo")["ao_vo"]) == list(ONLY_METRICS)
    assert "Type@AoVo" in evaluate(path, "--ao-vo")[1]


def test_categories_come_with_their_true_events(world: World, evaluate: Evaluate) -> None:
    path = noisy(world, "han", noise=0)
    found = json_of(evaluate, path, "--per-category")["categories"]
    assert list(found) == list(world.dataset.categories)
    heard = sum(event.modality == "audio" for clip in scored_names(world.dataset, "val")
                for event in world.dataset.truth.get(clip, ()))  # fmt: skip
    assert sum(category["events"]["A"] for category in found.values()) == heard
    assert {category["metrics"]["segment/A"] for category in found.values()} <= {100, None}
    out = evaluate(path, "--per-category")[1]
    assert "by category, counts summed over the clips; threshold 0.5, gate joint" in out
    assert all(f"\n{category} " in out for category in found)


def test_the_scores_of_each_clip_are_written_to_a_table(world: World, evaluate: Evaluate) -> None:
    path, table = noisy(world, "han", noise=0.4), world.root / "clips.csv"
    found = json_of(evaluate, path, "--per-clip", table)["metrics"]
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["filename"] for row in rows] == scored_names(world.dataset, "val")
    for name in METRICS:
        assert np.mean([float(row[name]) for row in rows]) == pytest.approx(found[name], abs=1e-4)


def test_intervals_lie_around_the_scores(world: World, evaluate: Evaluate) -> None:
    path = noisy(world, "han", noise=0.6)
    found = json_of(evaluate, path, "--bootstrap", 300)
    assert (found["intervals"]["resamples"], found["intervals"]["confidence"]) == (300, 0.95)
    for name, (low, high) in found["intervals"]["metrics"].items():
        assert low <= found["metrics"][name] <= high
    lines = evaluate(path, "--bootstrap", 300)[1].splitlines()
    low, high = found["intervals"]["metrics"]["segment/A"]
    assert lines[4].split()[:2] == [f"[{low:.1f}", f"{high:.1f}]"]
    assert max(map(len, lines)) <= 80


# --- against another file ---


def test_a_better_parser_is_better_beyond_noise(world: World, evaluate: Evaluate) -> None:
    better, worse = noisy(world, "better", noise=0), noisy(world, "worse", noise=0.9)

    found = json_of(evaluate, better, "--against", worse)

    against = found["against"]
    assert (against["parser"], against["parses"]) == ("worse", str(worse))
    for name in METRICS:
        difference = against["difference"]["metrics"][name]
        assert difference == pytest.approx(found["metrics"][name] - against["metrics"][name])
    low, high = against["intervals"]["metrics"]["segment/Type@AV"]
    assert 0 < low < against["difference"]["metrics"]["segment/Type@AV"] < high
    out = evaluate(better, "--against", worse)[1]
    shown = f"{against['difference']['metrics']['segment/Type@AV']:+.1f}*"
    assert shown in out


def test_a_file_against_itself_differs_by_nothing(world: World, evaluate: Evaluate) -> None:
    path = noisy(world, "han", noise=0.6)
    against = json_of(evaluate, path, "--against", path)["against"]
    assert set(against["difference"]["metrics"].values()) == {0.0}
    _, shown = evaluate(path, "--against", path)[1].split("difference to it")
    assert "0.0*" not in shown


def test_two_files_are_compared_on_the_clips_that_both_hold(world: World, evaluate: Evaluate) -> None:
    whole, part = noisy(world, "whole", noise=0.5), noisy(world, "part", noise=0.5, drop=3)
    code, out, _ = evaluate(whole, "--against", part)
    assert code == 0
    assert out.startswith("val: 5 clips, 3 more are not in the parse files; ")


# --- what is refused ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "cmpae"], "give them with --video-thresholds"),
        (["--threshold", "1.5"], "argument --threshold: '1.5' is no number from 0 to 1"),
        (["--threshold", "high"], "argument --threshold: 'high' is no number from 0 to 1"),
        (["--segment-thresholds", "0.5,nan", "0.5"], "argument --segment-thresholds: 'nan' is no number"),
        (["--video-thresholds", "0.5", "0.5,0.5"], "2 thresholds for 3 categories"),
        (["--bootstrap", "0"], "'0' is no whole number from 1 to 1000000"),
        (["--bootstrap", "100000000000"], "is no whole number from 1 to 1000000"),
        (["--rule", "own"], "invalid choice: 'own'"),
    ],
)
def test_options_that_say_nothing_are_refused_in_one_line(
    world: World, evaluate: Evaluate, arguments: list[str], message: str
) -> None:
    code, _, err = evaluate(noisy(world, "han", noise=0.4), *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_a_rule_that_an_older_file_cannot_serve_is_refused(world: World, evaluate: Evaluate) -> None:
    file = read_parses(noisy(world, "han", noise=0.4))
    write_parses(world.root / "older.npz", replace(file, audio_video=None, visual_video=None))
    code, _, err = evaluate(world.root / "older.npz", "--rule", "coleaf")
    assert (code, err.count("\n")) == (2, 1)
    assert 'the gate "modality" asks what is heard and what is seen' in err


def test_truth_that_is_audio_visual_only_scores_av_and_nothing_else(
    world: World, evaluate: Evaluate, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = noisy(world, "han", noise=0.4)
    dataset = replace(world.dataset, audio_visual_only=True)
    monkeypatch.setattr("trainer.commands.evaluate.read_noted", lambda *_: dataset)
    assert list(json_of(evaluate, path)["metrics"]) == ["segment/AV", "event/AV"]
    out = evaluate(path, "--per-category")[1]
    assert "Type@AV" not in out
    titles, kinds, *rows = out.splitlines()[-2 - len(dataset.categories) :]
    assert kinds.split() == ["AV"] * 3
    assert {len(row) for row in (titles, kinds, *rows)} == {len(titles)}
    code, _, err = evaluate(path, "--ao-vo")
    assert (code, "audio-visual only" in err) == (2, True)
