"""`parse --engine ray`: the same parses as on one machine, from workers of several nodes."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trainer.commands.conftest import run as run
from tests.trainer.commands.steps import Run, is_one_line
from tests.trainer.conftest import World
from trainer.checkpoint import CheckpointInfo, build_model, model_config_types, save_checkpoint
from trainer.cluster import parsing
from trainer.cluster.parsing import ParseWorker, brought
from trainer.parses import read_parses
from trainer.recipe_files import load_recipe

pytestmark = [pytest.mark.filterwarnings("ignore::Warning"), pytest.mark.timeout(300)]


def untrained(world: World) -> Path:
    """A checkpoint of a parser with random weights."""
    overrides = ["model.width=16", "model.heads=2", "standardise=false"]
    config = load_recipe("han/signal", overrides, models=model_config_types())
    widths = {"signal-audio": 10, "signal-visual": 10}
    info = CheckpointInfo(config=config, categories=world.dataset.categories, widths=widths, epoch=1, run="r")
    path = world.root / "untrained.safetensors"
    save_checkpoint(path, build_model(config, len(info.categories), widths), info)
    return path


class DiesOnce(ParseWorker):
    """Writes down what it did; over one of the items its process dies, the first time."""

    folder = ""

    def __call__(self, item: Mapping[str, Any]) -> dict[str, Any]:
        done, died = (Path(self.folder, name) for name in ("done", "died"))
        if "val-01" in item["names"] and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        answer = super().__call__(item)
        with done.open("a") as file:
            file.write("".join(f"{name}\n" for name in item["names"]))
        return answer


def test_a_cluster_parses_as_one_machine_does_and_nothing_twice_though_a_worker_is_killed(
    world: World, run: Run, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfThisTest(DiesOnce):
        folder = str(world.root)

    monkeypatch.setattr(parsing, "ParseWorker", OfThisTest)
    monkeypatch.setattr(parsing, "_CLIPS_AT_ONCE", 3)
    (world.features / "signal-audio" / "test-00.npy").unlink()
    arguments = ["parse", untrained(world), "--dataset", world.folder]
    on_cluster = ["--engine", "ray", "--address", cluster.address]
    run(*arguments, "--features", world.features, "--out", world.root / "here.npz")
    code, out, error = run(
        *arguments, "--features", f"file://{world.features}", "--out", world.root / "there.npz", *on_cluster
    )
    assert (code, error) == (0, "")
    assert re.search(r"a Ray cluster of \d nodes, \d CPUs", out)
    assert "1 of 38 clips have no features: test-00" in out
    assert (world.root / "died").exists()
    done = (world.root / "done").read_text().split()
    assert len(done) == len(set(done)) == 38
    here, there = (read_parses(world.root / name) for name in ("here.npz", "there.npz"))
    assert there.names == here.names
    assert len(there.names) == 37
    assert there.rule == here.rule
    for name in there.names:
        for array in ("audio", "visual", "video"):
            ours, theirs = getattr(here.clip(name), array), getattr(there.clip(name), array)
            np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_features_that_a_worker_cannot_use_are_one_line(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfThisProcess:
        def workers(self, **_: Any) -> None:
            pass

        def each(self, items: Any, worker: Any, made_with: Any, _: None) -> Any:
            return map(worker(**made_with), items)

    monkeypatch.setattr(parsing, "connected", lambda *_: nullcontext(OfThisProcess()))
    (world.features / "signal-visual" / "val-01.npy").write_bytes(b"no features")
    code, _, error = run(
        *("parse", untrained(world), "--dataset", world.folder, "--features", world.features),
        *("--out", world.root / "there.npz", "--engine", "ray"),
    )
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
    code, _, error = run(
        *("parse", untrained(world), "--dataset", world.folder),
        *("--features", world.features, "--out", world.root / "there.npz"),
        *("--engine", "ray", "--address", "127.0.0.1:9"),
    )
    assert code == 2
    assert is_one_line(error)
    assert "127.0.0.1:9: no Ray cluster answers" in error
