"""The classic encoders on a GPU: the rows of a CPU, the same each time; nearly the same in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.encoders.random_networks import random_network
from trainer.encoders import r2plus1d, resnet, vggish
from trainer.encoders.encoding import Loading, SegmentBranch, SoundIntake

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CLASSIC = {
    "resnet152": (resnet.ResNet, resnet.load),
    "r2plus1d": (r2plus1d.R2Plus1D, r2plus1d.load),
    "vggish": (vggish.VGGish, vggish.load),
}


@pytest.fixture(params=CLASSIC)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def weights(name: str, tmp_path: Path) -> str:
    torch.save(random_network(CLASSIC[name][0]).state_dict(), tmp_path / "weights.pth")
    return str(tmp_path / "weights.pth")


def branch_of(name: str, weights: str, device: str, *, half: bool = False) -> SegmentBranch:
    encoder = CLASSIC[name][1](Loading(weights, device=device, half=half))
    assert encoder.precision == ("float16" if half else "float32")
    return encoder.branches[0]


def rows_of(branch: SegmentBranch, items: np.ndarray) -> np.ndarray:
    """Of as many items as there are, in batches."""
    parts = []
    for start in range(0, len(items), branch.batch):
        part = items[start : start + branch.batch]
        filled = np.concatenate([part, np.repeat(part[:1], branch.batch - len(part), axis=0)])
        parts.append(branch.infer(filled)[0][: len(part)])
    return np.concatenate(parts)


def some_items(branch: SegmentBranch, count: int) -> np.ndarray:
    random = np.random.default_rng(1)
    if isinstance(branch.intake, SoundIntake):
        return np.stack([branch.prepare(s) for s in random.normal(0, 0.1, (count, 16_000)).astype(np.float32)])
    base = random.integers(0, 256, (count, 8, 9, 12, 3), np.uint8)
    return np.stack([[branch.prepare(p) for p in second.repeat(30, 1).repeat(30, 2)] for second in base])


def test_rows_are_those_of_a_cpu_and_the_same_each_time(name, weights):
    branch = branch_of(name, weights, "cuda")
    items = some_items(branch, 3)

    found, expected = rows_of(branch, items), rows_of(branch_of(name, weights, "cpu"), items)

    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_array_equal(rows_of(branch, items), found)


def test_half_precision_turns_rows_by_less_than_a_degree(name, weights):
    branch = branch_of(name, weights, "cuda", half=True)
    items = some_items(branch, 3)

    found, expected = rows_of(branch, items), rows_of(branch_of(name, weights, "cuda"), items)

    lengths = np.linalg.norm(found, axis=-1) * np.linalg.norm(expected, axis=-1)
    assert np.isfinite(found).all()
    assert ((found * expected).sum(axis=-1) / lengths).min() > np.cos(np.radians(1))
