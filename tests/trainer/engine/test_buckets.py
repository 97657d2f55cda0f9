"""The order of an epoch's clips: random, and with buckets in batches that need little padding."""

from __future__ import annotations

import pytest
import torch

from tests.trainer.conftest import World
from tests.trainer.engine.steps import config_of, run, same, weights
from tests.trainer.engine.test_stop_and_resume import StopAfter
from trainer.engine.schedule import clip_order
from trainer.protocol import STOP_FILE, StopRequested

LENGTHS = torch.randint(10, 61, (203,), generator=torch.Generator().manual_seed(1))


def order(bucket: int, batch: int = 8, seed: int = 2) -> torch.Tensor:
    return clip_order(LENGTHS, batch=batch, bucket=bucket, generator=torch.Generator().manual_seed(seed))


def padding(found: torch.Tensor, batch: int = 8) -> int:
    parts = [LENGTHS[part] for part in torch.split(found, batch)]
    return int(sum(part.max() * len(part) - part.sum() for part in parts))


def test_without_buckets_the_order_is_what_it_always_was() -> None:
    assert torch.equal(order(0), torch.randperm(203, generator=torch.Generator().manual_seed(2)))


@pytest.mark.parametrize("bucket", [0, 1, 3, 8, 1000])
@pytest.mark.parametrize("batch", [1, 8, 203, 500])
def test_every_clip_comes_once(bucket: int, batch: int) -> None:
    assert order(bucket, batch).sort().values.tolist() == list(range(203))


def test_batches_are_those_of_sorted_windows_in_a_random_order() -> None:
    random = torch.randperm(203, generator=torch.Generator().manual_seed(2)).tolist()
    windows = [random[first : first + 32] for first in range(0, 203, 32)]
    laid = [clip for window in windows for clip in sorted(window, key=LENGTHS.tolist().__getitem__)]
    batches = [laid[first : first + 8] for first in range(0, 203, 8)]
    found = [part.tolist() for part in torch.split(order(4), 8)]
    assert found[-1] == batches[-1]
    assert len(found[-1]) == 3
    assert sorted(found[:-1]) == sorted(batches[:-1])
    assert found[:-1] != batches[:-1]


def test_buckets_need_a_fraction_of_the_padding() -> None:
    assert padding(order(8)) < 0.3 * padding(order(0))


def test_a_seed_gives_one_order_and_each_epoch_another() -> None:
    assert torch.equal(order(4), order(4))
    generator = torch.Generator().manual_seed(2)
    first, second = (clip_order(LENGTHS, batch=8, bucket=4, generator=generator) for _ in range(2))
    assert torch.equal(first, order(4))
    assert not torch.equal(first, second)


def test_a_run_with_buckets_goes_on_in_the_middle_of_an_epoch(world: World) -> None:
    config = config_of("han/signal", "epochs=3", "training.bucket=2", "batch=5")
    run(world, "whole", config)
    with pytest.raises(StopRequested):
        run(world, "stopped", config, reporter=StopAfter(world.root / "stopped", 1, 2))
    (world.root / "stopped" / STOP_FILE).unlink()
    run(world, "stopped", config, resume=True)
    assert same(weights(world, "whole"), weights(world, "stopped"))
    run(world, "without", config_of("han/signal", "epochs=3", "batch=5"))
    assert not same(weights(world, "whole"), weights(world, "without"))
