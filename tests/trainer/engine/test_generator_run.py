"""A generator of pseudo-labels as the engine trains it: from truth and texts to a checkpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, parsed, run, same, weights
from trainer.annotations import read_dataset
from trainer.checkpoint import load_checkpoint
from trainer.config import Config
from trainer.labels import Event, Modality, State
from trainer.models.generator import Generator
from trainer.protocol import Epoch
from trainer.supervision_files import read_supervision, supervision_path
from trainer.texts import TextFeatures, read_texts, write_texts


def config(*overrides: str) -> Config:
    sets = ("features.audio=signal-audio", 'features.visual=["signal-visual"]', "features.resample=false")
    small = ("hidden=16", "layers=1", "tau_audio=0.8", "tau_visual=0.8", "epochs=2")
    return config_of("ear/gen/full", *sets, *small, *overrides)


@pytest.fixture
def taught(world: World) -> World:
    """The planted world with dense truth of its train clips and text features."""
    train = world.dataset.splits["train"]
    truth = {
        name: tuple(Event(modality, category, 1, 4) for modality in Modality for category in sorted(labels))
        for name, labels in train.items()
    }
    world.write(replace(world.dataset, truth=world.dataset.truth | truth))
    rows = np.random.default_rng(1).normal(size=(3, 10)).astype(np.float32)
    for name in ("signal-audio", "signal-visual"):
        write_texts(world.features, name, TextFeatures(world.dataset.categories, ("a", "b", "c"), rows))
    return world


def test_its_checkpoint_carries_the_texts_and_parses_another_vocabulary(taught: World) -> None:
    result = run(taught, config=config())

    model, info = load_checkpoint(result.checkpoint, CPU)

    assert isinstance(model, Generator)
    texts = torch.from_numpy(read_texts(taught.features, "signal-audio", taught.dataset.categories))
    assert torch.equal(model.audio_texts, texts)
    _, ours = parsed(taught, model, info, ["val-00"])
    _, theirs = parsed(
        taught,
        model.with_texts(texts[:2], texts[:2]),
        replace(info, categories=info.categories[:2]),
        ["val-00"],
    )
    for name in ("audio", "visual"):
        one, other = (getattr(parses["val-00"], name) for parses in (ours, theirs))
        np.testing.assert_allclose(one[:, :2], other, atol=1e-6)


@pytest.mark.parametrize("recipe", ["ear", "uwav"])
def test_its_losses_and_scores_are_told_each_epoch(taught: World, recipe: str) -> None:
    symmetric = ("architecture=symmetric", "audio_weight=0", "visual_weight=0")
    run(taught, config=config(*(symmetric if recipe == "uwav" else ())))
    epochs = of_type(messages(taught), Epoch)
    assert len(epochs) == 2
    assert 0 <= epochs[-1].metrics["val/segment/AV"] <= 100
    joint = {"joint"} if recipe == "uwav" else {"visual_audio", "audio_visual"}
    assert joint | {"audio", "visual", "reviewed"} <= {*epochs[-1].losses}


def test_a_resumed_run_ends_with_the_same_weights(taught: World) -> None:
    run(taught, config=config("epochs=1"))
    run(taught, config=config(), resume=True)
    run(taught, "whole", config())
    assert same(weights(taught), weights(taught, "whole"))


def test_what_migrated_is_kept_and_never_against_a_person(taught: World) -> None:
    run(taught, config=config())
    before = read_supervision(supervision_path(taught.root / "run", 2))
    name = before.names[0]
    segment, category = map(int, np.argwhere(before.clip(name)["migrated_from"][0])[0])
    assert before.clip(name)["migrated"][0, segment, category] >= 0.8

    absent = Event(Modality.AUDIO, before.categories[category], segment, segment + 1, State.ABSENT, "ann")
    taught.write(replace(read_dataset(taught.folder), reviewed={name: (absent,)}))
    run(taught, "reviewed", config())

    after = read_supervision(supervision_path(taught.root / "reviewed", 2)).clip(name)
    assert after["migrated"][0, segment, category] == 0
    assert after["migrated_from"][0, segment, category] == 0
