"""What the trials of LINK rest on: VALOR's labels of planted clips, and two kinds of clips to score by."""

from __future__ import annotations

import pytest

from tests.benchmarks.bench_link import BASE, GROUPS, HAN, LINK, World, config_of, grouped, learn, plant_world
from trainer.metrics import METRICS
from trainer.recipe_files import recipe_names


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return plant_world(tmp_path_factory.mktemp("world"), {"train": 24, "val": 60, "test": 80}, seed=1)


def test_the_test_clips_are_aligned_or_not_and_both_are_many(world: World) -> None:
    groups = grouped(world.clips)
    aligned, others = groups["aligned"], groups["not"]
    assert {*groups} == {*GROUPS}
    assert sorted(aligned + others) == sorted(groups["all"])
    assert min(len(aligned), len(others)) > 20
    for name in groups["all"]:
        heard, seen = world.clips.cells[name]
        assert (heard == seen).all() == (name in aligned)


def test_a_score_of_all_clips_lies_between_those_of_both_kinds(world: World) -> None:
    scores = world.scores(world.labels)
    shares = {group: len(names) for group, names in grouped(world.clips).items()}
    for metric in METRICS:
        parts = [scores[group][metric] * shares[group] for group in ("aligned", "not")]
        assert scores["all"][metric] == pytest.approx(sum(parts) / shares["all"])


def test_valors_labels_of_planted_clips_are_about_as_right_as_those_of_llp(world: World) -> None:
    """EAR's Table III: segment A 80.4, V 71.8, AV 63.7, Type 72.0 of VALOR's labels, filtered by y."""
    filtered, plain = (world.scores(file)["all"] for file in (world.labels, world.unfiltered))
    assert 65 < filtered["segment/Type@AV"] < 80
    assert filtered["segment/A"] > filtered["segment/V"] > filtered["segment/AV"]
    assert plain["segment/Type@AV"] < filtered["segment/Type@AV"] - 10


def test_every_row_of_link_can_be_tried_at_the_size_of_the_trial() -> None:
    rows = [name for name in recipe_names() if name.startswith("link/llp/")]
    for recipe in (HAN, BASE, *rows):
        config = config_of(recipe, 3, 8, ())
        assert (config.training.seed, config.training.epochs, config.model.width) == (3, 8, 64)
        assert {*config.features.sets} <= {"clap", "clip", "r2plus1d_18", "clap512"}


@pytest.mark.parametrize("recipe", [BASE, LINK])
def test_a_trial_trains_on_valors_labels_and_scores_each_kind_of_clip(world: World, recipe: str) -> None:
    scores = learn(config_of(recipe, 1, 1, ["layers=1"]), world)
    assert {*scores} == {*GROUPS}
    assert {*scores["not"]} == {*METRICS}
