"""LINK in the engine: what it reads of labels and video, what is kept of it, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.joint_world import COLUMNS, SCALES, THRESHOLDS, make_joint
from tests.trainer.engine.steps import config_of, messages, of_type, run, same, weights
from tests.trainer.engine.test_stop_and_resume import StopAfter
from trainer import supervision as rules
from trainer.__main__ import main
from trainer.config import Config, ConfigError
from trainer.labels import Event, Modality, State
from trainer.parses import ParseFile, read_parses
from trainer.protocol import STOP_FILE, Epoch, StopRequested
from trainer.supervision_files import Supervision, read_supervision, supervision_path
from trainer.texts import read_texts

SETS = ("clap512", "clip")


def link_config(*overrides: str) -> Config:
    """Two epochs of the whole of LINK."""
    joint = 'features.joint=["clap512", "clip"]'
    return config_of("link/signal", joint, "plsim=true", "tsa=both", "dropout=0", "epochs=2", *overrides)


@pytest.fixture
def labels(world: World) -> ParseFile:
    return make_joint(world)


@pytest.fixture
def kept(world: World, labels: ParseFile) -> Supervision:
    run(world, config=link_config(), pseudo_labels=labels)
    return read_supervision(supervision_path(world.root / "run", 2))


def conditions_of(world: World, name: str) -> np.ndarray:
    """VALOR's labels of a clip, from its feature files and the texts alone."""
    found = []
    for features, modality in zip(SETS, ("audio", "visual"), strict=True):
        rows = np.load(world.feature_file(features, name))
        texts = read_texts(world.features, features, world.dataset.categories)
        logits = rules.text_logits(rows, texts, scale=SCALES[modality])
        found.append(logits > np.array(THRESHOLDS[modality])[COLUMNS])
    return np.stack(found)


def parse(world: World, out: Path, *more: object) -> int:
    places = ("--features", world.features, "--out", out, "--device", "cpu")
    checkpoint = world.root / "run" / "last.safetensors"
    return main([str(text) for text in ("parse", checkpoint, *places, *more)])


def test_what_it_trains_on_is_kept_clip_by_clip(world: World, labels: ParseFile, kept: Supervision) -> None:
    assert kept.arrays.keys() == {
        "pair_similarity",
        "pair_weight",
        "overlap",
        "temporal_attention",
        "conditions",
    }
    categories = world.dataset.categories
    for name in world.dataset.splits["train"]:
        clip, parse = kept.clip(name), labels.with_categories(categories).clip(name)
        np.testing.assert_array_equal(clip["conditions"], conditions_of(world, name))
        present = np.array([category in world.dataset.splits["train"][name] for category in categories])
        cells = parse.predicted(labels.rule) & present
        expected = rules.event_overlap(*cells.astype(np.float32))
        np.testing.assert_allclose(clip["overlap"], expected, atol=1e-3)
        assert np.abs(clip["pair_similarity"]).max() <= 1
        assert clip["pair_weight"].min() >= 1


def test_its_scalars_are_told_every_epoch_and_saved(world: World, kept: Supervision) -> None:
    told = [epoch.parameters for epoch in of_type(messages(world), Epoch)]

    assert [list(parameters) for parameters in told] == [["alpha1", "alpha2", "beta1", "beta2", "mu"]] * 2
    assert all(told[0][name] != told[1][name] for name in told[0])
    saved = weights(world)
    assert told[1]["mu"] == saved["mu"].item()
    assert told[1]["alpha1"] == saved["cmim.alpha1"].item()


def test_a_video_alone_is_parsed_as_a_clip_of_the_dataset_is(world: World, kept: Supervision) -> None:
    name = next(iter(world.dataset.splits["val"]))
    made = world.root / "made.npz"
    assert parse(world, world.root / "one.npz", "--dataset", world.folder, "--split", "val") == 0
    assert parse(world, world.root / "two.npz", "--clips", name, "--supervision", made) == 0

    one, two = (read_parses(world.root / file).clip(name) for file in ("one.npz", "two.npz"))
    for ours, theirs in ((one.audio, two.audio), (one.visual, two.visual), (one.video, two.video)):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    clip, of_training = read_supervision(made).clip(name), kept.clip(name)
    assert clip.keys() == of_training.keys() - {"overlap"}
    np.testing.assert_array_equal(clip["conditions"], conditions_of(world, name))
    for key, values in clip.items():
        np.testing.assert_allclose(values, of_training[key], atol=2e-3)


def test_what_a_person_reviewed_is_in_what_it_trains_on(world: World, labels: ParseFile) -> None:
    name, category = next(iter(world.dataset.splits["train"])), world.dataset.categories[1]
    reviewed = tuple(
        Event(modality, category, 0.0, 3.0, state, "Ada")
        for modality, state in ((Modality.AUDIO, State.PRESENT), (Modality.VISUAL, State.ABSENT))
    )
    world.write(replace(world.dataset, reviewed={name: reviewed}))

    run(world, config=link_config(), pseudo_labels=labels)

    clip = read_supervision(supervision_path(world.root / "run", 2)).clip(name)
    assert clip["conditions"][0, :3, 1].all()
    assert not clip["conditions"][1, :3, 1].any()
    np.testing.assert_array_equal(clip["conditions"][:, :, 0], conditions_of(world, name)[:, :, 0])


def test_a_stopped_training_goes_on_with_the_same_texts_and_scalars(world: World, labels: ParseFile) -> None:
    run(world, "whole", link_config("epochs=3"), pseudo_labels=labels)
    stopping = StopAfter(world.root / "stopped", 1, 1)
    with pytest.raises(StopRequested):
        run(world, "stopped", link_config("epochs=3"), reporter=stopping, pseudo_labels=labels)
    (world.root / "stopped" / STOP_FILE).unlink()
    run(world, "stopped", link_config("epochs=3"), resume=True, pseudo_labels=labels)

    assert same(weights(world, "whole"), weights(world, "stopped"))


def test_clips_longer_than_the_attention_over_segments_end_the_training_with_one_message(
    world: World, labels: ParseFile
) -> None:
    with pytest.raises(ConfigError, match=r'weights for 7 segments, .*set model.tsa = "spatial" or "none"'):
        run(world, config=link_config("model.segments=7"), pseudo_labels=labels)


def test_without_joint_features_plsim_is_refused_before_anything_is_trained(
    world: World, labels: ParseFile
) -> None:
    with pytest.raises(ConfigError, match=r"name an audio set and a visual set in features.joint"):
        run(world, config=link_config("features.joint=[]"), pseudo_labels=labels)
    assert not of_type(messages(world), Epoch)


def test_the_recipe_for_small_projects_is_taught_by_any_parses(world: World, labels: ParseFile) -> None:
    run(world, config=config_of("link/signal", "epochs=1"), pseudo_labels=replace(labels, meta={}))

    kept = read_supervision(supervision_path(world.root / "run", 1))
    assert kept.arrays.keys() == {"pair_similarity", "pair_weight", "overlap"}
    assert torch.isfinite(weights(world)["mu"])
