"""The learning rate of each epoch."""

from __future__ import annotations

import pytest

from trainer.checkpoint import model_config_types
from trainer.engine.schedule import learning_rate
from trainer.recipe_files import load_recipe


@pytest.mark.parametrize(
    ("overrides", "epoch", "expected"),
    [
        (("schedule.kind=constant",), 5, 1.0),
        (("schedule.kind=step", "every=10", "factor=0.1"), 10, 1.0),
        (("schedule.kind=step", "every=10", "factor=0.1"), 11, 0.1),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 5, 0.5),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 10, 1.0),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 35, 0.505),
        (("schedule.kind=cosine", "warm_up=10", "lr_min=0.01"), 60, 0.01),
    ],
)
def test_the_learning_rate_follows_its_schedule(
    overrides: tuple[str, ...], epoch: int, expected: float
) -> None:
    config = load_recipe("han/signal", ["epochs=60", "lr=1.0", *overrides], models=model_config_types())
    assert learning_rate(config, epoch) == pytest.approx(expected)
