"""Several processes of one training, as torchrun starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trainer.__main__ import main
from trainer.annotations import Dataset, write_dataset
from trainer.batch import ratio
from trainer.device import DeviceError, choose_device
from trainer.group import Group, GroupError
from trainer.labels import Event, Modality, State
from trainer.parses import read_parses
from trainer.protocol import MESSAGES_FILE, Epoch, Failed, Message, Started, read_message
from trainer.supervision_files import read_supervision, supervision_path

SETTINGS = (
    *("model.width=16", "model.heads=2", "model.feedforward=16", "dropout=0", "visual_dropout=0"),
    *("epochs=3", "batch=7", "lr=1e-2", "warm_up=1"),
)

NOT_SEEN_BY_A_SOFTMAX = ("time_attention.bias", "modality_attention.bias", "in_proj_bias")
"""A softmax is the same whatever is added to all of its inputs: the gradient of such a bias is rounding alone,
which Adam brings to full size. (Of `in_proj_bias` that is true of the keys' third.)"""


class World(Protocol):
    root: Path
    folder: Path
    features: Path
    dataset: Dataset
    feature_file: Any


def arguments(world: World, recipe: str, run: str) -> list[str]:
    places = ("--dataset", world.folder, "--features", world.features, "--run-dir", world.root / run)
    settings = (argument for setting in SETTINGS for argument in ("--set", setting))
    out = ("--parse", world.root / f"{run}.npz", "--device", "cpu")
    return [str(argument) for argument in ("train", recipe, *places, *settings, *out)]


def two_processes(command: list[str]) -> subprocess.CompletedProcess[str]:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "trainer")
    environment = {name: value for name, value in os.environ.items() if name != "WORLD_SIZE"}
    return subprocess.run(
        [sys.executable, *launcher, *command],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )


def messages(run_dir: Path, kind: type[Message]) -> list[Any]:
    found = map(read_message, (run_dir / MESSAGES_FILE).read_text().splitlines())
    return [message for message in found if isinstance(message, kind)]


def test_two_processes_train_as_one_with_the_same_batches(world: World) -> None:
    """Losses, metrics and weights agree to 1e-4, clips being of different length and some reviewed.

    Not to the bit: each process sums its part of a batch, and the order of a sum decides its last digit.
    Dropout is off, since each process draws its own. A step of every parser is in models/test_processes.
    """
    recipe = "ecma/signal"
    heard = (Event(Modality.AUDIO, "Dog", 0, 3, State.PRESENT, "ann"),)
    absent = (Event(Modality.VISUAL, "Bell", 0, 6, State.ABSENT, "ann"),)
    reviewed = {"train-00": heard, "train-07": absent, "train-20": heard}
    write_dataset(world.folder, Dataset(**vars(world.dataset) | {"reviewed": reviewed}))
    assert main(arguments(world, recipe, "one")) == 0
    ended = two_processes(arguments(world, recipe, "two"))
    assert ended.returncode == 0, ended.stderr

    assert "2 processes" in messages(world.root / "two", Started)[0].device
    one, two = (messages(world.root / name, Epoch) for name in ("one", "two"))
    assert [epoch.epoch for epoch in two] == [1, 2, 3]
    for alone, shared in zip(one, two, strict=True):
        assert shared.losses == pytest.approx(alone.losses, rel=1e-4)
        assert shared.metrics == pytest.approx(alone.metrics, abs=1e-3)
    weights = [load_file(world.root / name / "last.safetensors") for name in ("one", "two")]
    for name in weights[0]:
        if not name.endswith(NOT_SEEN_BY_A_SOFTMAX):
            torch.testing.assert_close(weights[1][name], weights[0][name], rtol=1e-4, atol=1e-5, msg=name)
    parses = [read_parses(world.root / name) for name in ("one.npz", "two.npz")]
    np.testing.assert_allclose(parses[1].audio, parses[0].audio, atol=1e-4)
    kept = [read_supervision(supervision_path(world.root / name, 3)) for name in ("one", "two")]
    for key, array in kept[0].arrays.items():
        different = np.abs(kept[1].arrays[key].astype(float) - array.astype(float)) > 1.01
        assert different.mean() < 0.001, key


def test_an_error_ends_all_processes_with_one_message(world: World) -> None:
    world.feature_file("signal-audio", "train-04").write_bytes(b"damaged")
    ended = two_processes(arguments(world, "han/signal", "two"))
    assert ended.returncode != 0
    assert ended.stderr.count("error: ") == 1
    (failed,) = messages(world.root / "two", Failed)
    assert "signal-audio/train-04.npy" in failed.error
    assert not list((world.root / "two").glob("*.safetensors"))


def test_one_process_is_a_group_that_exchanges_nothing() -> None:
    group, order = Group(), torch.arange(10)
    assert (group.is_alone, group.is_first, group.may_tell()) == (True, True, True)
    assert [part.tolist() for part in group.parts(order, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert torch.equal(group.part(order), order)
    assert torch.equal(group.mean(order), order)
    module = torch.nn.Linear(1, 1)
    assert group.wrapped(module) is module


@pytest.mark.parametrize("clips", [5, 9, 12, 13, 24])
def test_processes_share_every_batch_and_none_is_left_without(clips: int) -> None:
    groups = [Group(rank, 3) for rank in range(3)]
    batches = groups[0].parts(torch.randperm(clips), 4)
    assert torch.cat(batches).sort().values.tolist() == list(range(clips))
    for batch in batches:
        parts = [group.part(batch) for group in groups]
        assert torch.equal(torch.cat(parts), batch)
        assert min(map(len, parts)) >= 1
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(("clips", "batch"), [(20, 2), (2, 8)])
def test_batches_that_cannot_be_shared_are_refused(clips: int, batch: int) -> None:
    with pytest.raises(GroupError, match=r"batches of 2 clips cannot be shared by 3 processes: use larger"):
        Group(0, 3).parts(torch.arange(clips), batch)


def test_the_environment_of_torchrun_says_who_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert Group.of_environment() == Group()
    for name, value in (("RANK", 5), ("WORLD_SIZE", 8), ("LOCAL_RANK", 1), ("LOCAL_WORLD_SIZE", 4)):
        monkeypatch.setenv(name, str(value))
    assert Group.of_environment() == Group(rank=5, size=8, local_rank=1, local_size=4)
    monkeypatch.delenv("LOCAL_RANK")
    with pytest.raises(GroupError, match="start several processes with torchrun"):
        Group.of_environment()


def test_a_ratio_is_total_over_count_and_nothing_where_nothing_was_counted() -> None:
    total = torch.tensor(6.0, requires_grad=True)
    found = ratio(total, torch.tensor(4))
    found.backward()  # type: ignore[no-untyped-call]
    assert (found.item(), total.grad) == (1.5, torch.tensor(0.25))
    assert ratio(torch.tensor(0.0), torch.tensor(0)).item() == 0


def test_each_process_of_a_group_has_the_gpu_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert choose_device("cuda", 1) == torch.device("cuda", 1)
    assert choose_device("cpu", 1) == torch.device("cpu")
    with pytest.raises(DeviceError, match="cuda:2"):
        choose_device("cuda", 2)
    with pytest.raises(DeviceError, match="use cuda or auto"):
        choose_device("cuda:0", 1)
