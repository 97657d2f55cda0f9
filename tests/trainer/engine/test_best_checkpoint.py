"""Which epoch's checkpoint is kept as the best one, by which score, and what it holds."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, parsed, run
from trainer.annotations import labels_hash, read_dataset
from trainer.checkpoint import load_checkpoint
from trainer.labels import Event, Modality
from trainer.protocol import Epoch, Note
from trainer.scoring import score_parses, scored_names


def test_the_best_checkpoint_is_the_first_of_the_highest_type_score(world: World) -> None:
    result = run(world)
    scores = [epoch.metrics["val/segment/Type@AV"] for epoch in of_type(messages(world), Epoch)]
    _, best = load_checkpoint(result.checkpoint, CPU)
    _, last = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    assert best.epoch == result.epoch == 1 + int(np.argmax(scores))
    assert best.metrics["segment/Type@AV"] == result.metrics["segment/Type@AV"] == max(scores)
    assert last.epoch == 6
    assert json.loads((world.root / "run" / "metrics.json").read_text())["best_epoch"] == best.epoch


def test_a_checkpoint_parses_as_the_engine_validated_it(world: World) -> None:
    result = run(world)
    model, info = load_checkpoint(result.checkpoint, CPU)
    dataset = read_dataset(world.folder)
    features, parses = parsed(world, model, info, dataset.splits["val"])
    names = scored_names(dataset, "val")
    rule = info.config.prediction.rule()
    assert score_parses(parses, dataset, names, rule=rule) == pytest.approx(result.metrics)
    assert [len(parses[name].audio) for name in names] == features.lengths.tolist()


def test_the_metric_that_is_asked_for_chooses_the_best_checkpoint(world: World) -> None:
    result = run(world, config=config_of("han/signal", "select_by=event/V"))
    scores = [epoch.metrics["val/event/V"] for epoch in of_type(messages(world), Epoch)]
    assert result.epoch == 1 + int(np.argmax(scores))


def test_truth_that_is_audio_visual_only_chooses_by_what_can_be_scored(world: World) -> None:
    dataset = replace(world.dataset, audio_visual_only=True, truth=both_modalities(world.dataset.truth))
    shutil.rmtree(world.folder)
    world.write(dataset)
    result = run(world, config=config_of("ecma/signal"))
    epochs = of_type(messages(world), Epoch)
    assert set(epochs[0].metrics) == {"val/segment/AV", "val/event/AV"}
    assert result.epoch == 1 + int(np.argmax([epoch.metrics["val/segment/AV"] for epoch in epochs]))
    assert not any(key.startswith("mask/") for key in epochs[-1].supervision)
    assert any("segment/AV chooses the best checkpoint" in note.text for note in of_type(messages(world), Note))


def both_modalities(truth: dict[str, tuple[Event, ...]]) -> dict[str, tuple[Event, ...]]:
    heard = {
        name: [event for event in events if event.modality is Modality.AUDIO] for name, events in truth.items()
    }
    return {
        name: tuple(sorted(replace(event, modality=modality) for event in events for modality in Modality))
        for name, events in heard.items()
    }


@pytest.mark.parametrize("recipe", ["han/signal", "ecma/signal"])
def test_without_validation_clips_the_last_epoch_is_kept(world: World, recipe: str) -> None:
    world.write(
        replace(world.dataset, splits=world.dataset.splits | {"val": {}}, truth={}, complete=frozenset())
    )
    result = run(world, config=config_of(recipe))
    assert result.checkpoint.name == "last.safetensors"
    assert result.epoch == 6
    assert not (world.root / "run" / "best.safetensors").exists()
    assert any("last epoch is kept" in note.text for note in of_type(messages(world), Note))


def test_a_checkpoint_names_the_labels_that_it_was_trained_on(world: World) -> None:
    run(world)
    _, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    assert info.labels == labels_hash(read_dataset(world.folder))
