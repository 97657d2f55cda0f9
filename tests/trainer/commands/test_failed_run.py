"""A run that fails on its way: what its folder, its log and the user are told."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from tests.trainer.commands.steps import SMALL, Run, is_one_line, messages, train_arguments
from tests.trainer.conftest import World
from trainer.protocol import MESSAGES_FILE, Failed, Reporter, Started


def test_an_error_reaches_the_run_folder_too(world: World, run: Run) -> None:
    world.feature_file("signal-visual", "train-04").write_bytes(b"damaged")
    code, _, err = run(*train_arguments(world))
    assert code == 2
    failed = messages(world.root / "run")[-1]
    assert isinstance(failed, Failed)
    assert "signal-visual/train-04.npy" in failed.error
    assert err == f"error: {failed.error}\n"


def test_what_nobody_foresaw_is_a_traceback_in_the_log_and_one_sentence_in_the_run(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("trainer.engine.train", broken)
    code, _, err = run(*train_arguments(world))
    assert code == 1
    assert "Traceback" in err
    failed = messages(world.root / "run")[-1]
    assert isinstance(failed, Failed)
    assert "ZeroDivisionError: a bug" in failed.error


def test_a_disk_that_is_full_is_told_once_though_nothing_can_be_written(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, mode: str = "r", *__: object, **___: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device")

    def send(*_: object) -> None:
        monkeypatch.setattr(Path, "open", full)
        Reporter.send(Reporter(world.root / "run"), Started(kind="train", pid=1))

    monkeypatch.setattr("trainer.commands.train.read_noted", send)
    code, _, err = run(*train_arguments(world))
    monkeypatch.undo()
    assert (code, err) == (
        2,
        f"error: {world.root / 'run' / MESSAGES_FILE}: the disk is full; free some space and start it again\n",
    )


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90.00 GiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:73] . DefaultCPUAllocator: can't allocate memory"),
        MemoryError("Unable to allocate 90.0 GiB for an array"),
    ],
    ids=["cuda", "cpu", "numpy"],
)
@pytest.mark.parametrize(
    ("where", "advice"),
    [
        ("engine.trainee.Trainee.step", "for batches of 12: use smaller ones (--set training.batch=6)"),
        ("engine.training_data.feature_rows", "for the features and the parser: use another --device"),
    ],
)
def test_too_little_memory_is_told_with_what_to_do(
    world: World, run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, where: str, advice: str
) -> None:
    def full(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"trainer.{where}", full)
    code, out, err = run(*train_arguments(world, *SMALL))
    assert (code, is_one_line(err), "Traceback" in out) == (2, True, False)
    assert advice in err
    assert not list((world.root / "run").glob("*.safetensors*"))
