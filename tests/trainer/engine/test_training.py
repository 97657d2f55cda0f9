"""A whole training: what it learns, whether it repeats itself, and what it tells on its way."""

from __future__ import annotations

import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import config_of, messages, of_type, run, same, weights
from trainer.device import prepare_torch
from trainer.protocol import Epoch, Progress


def test_a_training_uses_as_many_threads_as_asked_for_and_else_leaves_a_core() -> None:
    prepare_torch(threads=3)
    assert torch.get_num_threads() == 3
    prepare_torch(processes=10_000)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("recipe", ["han/signal", "ecma/signal"])
def test_training_learns_what_is_planted(world: World, recipe: str) -> None:
    result = run(world, config=config_of(recipe, "epochs=25"))
    epochs = of_type(messages(world), Epoch)
    assert epochs[-1].losses["video"] < 0.6 * epochs[0].losses["video"]
    assert result.metrics["segment/Type@AV"] > 45
    assert [epoch.epoch for epoch in epochs] == list(range(1, 26))
    assert epochs[-1].eta_s == 0


def test_the_same_seed_gives_the_same_weights_and_another_does_not(world: World) -> None:
    run(world, "one")
    run(world, "two")
    run(world, "other", config_of("han/signal", "seed=2"))
    assert same(weights(world, "one"), weights(world, "two"))
    assert not same(weights(world, "one"), weights(world, "other"))


def test_an_epoch_tells_how_fast_it_was_and_what_memory_it_took(world: World) -> None:
    run(world)
    epoch = of_type(messages(world), Epoch)[-1]
    assert epoch.clips_per_s > 10
    assert 50 < epoch.peak_memory_mb < 100_000


def test_progress_counts_the_steps_of_the_whole_run(world: World) -> None:
    run(world)
    steps = [message for message in of_type(messages(world), Progress) if message.stage == "train"]
    assert (steps[-1].done, steps[-1].total) == (18, 18)
