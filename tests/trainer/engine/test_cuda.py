"""The same training on a GPU: near what a processor does, and to the bit what the GPU did before."""

from __future__ import annotations

import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import config_of, messages, of_type, run, same, weights
from tests.trainer.engine.test_stop_and_resume import StopAfter
from trainer.protocol import STOP_FILE, Epoch, StopRequested

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CUDA = torch.device("cuda")
RECIPES = ["han/signal", "coleaf/signal", "ecma/signal"]


def total_losses(world: World, name: str) -> list[float]:
    return [epoch.losses["total"] for epoch in of_type(messages(world, name), Epoch)]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_gpu_trains_as_a_processor_does(world: World, recipe: str) -> None:
    still = ["model.dropout=0.0", "visual_dropout=0.0"]
    still += [] if recipe == "han/signal" else ["reference_dropout=0.0"]
    config = config_of(recipe, *still)
    run(world, "processor", config)
    run(world, "gpu", config, device=CUDA)
    assert total_losses(world, "gpu") == pytest.approx(total_losses(world, "processor"), rel=1e-3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_gpu_repeats_itself_to_the_bit_also_when_it_was_stopped(world: World, recipe: str) -> None:
    config = config_of(recipe)
    run(world, "whole", config, device=CUDA)
    with pytest.raises(StopRequested):
        run(world, "stopped", config, reporter=StopAfter(world.root / "stopped", 2), device=CUDA)
    (world.root / "stopped" / STOP_FILE).unlink()
    run(world, "stopped", config, resume=True, device=CUDA)
    assert same(weights(world, "whole"), weights(world, "stopped"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_mixed_precision_learns_what_full_precision_learns(world: World, recipe: str) -> None:
    run(world, "full", config_of(recipe, "epochs=20"), device=CUDA)
    run(world, "mixed", config_of(recipe, "epochs=20", "precision=bfloat16"), device=CUDA)
    full, mixed = (total_losses(world, name)[-1] for name in ("full", "mixed"))
    assert mixed == pytest.approx(full, rel=0.15)
