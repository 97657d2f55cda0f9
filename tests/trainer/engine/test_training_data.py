"""What is trained on: reviewed cells, clips without labels, clips without usable features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, parsed, run, same, weights
from trainer.checkpoint import load_checkpoint
from trainer.dataset import DatasetError
from trainer.features import FeatureError
from trainer.labels import Event, Modality, State
from trainer.protocol import Epoch, Note


def test_reviewed_cells_of_training_clips_change_what_is_learnt(world: World) -> None:
    run(world, "before")
    clip = next(iter(world.dataset.splits["train"]))
    absent = (Event(Modality.AUDIO, "Dog", 0, 5, State.ABSENT, "ann"),)
    world.write(replace(world.dataset, reviewed={clip: absent}))
    run(world, "after")
    assert not same(weights(world, "before"), weights(world, "after"))


def test_reviewed_cells_of_validation_clips_change_nothing_that_is_learnt(world: World) -> None:
    run(world, "before")
    clip = next(iter(world.dataset.splits["val"]))
    world.write(
        replace(world.dataset, reviewed={clip: (Event(Modality.AUDIO, "Dog", 0, 5, State.ABSENT, "ann"),)})
    )
    run(world, "after")
    assert same(weights(world, "before"), weights(world, "after"))


def without_labels(world: World, names: list[str]) -> Any:
    train = world.dataset.splits["train"] | dict.fromkeys(names, frozenset())
    return replace(world.dataset, splits=world.dataset.splits | {"train": train})


def test_clips_of_which_nothing_is_known_are_left_out_and_counted(world: World) -> None:
    names = list(world.dataset.splits["train"])
    world.write(without_labels(world, names[:4]))
    run(world, "with")
    (note,) = of_type(messages(world, "with"), Note)
    assert "4 of 24 train clips have no video-level label and nothing reviewed, and are left out" in note.text
    rest = {name: world.dataset.splits["train"][name] for name in names[4:]}
    world.write(replace(world.dataset, splits=world.dataset.splits | {"train": rest}))
    run(world, "without")
    assert same(weights(world, "with"), weights(world, "without"))


def test_a_clip_that_only_a_person_labelled_is_trained_on_what_they_said(world: World) -> None:
    names = list(world.dataset.splits["train"])
    present = (Event(Modality.AUDIO, "Dog", 0, 7, State.PRESENT, "ann"),)
    world.write(replace(without_labels(world, names), reviewed={names[0]: present}))
    run(world, config=config_of("han/signal", "epochs=40"))
    left_out, little = (note.text for note in of_type(messages(world), Note))
    assert "23 of 24 train clips" in left_out
    assert "1 of 24 train clips have no video-level label: only what was reviewed" in little
    model, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    _, parses = parsed(world, model, info, names[:1])
    parse = parses[names[0]]
    assert parse.audio[:7, 0].min() > 0.9
    # No one said that the others are absent: nothing drives them down.
    assert parse.video[1:].min() > 0.2


def test_clips_without_features_are_left_out_and_counted(world: World) -> None:
    for name in list(world.dataset.splits["train"])[:3]:
        world.feature_file("signal-visual", name).unlink()
    run(world)
    (note,) = of_type(messages(world), Note)
    assert "3 of 24 train clips, 0 of 8 val clips" in note.text


def test_training_clips_without_any_features_are_an_error(world: World) -> None:
    for name in world.dataset.splits["train"]:
        world.feature_file("signal-audio", name).unlink()
    with pytest.raises(DatasetError, match="none of the 24 labelled train clips"):
        run(world)


def test_damaged_features_are_refused_before_the_first_step(world: World) -> None:
    world.feature_file("signal-audio", "val-03").write_bytes(b"")
    with pytest.raises(FeatureError, match=r"val-03\.npy"):
        run(world)
    assert not of_type(messages(world), Epoch)


def test_reviewed_cells_of_scored_clips_are_counted_and_refused_as_labels(world: World) -> None:
    said = (Event(Modality.AUDIO, "Dog", 0, 5, State.ABSENT, "ann"),)
    world.write(replace(world.dataset, reviewed={"val-01": said, "test-02": said, "train-00": said}))
    run(world)
    (note,) = of_type(messages(world), Note)
    assert note.text.startswith("10 reviewed cells of 2 val and test clips are refused as training labels")
    assert "val-01; test-02" in note.text
