"""Parsers in several processes: each sees a part of a batch, and together they learn what one learns of all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.trainer.models import two_processes
from tests.trainer.models.two_processes import MIXED, PARSERS, clips, step
from trainer.group import Group


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What two processes found together, by the names of `PARSERS`."""
    folder = tmp_path_factory.mktemp("processes")
    program = [sys.executable, "-m", two_processes.__name__]
    started = [
        subprocess.Popen(
            [*program, str(rank), folder / "meeting", folder / "found.pt"], cwd=Path(__file__).parents[3]
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    return torch.load(folder / "found.pt", weights_only=True)


@pytest.mark.parametrize("name", PARSERS)
def test_two_processes_share_a_step_as_one_takes_it(shared, name):
    """Losses, gradients, and the statistics that are kept: clips of different length make unequal parts."""
    alone = step(PARSERS[name](), clips(), Group())

    torch.testing.assert_close(shared[name], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("modality", ["audio", "visual"])
def test_the_mean_over_mixed_segments_is_that_of_both_processes(shared, modality):
    """Where mixing changes nothing, its loss is that of the segments without class weights."""
    losses = shared[MIXED]

    torch.testing.assert_close(losses[f"{modality}_mix"], losses[f"{modality}_segments"])
