"""A loss that is no number any more, or that grows: the run ends and says where."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.conftest import World
from tests.trainer.engine.steps import CPU, config_of, messages, of_type, run
from trainer.checkpoint import load_checkpoint
from trainer.engine.loss_log import TrainingError
from trainer.protocol import Epoch


def test_a_loss_that_is_lost_names_the_epoch_and_the_step(world: World) -> None:
    huge = np.full((8, 10), 3e38, np.float32)
    for name in world.dataset.splits["train"]:
        np.save(world.feature_file("signal-audio", name), huge)
        np.save(world.feature_file("signal-visual", name), huge)
    with pytest.raises(
        TrainingError, match=r"no longer a finite number \(.*epoch 1, step 1\): lower the learning"
    ):
        run(world, config=config_of("han/signal", "standardise=false"))


def test_a_loss_that_diverges_stops_the_run_and_keeps_the_epochs_before(world: World) -> None:
    config = config_of("han/signal", "divergence=1.05", "lr=0.3", "dropout=0.5")
    with pytest.raises(TrainingError, match=r"diverges: its mean over epoch \d.*step \d+ was the first"):
        run(world, config=config)
    epochs = of_type(messages(world), Epoch)
    assert 1 <= len(epochs) < 6
    assert load_checkpoint(world.root / "run" / "last.safetensors", CPU)[1].epoch == len(epochs)
    run(world, "other", config_of("han/signal", "divergence=0", "lr=0.3", "dropout=0.5"))
