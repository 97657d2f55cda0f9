"""`avvp-trainer encoders add` and `encoders recognise`, and training on what they registered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.commands.steps import SMALL, Run, is_one_line, train_arguments
from tests.trainer.conftest import World


@pytest.fixture
def mine(world: World) -> Path:
    """What the world's clips look like, by another name and elsewhere."""
    return (world.features / "signal-visual").rename(world.root / "my own looks")


def adding(world: World, folder: Path, *more: object, name: str = "looks") -> list[object]:
    places = ["--from", folder, "--modality", "visual", "--out", world.features]
    return ["encoders", "add", name, *places, *more]


def test_a_parser_trains_on_features_of_ones_own(world: World, run: Run, mine: Path) -> None:
    code, out, err = run(*adding(world, mine, "--dataset", world.folder))
    assert (code, err) == (0, "")
    assert "38 of 38 clips of the dataset have features" in out
    assert "10 columns" in out
    setting = 'features.visual=["looks"]'
    assert setting in out
    assert run(*train_arguments(world, *SMALL, "--set", setting))[0] == 0
    config = (world.root / "run" / "config.toml").read_text()
    assert 'visual = ["looks"]' in config


def test_rows_a_second_are_known_with_the_durations_of_the_dataset(world: World, run: Run, mine: Path) -> None:
    durations = {path.stem: float(len(np.load(path))) for path in mine.glob("*.npy")}
    world.write(replace(world.dataset, durations=durations))
    code, out, _ = run(*adding(world, mine, "--dataset", world.folder))
    assert code == 0
    assert "10 columns, 1 a second" in out
    assert json.loads((world.features / "looks" / "encoder.json").read_text())["rate"] == 1


def test_files_of_other_clips_are_told_and_files_of_no_clip_refused(world: World, run: Run, mine: Path) -> None:
    for path in [*mine.glob("val-*.npy")]:
        path.rename(path.with_name(f"x{path.name}"))
    code, out, _ = run(*adding(world, mine, "--dataset", world.folder))
    assert code == 0
    assert "30 of 38 clips of the dataset have features; 8 files are of no clip: xval-00" in out
    for path in [*mine.glob("*.npy")]:
        path.rename(path.with_name(f"x{path.name}"))
    code, _, err = run(*adding(world, mine, "--dataset", world.folder, name="others"))
    assert (code, is_one_line(err)) == (2, True)
    assert "train-00.npy is looked for" in err
    assert not (world.features / "others").exists()


def test_features_that_moved_end_a_training_with_one_line(world: World, run: Run, mine: Path) -> None:
    assert run(*adding(world, mine))[0] == 0
    mine.rename(world.root / "gone")
    code, _, err = run(*train_arguments(world, "--set", 'features.visual=["looks"]'))
    assert (code, is_one_line(err), "no such folder" in err) == (2, True, True)


def test_bad_input_is_one_line_and_registers_nothing(world: World, run: Run, mine: Path) -> None:
    np.save(mine / "train-00.npy", np.full((7, 10), np.inf, np.float32))
    for arguments, said in (
        (adding(world, mine), "not finite"),
        (adding(world, mine, name="a b"), "cannot be the name"),
        (adding(world, mine, name="signal-audio"), "is taken"),
        (adding(world, world.root / "none"), "there is no such folder"),
        (adding(world, mine, "--files", "*"), "says no files of a folder"),
        (["encoders", "recognise", world.root / "none"], "there is no such folder"),
        (["encoders", "recognise", world.folder], "there is no .npy file below it"),
    ):
        code, _, err = run(*arguments)
        assert (code, is_one_line(err), said in err) == (2, True, True), err
    assert not (world.features / "looks").exists()


def test_what_is_recognised_is_printed_with_how_to_use_it(tmp_path: Path, run: Run) -> None:
    (tmp_path / "somewhere").mkdir()
    np.save(tmp_path / "somewhere" / "-bcdefghijk.npy", np.ones((80, 2048), np.float32))
    code, out, err = run("encoders", "recognise", tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "res152: AVVP-ECCV20 (HAN)",
        f"  {tmp_path / 'somewhere'}: 1 file *.npy, 80 rows of 2048 columns",
        f"  use: python -m trainer encoders add res152 --from {tmp_path / 'somewhere'} "
        "--modality visual --out FEATURES",
    ]
