"""The supervision that a run leaves behind: what is in it, how often, and how it scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, parsed, run
from trainer.checkpoint import build_model, load_checkpoint
from trainer.dataset import clip_tensors, feature_rows
from trainer.features import FeatureStore
from trainer.labels import PRESENT, state_grid
from trainer.protocol import Epoch
from trainer.supervision_files import read_supervision, supervision_path


def test_every_epoch_leaves_what_it_trained_on(world: World) -> None:
    run(world, config=config_of("ecma/signal", "dropout=0", "visual_dropout=0", "epochs=3"))
    found = [read_supervision(supervision_path(world.root / "run", epoch)) for epoch in (1, 2, 3)]
    assert [supervision.epoch for supervision in found] == [1, 2, 3]
    last = found[-1]
    assert last.names == (*world.dataset.splits["train"], *world.dataset.splits["val"])
    assert (last.trained, last.categories) == (24, world.dataset.categories)
    clip = last.clip("train-05")
    length = int(last.lengths[5])
    assert clip["teacher"].shape == (2, length, 3)
    assert clip["mask"].dtype == np.bool_
    assert np.abs(found[0].clip("train-05")["student"] - clip["student"]).max() > 0.05


def test_the_supervision_of_training_clips_is_what_their_own_step_used(world: World) -> None:
    config = config_of("ecma/signal", "dropout=0", "visual_dropout=0", "epochs=1", "batch=24")
    run(world, config=config)  # one step, with fresh weights
    kept = read_supervision(supervision_path(world.root / "run", 1))
    torch.manual_seed(config.training.seed)
    model = build_model(config, 3, {"signal-audio": 10, "signal-visual": 10})
    _, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    _, parses = parsed(world, model, info, world.dataset.splits["train"])
    for name, parse in parses.items():
        np.testing.assert_allclose(kept.clip(name)["student"][0], parse.audio, atol=0.5 / 255 + 1e-6)
        np.testing.assert_allclose(kept.clip(name)["student"][1], parse.visual, atol=0.5 / 255 + 1e-6)


def test_the_supervision_of_validation_clips_is_that_of_the_kept_weights_and_is_scored(world: World) -> None:
    run(world, config=config_of("ecma/signal", "epochs=8", "mask_gamma=0.5"))
    kept = read_supervision(supervision_path(world.root / "run", 8))
    model, info = load_checkpoint(world.root / "run" / "last.safetensors", CPU)
    names = list(world.dataset.splits["val"])
    features = FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"]).read(names)
    rows = feature_rows(features, info.config.features, CPU, info.scaling)
    clips = clip_tensors(world.dataset, "val", rows)
    (batch,) = clips.batches()
    made = model.supervision(batch)
    marked = true = hit = 0
    for i, (name, length) in enumerate(zip(names, clips.lengths.tolist(), strict=True)):
        clip = kept.clip(name)
        np.testing.assert_allclose(clip["teacher"], made["teacher"][i, :, :length], atol=0.5 / 255 + 1e-6)
        np.testing.assert_array_equal(clip["pairs"], made["pairs"][i, :length])
        truth = state_grid(world.dataset.truth.get(name, ()), world.dataset.categories, length) == PRESENT
        both = truth.all(axis=0)
        marked, true = marked + clip["pairs"].sum(), true + both.sum()
        hit += (clip["pairs"] & both).sum()
    scores = of_type(messages(world), Epoch)[-1].supervision
    assert scores["pairs/cells"] == marked > 0
    assert scores["pairs/precision"] == pytest.approx(100 * hit / marked)
    assert scores["pairs/recall"] == pytest.approx(100 * hit / true)
    assert json.loads((world.root / "run" / "metrics.json").read_text())["history"][-1]["supervision"] == scores


@pytest.mark.parametrize(("keep", "epochs"), [("2", [2, 4, 5]), ("0", [5])])
def test_supervision_is_kept_as_often_as_asked_and_always_at_the_end(
    world: World, keep: str, epochs: list[int]
) -> None:
    run(world, config=config_of("ecma/signal", "epochs=5", f"keep_supervision={keep}"))
    found = sorted((world.root / "run" / "supervision").iterdir())
    assert [path.name for path in found] == [f"epoch-{epoch:04}.npz" for epoch in epochs]


def test_a_parser_that_trains_on_labels_alone_leaves_no_supervision(world: World) -> None:
    run(world)
    assert not (world.root / "run" / "supervision").exists()
    assert of_type(messages(world), Epoch)[-1].supervision == {}
