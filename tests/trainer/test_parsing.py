from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch

from trainer.checkpoint import CheckpointInfo, build_model, model_config_types
from trainer.dataset import feature_rows, unlabelled_tensors
from trainer.features import FeatureError, FeatureStore
from trainer.models.layers import Parser
from trainer.parsing import parse_clips, parse_names
from trainer.prediction import PredictionRule
from trainer.recipe_files import load_recipe

CPU = torch.device("cpu")


class World(Protocol):
    features: Path
    dataset: Any
    feature_file: Any


@pytest.fixture
def info() -> CheckpointInfo:
    overrides = ["model.width=16", "model.heads=2", "standardise=false"]
    config = load_recipe("han/signal", overrides, models=model_config_types())
    widths = {"signal-audio": 10, "signal-visual": 10}
    return CheckpointInfo(config=config, categories=("Dog", "Bell", "Car"), widths=widths, epoch=3, run="r1")


@pytest.fixture
def parser(info: CheckpointInfo) -> Parser:
    torch.manual_seed(3)
    return build_model(info.config, 3, info.widths)


def store(world: World) -> FeatureStore:
    return FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"])


def test_clips_parsed_together_are_parsed_as_each_alone(
    world: World, parser: Parser, info: CheckpointInfo
) -> None:
    names = list(world.dataset.splits["train"])
    read = store(world).read(names)
    rows = feature_rows(read, info.config.features, CPU)
    parser.train()
    parses = parse_clips(parser, unlabelled_tensors(rows, 3))
    assert parser.training
    assert list(parses) == names
    assert len({*read.lengths.tolist()}) > 1
    for name, length in zip(names, read.lengths.tolist(), strict=True):
        alone = feature_rows(store(world).read([name]), info.config.features, CPU)
        (batch,) = unlabelled_tensors(alone, 3).batches()
        with torch.no_grad():
            output = parser.eval()(batch)
        parse = parses[name]
        assert parse.audio.shape == parse.visual.shape == (length, 3)
        np.testing.assert_allclose(parse.audio, output.segment[0, 0], atol=1e-6)
        np.testing.assert_allclose(parse.visual, output.segment[0, 1], atol=1e-6)
        np.testing.assert_allclose(parse.video, output.video[0], atol=1e-6)
        np.testing.assert_allclose(parse.audio_video, output.audio_video[0], atol=1e-6)
        np.testing.assert_allclose(parse.visual_video, output.visual_video[0], atol=1e-6)


def test_a_parse_file_says_who_made_it_and_by_which_rule(
    world: World, parser: Parser, info: CheckpointInfo
) -> None:
    parses, read = parse_names(
        parser, info, store(world), ["val-01", "nowhere", "val-00"], device=CPU, checkpoint="best.safetensors"
    )
    assert parses.names == ("val-01", "val-00")
    assert read.missing == ("nowhere",)
    meta = {"parser": "han/signal r1", "recipe": "han/signal", "checkpoint": "best.safetensors", "epoch": 3}
    assert parses.meta.items() >= meta.items()
    assert PredictionRule.from_meta(parses.meta) == info.config.prediction.rule()


def test_features_of_another_width_than_the_checkpoints_are_refused(
    world: World, parser: Parser, info: CheckpointInfo
) -> None:
    for name in world.dataset.splits["val"]:
        path = world.feature_file("signal-audio", name)
        np.save(path, np.load(path)[:, :4])
    with pytest.raises(FeatureError, match=r"4 columns.*10"):
        parse_names(parser, info, store(world), world.dataset.splits["val"], device=CPU, checkpoint="c")
