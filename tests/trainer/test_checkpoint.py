from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainer.checkpoint import (
    CheckpointError,
    CheckpointInfo,
    build_model,
    load_checkpoint,
    load_state,
    model_config_types,
    save_checkpoint,
    save_state,
)
from trainer.recipe_files import load_recipe

CPU = torch.device("cpu")


@pytest.fixture
def info() -> CheckpointInfo:
    config = load_recipe("ecma/signal", ["width=16", "heads=2"], models=model_config_types())
    widths = {"signal-audio": 5, "signal-visual": 7}
    return CheckpointInfo(
        config=config, categories=("Dog", "Bébé"), widths=widths, epoch=3, run="run-1", labels="5eed"
    )


@pytest.fixture
def path(tmp_path: Path, info: CheckpointInfo) -> Path:
    path = tmp_path / "best.safetensors"
    save_checkpoint(path, build_model(info.config, 2, info.widths), info)
    return path


def test_a_checkpoint_gives_back_the_weights_and_all_that_was_said(path: Path, info: CheckpointInfo) -> None:
    model, found = load_checkpoint(path, CPU)
    assert found == info
    assert not model.training
    stored = load_file(path)
    assert all(torch.equal(value, stored[name]) for name, value in model.state_dict().items())
    assert list(path.parent.iterdir()) == [path]


def test_a_checkpoint_that_does_not_name_its_labels_is_read(path: Path, info: CheckpointInfo) -> None:
    said = json.loads(info.to_json())
    del said["labels"]
    save_file(load_file(path), path, metadata={"avvp": json.dumps(said)})
    assert load_checkpoint(path, CPU)[1].labels == ""


def test_a_checkpoint_that_is_cut_short_is_refused(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"best\.safetensors: damaged"):
        load_checkpoint(path, CPU)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(path, CPU)


def test_another_programs_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="not a checkpoint of this trainer"):
        load_checkpoint(path, CPU)


def test_weights_that_do_not_fit_their_config_are_refused(path: Path, info: CheckpointInfo) -> None:
    weights = {name: value for name, value in load_file(path).items() if "classifier" not in name}
    save_file(weights, path, metadata={"avvp": info.to_json()})
    with pytest.raises(CheckpointError, match="do not fit its own config"):
        load_checkpoint(path, CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 99}, "another version"),
        ({"categories": None}, "damaged"),
        ({"config": {}}, "no parser"),
        ({"config": None}, "damaged"),
        ({"widths": None}, "damaged"),
        ({"epoch": "x"}, "damaged"),
    ],
)
def test_what_a_checkpoint_says_must_make_sense(
    path: Path, info: CheckpointInfo, change: dict[str, object], message: str
) -> None:
    said = json.loads(info.to_json()) | change
    save_file(load_file(path), path, metadata={"avvp": json.dumps(said)})
    with pytest.raises(ValueError, match=message):
        load_checkpoint(path, CPU)


def test_weights_that_are_no_numbers_are_refused(path: Path, info: CheckpointInfo) -> None:
    weights = load_file(path)
    next(value for name, value in weights.items() if "classifier" in name).fill_(torch.nan)
    save_file(weights, path, metadata={"avvp": info.to_json()})
    with pytest.raises(CheckpointError, match="not all finite"):
        load_checkpoint(path, CPU)


def test_a_checkpoint_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such checkpoint"):
        load_checkpoint(tmp_path / "best.safetensors", CPU)


def test_a_resume_state_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"epoch": 3, "random": torch.arange(4), "best": {"a": 1.5}, "none": None})
    state = load_state(path)
    assert (state["epoch"], state["best"], state["none"]) == (3, {"a": 1.5}, None)
    assert torch.equal(state["random"], torch.arange(4))


class Dangerous:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("this must never run",))


@pytest.mark.parametrize("how", ["pickle", "torch", "damaged", "a list"])
def test_a_resume_state_never_runs_code(tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state.pt"
    if how == "pickle":
        path.write_bytes(pickle.dumps(Dangerous()))
    elif how == "torch":
        torch.save({"epoch": Dangerous()}, path)
    elif how == "a list":
        torch.save([1], path)
    else:
        save_state(path, {"epoch": 3})
        path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(CheckpointError, match=r"cannot be resumed.*delete it to train this run from"):
        load_state(path)
    assert "never run" not in capsys.readouterr().out
