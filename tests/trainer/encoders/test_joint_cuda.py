"""CLIP and CLAP on a GPU: the rows of a CPU, wherever in a batch; nearly the same in half precision."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.trainer.encoders.tiny import branch_of, clap_folder, clip_folder, picture, sound
from trainer.encoders import clap, clap_map, clip, clip_crop
from trainer.encoders.encoding import Loading, PictureIntake, SegmentBranch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

MODULES = [clip, clip_crop, clap, clap_map]
ITEMS = 64


def rows_of(branch: SegmentBranch, *, is_reversed: bool = False) -> NDArray[np.float32]:
    """The rows of different items in whole batches, in the items' order."""
    is_picture = isinstance(branch.intake, PictureIntake)
    given = [picture(20 + i, 30) if is_picture else sound(1) * (i + 1) / ITEMS for i in range(ITEMS)]
    items = np.stack([branch.prepare(it) for it in given])
    items = items[:, None] if is_picture else items
    items = items[::-1].copy() if is_reversed else items
    parts = [branch.infer(items[i : i + branch.batch])[0] for i in range(0, ITEMS, branch.batch)]
    rows = np.concatenate(parts)
    return rows[::-1] if is_reversed else rows


@pytest.fixture
def folders(tmp_path: Path) -> dict[ModuleType, str]:
    pictures, sounds = clip_folder(tmp_path / "clip"), clap_folder(tmp_path / "clap", is_fused=True)
    return {module: str(pictures if module in (clip, clip_crop) else sounds) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(("half", "tolerance"), [(False, 2e-3), (True, 2e-2)])
def test_a_gpu_makes_the_rows_of_the_cpu(
    folders: dict[ModuleType, str], module: ModuleType, half: bool, tolerance: float
) -> None:
    encoder = module.load(Loading(folders[module], device="cuda", half=half))
    assert encoder.precision == ("float16" if half else "float32")
    expected = rows_of(branch_of(module.load(Loading(folders[module]))))
    largest = float(np.abs(expected).max())
    np.testing.assert_allclose(rows_of(branch_of(encoder)), expected, atol=tolerance * largest)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("half", [False, True])
def test_a_row_does_not_depend_on_its_place_in_a_batch(
    folders: dict[ModuleType, str], module: ModuleType, half: bool
) -> None:
    branch = branch_of(module.load(Loading(folders[module], device="cuda", half=half)))
    np.testing.assert_array_equal(rows_of(branch), rows_of(branch, is_reversed=True))
