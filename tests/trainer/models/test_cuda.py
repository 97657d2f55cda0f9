"""Parsers on a GPU: the losses of a step are those of a processor, and no step waits for the GPU."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.trainer.models.small_generator import SMALL, small_generator
from tests.trainer.models.small_link import moved_link
from tests.trainer.models.small_soft import small_ear, small_uwav
from tests.trainer.models.two_processes import PARSERS, clips
from trainer.batch import Batch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

WITHOUT_MIGRATION = replace(SMALL, audio_weight=0.0, visual_weight=0.0)


def on_gpu(batch: Batch) -> Batch:
    return Batch(
        **{
            name: value.cuda() if isinstance(value, Tensor) else tuple(rows.cuda() for rows in value)
            for name, value in vars(batch).items()
            if value is not None
        }
    )


@pytest.mark.parametrize("name", PARSERS)
def test_a_step_costs_on_a_gpu_what_it_costs_on_a_processor(name):
    parser, batch = PARSERS[name]().train(), clips()
    expected = parser.step(batch, 1)

    found = parser.cuda().step(on_gpu(batch), 1)

    for made, known in ((found.losses, expected.losses), (found.supervision, expected.supervision)):
        torch.testing.assert_close(
            {key: value.cpu() for key, value in made.items()}, known, rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize(
    "make",
    [lambda: small_generator(WITHOUT_MIGRATION), small_uwav, small_ear, moved_link],
    ids=["generator", "uwav", "ear", "link"],
)
def test_a_step_without_migration_never_waits_for_the_gpu(make):
    parser, batch = make().train().cuda(), on_gpu(clips())
    sum(parser.step(batch, 1).losses.values()).backward()  # what is set up once may wait
    batch = replace(batch)  # nothing remembered
    torch.cuda.set_sync_debug_mode("error")
    try:
        sum(parser.step(batch, 1).losses.values()).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
