"""Trainings of the planted world that take a second, and what is looked at after them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from safetensors.torch import load_file

from tests.trainer.conftest import World
from trainer.annotations import read_dataset
from trainer.checkpoint import CheckpointInfo, model_config_types
from trainer.config import Config
from trainer.dataset import feature_rows, unlabelled_tensors
from trainer.engine import TrainingResult, train
from trainer.features import Features, FeatureStore
from trainer.jobs import feature_store
from trainer.models.layers import Parser
from trainer.parses import Parse, ParseFile
from trainer.parsing import parse_clips
from trainer.protocol import MESSAGES_FILE, Message, Reporter, read_message
from trainer.recipe_files import load_recipe

SMALL = (
    "model.width=16",
    "model.heads=2",
    "model.feedforward=16",
    "warm_up=1",
    "epochs=6",
    "batch=8",
    "lr=1e-2",
)
CPU = torch.device("cpu")


def config_of(recipe: str = "han/signal", *overrides: str) -> Config:
    return load_recipe(recipe, [*SMALL, *overrides], models=model_config_types())


def run(
    world: World,
    name: str = "run",
    config: Config | None = None,
    *,
    resume: bool = False,
    reporter: Reporter | None = None,
    device: torch.device = CPU,
    pseudo_labels: ParseFile | None = None,
) -> TrainingResult:
    run_dir = world.root / name
    run_dir.mkdir(exist_ok=True)
    config = config or config_of()
    store = feature_store(world.features, config)
    reporter = reporter or Reporter(run_dir)
    dataset = read_dataset(world.folder)
    return train(
        config,
        dataset,
        store,
        run_dir,
        device=device,
        reporter=reporter,
        resume=resume,
        pseudo_labels=pseudo_labels,
    )


def messages(world: World, name: str = "run") -> list[Message]:
    lines = (world.root / name / MESSAGES_FILE).read_text().splitlines()
    return [message for line in lines if (message := read_message(line)) is not None]


def of_type(found: list[Message], kind: type[Message]) -> list[Any]:
    return [message for message in found if isinstance(message, kind)]


def weights(world: World, name: str = "run") -> dict[str, torch.Tensor]:
    return load_file(world.root / name / "last.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def parsed(
    world: World, model: Parser, info: CheckpointInfo, names: Iterable[str]
) -> tuple[Features, dict[str, Parse]]:
    features = FeatureStore(world.features, audio="signal-audio", visual=["signal-visual"]).read(names)
    rows = feature_rows(features, info.config.features, CPU, info.scaling)
    return features, parse_clips(model, unlabelled_tensors(rows, len(info.categories)))
