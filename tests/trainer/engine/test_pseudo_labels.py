"""Training on pseudo-labels of a parse file: matched by names, soft or hard, filtered, refused where odd."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import config_of, messages, of_type, run
from tests.trainer.engine.watchers import Watcher
from trainer.checkpoint import CheckpointError
from trainer.config import Config
from trainer.dataset import DatasetError
from trainer.labels import Event, Modality, State
from trainer.parses import Parse, ParseFile
from trainer.prediction import PredictionRule
from trainer.protocol import Note

pytestmark = pytest.mark.usefixtures("watchers")

THEIR_CATEGORIES = ("Cat", "Car", "Dog", "Bell")
"""Of the pseudo-labels: another order than the world's Dog, Bell, Car, and one more."""
COLUMNS = [2, 3, 1]
RULE = PredictionRule("joint", segment=((0.5, 0.3, 0.4, 0.6), 0.5), video=(0.2, 0.4), strict=True)


def config(*overrides: str) -> Config:
    return config_of("han/signal", "parser=pseudo-watcher", "labels.kind=pseudo", "epochs=1", *overrides)


def made(world: World, splits: tuple[str, ...] = ("train", "val"), seed: int = 1) -> ParseFile:
    rng = np.random.default_rng(seed)
    clips = {}
    for split in splits:
        for name in reversed(world.dataset.splits[split]):
            segments = len(np.load(world.feature_file("signal-audio", name)))
            audio, visual = rng.random((2, segments, 4), np.float32)
            clips[name] = Parse(audio, visual, rng.random(4, np.float32))
    return ParseFile.from_clips(clips, THEIR_CATEGORIES, RULE.to_meta())


def given(world: World, file: ParseFile, *overrides: str, name: str = "run") -> dict[str, torch.Tensor]:
    """The pseudo-labels (2, T, C) that the parser was given of every train clip."""
    run(world, name, config(*overrides), pseudo_labels=file)
    names, found = list(world.dataset.splits["train"]), {}
    for batch in Watcher.latest.trained:
        assert batch.pseudo_labels is not None
        for clip, valid, labels in zip(batch.index, batch.valid, batch.pseudo_labels, strict=True):
            found[names[int(clip)]] = labels[:, : int(valid.sum())]
            assert (labels[:, int(valid.sum()) :] == -1).all()
    return found


def expected(world: World, file: ParseFile, name: str, *, soft: bool, filtered: bool) -> np.ndarray:
    parse = file.clip(name)
    assert parse is not None
    cells = np.stack([parse.audio, parse.visual]) if soft else parse.predicted(RULE).astype(np.float32)
    cells = cells[:, :, COLUMNS]
    weak = [category in world.dataset.splits["train"][name] for category in world.dataset.categories]
    return cells * weak if filtered else cells


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("filtered", [True, False])
def test_pseudo_labels_are_matched_by_the_names_of_clips_and_categories(
    world: World, soft: bool, filtered: bool
) -> None:
    file = made(world)
    overrides = (f"labels.soft={soft}".lower(), f"labels.filtered={filtered}".lower())
    for name, labels in given(world, file, *overrides).items():
        np.testing.assert_array_equal(labels, expected(world, file, name, soft=soft, filtered=filtered))


def test_a_clip_without_video_level_labels_is_not_filtered(world: World) -> None:
    file, name = made(world), "train-03"
    splits = world.dataset.splits | {"train": world.dataset.splits["train"] | {name: frozenset()}}
    events = next(iter(world.dataset.truth.values()))
    reviewed = {name: tuple(replace(event, author="ann") for event in events)}
    world.write(replace(world.dataset, splits=splits, reviewed=reviewed))
    labels = given(world, file)[name]
    np.testing.assert_array_equal(labels, expected(world, file, name, soft=True, filtered=False))


def test_a_category_that_a_person_added_to_a_clip_is_not_filtered_and_one_taken_away_is(world: World) -> None:
    file, name = made(world), "train-03"
    weak, every = world.dataset.splits["train"][name], world.dataset.categories
    added, taken = next(category for category in every if category not in weak), next(iter(weak))
    absent = tuple(Event(modality, taken, 0, 20, State.ABSENT, "ann") for modality in Modality)
    present = Event(Modality.AUDIO, added, 0, 1, State.PRESENT, "ann")
    world.write(replace(world.dataset, reviewed={name: (present, *absent)}))
    labels = given(world, file)[name]
    unfiltered = expected(world, file, name, soft=True, filtered=False)
    column = every.index(added)
    np.testing.assert_array_equal(labels[:, :, column], unfiltered[:, :, column])
    assert not labels[:, :, every.index(taken)].any()


def test_clips_without_pseudo_labels_are_unknown_and_counted(world: World) -> None:
    file = made(world)
    kept = {name: parse for name in file.names[3:] if (parse := file.clip(name))}
    labels = given(world, ParseFile.from_clips(kept, THEIR_CATEGORIES, file.meta))
    without = {name for name, cells in labels.items() if (cells == -1).all()}
    assert without == {*file.names[:3]} == {"train-23", "train-22", "train-21"}
    assert not any((cells == -1).any() for name, cells in labels.items() if name not in without)
    (note,) = of_type(messages(world), Note)
    assert "3 of 24 train clips have no pseudo-labels: their video-level labels alone are trained" in note.text


def test_the_parser_is_told_how_often_each_category_is_pseudo_labelled(world: World) -> None:
    file = made(world)
    labels = given(world, file)
    rates = Watcher.latest.material.label_rates
    cells = torch.cat(list(labels.values()), dim=1)
    assert rates is not None
    np.testing.assert_allclose(rates, (cells > 0.5).float().mean(dim=1), atol=1e-6)
    run(world, "other", config_of("han/signal", "parser=watcher", "epochs=1"))
    assert Watcher.latest.material.label_rates is None


def test_validation_clips_carry_theirs(world: World) -> None:
    file = made(world)
    given(world, file)
    (batch,) = Watcher.latest.validated
    assert batch.pseudo_labels is not None
    assert (batch.pseudo_labels[batch.valid[:, None].expand(-1, 2, -1)] >= 0).all()


def test_a_recipe_that_needs_pseudo_labels_says_how_to_get_them(world: World) -> None:
    with pytest.raises(DatasetError, match=r"is taught by pseudo-labels.* --pseudo-labels .*pipeline"):
        run(world, config=config())


def test_pseudo_labels_that_a_recipe_does_not_read_are_refused(world: World) -> None:
    with pytest.raises(DatasetError, match="han/signal is not taught by pseudo-labels: leave them out"):
        run(world, pseudo_labels=made(world))


def test_categories_that_the_pseudo_labels_do_not_know_are_named(world: World) -> None:
    file = replace(made(world), categories=("Cat", "Cow", "Dog", "Hen"))
    with pytest.raises(DatasetError, match=r"do not know 2 of the 3 categories \(Bell; Car\)"):
        run(world, config=config(), pseudo_labels=file)


@pytest.mark.parametrize("name", ["train-05", "val-02"])
def test_pseudo_labels_on_another_grid_than_the_features_are_refused_by_clip(world: World, name: str) -> None:
    file = made(world)
    parses = {clip: parse for clip in file.names if (parse := file.clip(clip))}
    parses[name] = replace(parses[name], audio=parses[name].audio[:5], visual=parses[name].visual[:5])
    with pytest.raises(DatasetError, match=rf"1 clips have another number of segments .*{name} \(5 instead of"):
        run(world, config=config(), pseudo_labels=ParseFile.from_clips(parses, THEIR_CATEGORIES))


def test_pseudo_labels_of_other_clips_are_refused(world: World) -> None:
    with pytest.raises(DatasetError, match="hold none of the 24 train clips"):
        run(world, config=config(), pseudo_labels=made(world, ("val",)))


def test_a_run_is_not_resumed_on_other_pseudo_labels(world: World) -> None:
    file = made(world)
    run(world, config=config(), pseudo_labels=file)
    run(world, config=config(), pseudo_labels=file, resume=True)
    with pytest.raises(CheckpointError, match="their labels changed"):
        run(world, config=config(), pseudo_labels=made(world, seed=2), resume=True)
