"""What a user got wrong, in arguments or in files: one clear line, and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.commands.steps import SMALL, Run, is_one_line, train_arguments
from tests.trainer.conftest import World
from trainer.annotations import Dataset, write_dataset
from trainer.protocol import MESSAGES_FILE, Note, Reporter, read_message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "epoch=3"], "there is no setting 'epoch'"),
        (["--set", "features.audio=clap"], "no feature set 'clap' (it has signal-audio, signal-visual)"),
        (["--device", "abacus"], "--device abacus: there is no such device"),
        (["--dataset", "nowhere"], "nowhere: there is no such folder"),
        (["--seed", "x"], "argument --seed: invalid int value: 'x'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    world: World, run: Run, more: list[object], message: str
) -> None:
    code, out, err = run(*train_arguments(world, *more))
    assert (code, message in err, is_one_line(err)) == (2, True, True), err
    assert "Traceback" not in out


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_cuda_that_is_not_there_is_said_with_the_way_out(world: World, run: Run) -> None:
    code, _, err = run(*train_arguments(world, "--device", "cuda"))
    assert code == 2
    assert is_one_line(err)
    assert "use --device cpu or auto" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "COMMAND"),
        (["trian"], "invalid choice: 'trian'"),
        (["train", "--dataset", "d", "--features", "f", "--run-dir", "{tmp}/r"], "say which recipe"),
        (
            ["train", "--resume", "--dataset", "d", "--features", "f", "--run-dir", "{tmp}/r"],
            "no run to resume",
        ),
        (
            ["parse", "no.safetensors", "--features", "f", "--clips", "a", "--out", "o"],
            "there is no such checkpoint",
        ),
        (["evaluate", "no.npz", "--dataset", "d", "--split", "val"], "there is no such parse file"),
        (
            ["extract", "--encoder", "signal", "--media", "nowhere", "--out", "f"],
            "nowhere: there is no such folder",
        ),
        (["extract", "--encoder", "signal", "--list", "no.tsv", "--out", "f"], "no.tsv: No such file"),
    ],
)
def test_every_command_refuses_bad_input_in_one_line(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    code, _, err = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert (code, message in err, is_one_line(err)) == (2, True, True), err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\tpath\na\ta.mp4\n", "list.tsv:1: the header needs the columns filename and path"),
        ("filename\tpath\na\n", "list.tsv:2: a row needs a filename and a path"),
        ("filename\tpath\tduration\na\ta.mp4\tlong\n", "list.tsv:2: the duration 'long' is no number"),
    ],
)
def test_a_list_of_media_that_is_no_list_is_refused(run: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.tsv").write_text(text)
    code, _, err = run(
        "extract", "--encoder", "signal", "--list", tmp_path / "list.tsv", "--out", tmp_path / "out"
    )
    assert (code, message in err) == (2, True), err


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-7]), "1 damaged"),
        (lambda path: np.save(path, np.array([{"a": 1}]), allow_pickle=True), "never loaded"),
        (lambda path: np.save(path, np.zeros((8, 9), np.float32)), "9 columns"),
        (lambda path: np.save(path, np.zeros((8, 10), np.int64)), "wrong type"),
    ],
    ids=["truncated", "pickled", "width", "type"],
)
def test_features_that_cannot_be_used_leave_nothing_but_what_was_said(
    world: World, run: Run, make: Callable[[Path], object], message: str
) -> None:
    make(world.feature_file("signal-visual", "val-04"))
    code, out, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err), "Traceback" in out) == (2, True, False)
    assert "signal-visual/val-04.npy" in err
    assert message in err
    assert [path.name for path in (world.root / "run").iterdir()] == ["messages.jsonl"]


def test_features_of_no_clip_are_explained_by_the_first_file_that_is_not_there(world: World, run: Run) -> None:
    for file in world.feature_file("signal-visual", "val-04").parent.glob("*.npy"):
        file.rename(file.with_name(f"x{file.name}"))
    code, _, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err)) == (2, True)
    assert "signal-visual: 0)" in err
    assert str(world.feature_file("signal-visual", "train-00")) in err


def test_a_folder_in_place_of_a_parse_file_is_refused_before_the_training(world: World, run: Run) -> None:
    code, out, err = run(*train_arguments(world, *SMALL, "--parse", world.root))
    assert (code, is_one_line(err), "epoch" in out) == (2, True, False)
    assert f"{world.root}: is a folder" in err


def test_a_folder_that_cannot_be_written_is_named(world: World, run: Run) -> None:
    (world.root / "file").touch()
    code, _, err = run(*train_arguments(world, *SMALL, run_dir="file/run"))
    assert (code, is_one_line(err)) == (2, True)
    assert "file/run: a file is where a folder is needed" in err


def test_a_parse_file_that_could_not_be_written_is_refused_before_the_training(world: World, run: Run) -> None:
    (world.root / "file").touch()
    code, out, err = run(*train_arguments(world, *SMALL, "--parse", world.root / "file" / "x" / "all.npz"))
    assert (code, is_one_line(err), "epoch" in out) == (2, True, False)
    assert f"{world.root / 'file'}: is a file, and no folder can be made there" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "han/signal"\n[training]\nepoch = 3\n', "there is no setting 'training.epoch'"),
        ('base = "han/signal"\n[training]\nselect_by = "accuracy"\n', "it is one of segment/A"),
        ('base = "han/signal"\n[training]\nprecision = "half"\n', "precision is one of 'float32', 'bfloat16'"),
        ('base = "han/signal"\n[training]\ndivergence = -1\n', "divergence is at least 0, not -1.0"),
        ('base = "han/signal"\n[training\n', "cannot be read as a recipe"),
    ],
)
def test_a_recipe_that_says_what_cannot_be_is_refused(world: World, run: Run, text: str, message: str) -> None:
    (world.root / "own.toml").write_text(text)
    code, _, err = run(*train_arguments(world, recipe=str(world.root / "own.toml")))
    assert (code, is_one_line(err), message in err) == (2, True, True), err


def test_an_empty_train_split_is_refused(world: World, run: Run) -> None:
    splits = {**world.dataset.splits, "train": {}}
    write_dataset(world.folder, Dataset(world.dataset.categories, splits))
    code, _, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err)) == (2, True)
    assert "the train split is empty" in err


def test_a_name_that_is_no_text_is_told_all_the_same(tmp_path: Path) -> None:
    nowhere = os.fsencode(tmp_path) + b"/\xff\xfe"
    told = subprocess.run(
        [sys.executable, "-m", "trainer", "evaluate", nowhere, "--dataset", nowhere, "--split", "val"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    assert told.returncode == 2
    assert is_one_line(told.stderr.decode())
    Reporter(tmp_path).send(Note(text=os.fsdecode(nowhere)))
    (message,) = (read_message(line) for line in (tmp_path / MESSAGES_FILE).read_text().splitlines())
    assert isinstance(message, Note)
    assert os.fsencode(message.text) == nowhere
