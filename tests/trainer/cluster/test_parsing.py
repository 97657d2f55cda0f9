"""`parse --engine ray`: the same parses as on one machine, from workers of several nodes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.commands.conftest import run as run
from tests.trainer.commands.steps import SMALL, Run, is_one_line, train_arguments
from tests.trainer.conftest import World
from trainer.cluster.parsing import brought
from trainer.parses import read_parses

pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.timeout(300)]


def test_a_cluster_parses_as_one_machine_does(world: World, run: Run, cluster: Any) -> None:
    run(*train_arguments(world, *SMALL, "--parse", world.root / "here.npz"))
    (world.features / "signal-audio" / "test-00.npy").unlink()
    arguments = ["parse", world.root / "run" / "best.safetensors", "--dataset", world.folder]
    arguments += ["--out", world.root / "there.npz", "--engine", "ray", "--address", cluster.address]
    code, out, error = run(*arguments, "--features", f"file://{world.features}")
    assert (code, error) == (0, "")
    assert re.search(r"a Ray cluster of \d nodes, \d CPUs", out)
    assert "1 of 38 clips have no features: test-00" in out
    here, there = (read_parses(world.root / name) for name in ("here.npz", "there.npz"))
    assert set(there.names) == set(here.names) - {"test-00"}
    assert there.rule == here.rule
    for name in there.names:
        for array in ("audio", "visual", "video"):
            ours, theirs = getattr(here.clip(name), array), getattr(there.clip(name), array)
            np.testing.assert_allclose(theirs, ours, atol=1e-6)

    (world.features / "signal-visual" / "val-01.npy").write_bytes(b"no features")
    code, _, error = run(*arguments, "--features", world.features)
    assert code == 2
    assert is_one_line(error)
    assert "val-01.npy: not a .npy file" in error


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_worker_has_the_files_of_its_clips_in_a_folder_of_its_own(world: World, scheme: str) -> None:
    (world.features / "signal-audio" / "test-00.npy").unlink()
    sets = ("signal-audio", "signal-visual")
    with brought(f"{scheme}{world.features}", sets, ["test-00", "test-01"]) as (folder, held):
        assert held == ["test-01"]
        for name in sets:
            ours, theirs = (place / name / "test-01.npy" for place in (folder, world.features))
            np.testing.assert_array_equal(np.load(ours), np.load(theirs))
    assert not folder.exists()


def test_files_that_stand_side_by_side_are_joined_for_a_worker(tmp_path: Path) -> None:
    for kind, value in (("rgb", 1), ("flow", 2)):
        path = tmp_path / "av_features" / f"clip_{kind}.npy"
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.full((3, 2), value, np.float32))
    with brought(str(tmp_path), ("i3d",), ["clip"]) as (folder, held):
        assert held == ["clip"]
        assert np.load(folder / "i3d" / "clip.npy").tolist() == [[1, 1, 2, 2]] * 3


def test_an_address_where_nothing_answers_is_one_line(world: World, run: Run) -> None:
    run(*train_arguments(world, *SMALL))
    code, _, error = run(
        *("parse", world.root / "run" / "best.safetensors", "--dataset", world.folder),
        *("--features", world.features, "--out", world.root / "there.npz"),
        *("--engine", "ray", "--address", "127.0.0.1:9"),
    )
    assert code == 2
    assert is_one_line(error)
    assert "127.0.0.1:9: no Ray cluster answers" in error
