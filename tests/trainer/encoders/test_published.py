"""Published files of weights: where they are looked for, and what is said of those that do not do."""

from __future__ import annotations

import hashlib
import pickle
import urllib.error
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from trainer.encoders import published
from trainer.encoders.encoding import EncoderError, Loading
from trainer.encoders.published import Published, load_published


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 2)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return OrderedDict(Small().state_dict())


@pytest.fixture
def right(tmp_path: Path, state: dict[str, torch.Tensor]) -> Path:
    path = tmp_path / "mine.pth"
    torch.save(state, path)
    return path


def of(digest: str) -> Published:
    return Published(
        "small", "Small", f"https://weights.example/small-{digest[:8]}.pth", "1 kB", ("same-12345678.pth",)
    )


SMALL = of("0123456789")


def load(path: Path | str, what: Published = SMALL, **more: bool) -> tuple[Small, dict[str, str]]:
    return load_published(Small, what, Loading(str(path), **more))


def refusal(path: Path | str, what: Published = SMALL, **more: bool) -> str:
    with pytest.raises(EncoderError) as caught:
        load(path, what, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def test_a_file_fills_the_network_and_its_sha_256_is_told(right, state):
    network, weights = load(right)

    assert weights == {"mine.pth": hashlib.sha256(right.read_bytes()).hexdigest()}
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[name]) or name.endswith("num_batches_tracked")
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_files_of_before_2018_and_safetensors_are_read_as_well(tmp_path, right, state):
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "new.safetensors")

    for name in ("old.pth", "new.safetensors"):
        assert torch.equal(load(tmp_path / name)[0].conv1.weight, load(right)[0].conv1.weight)


def test_of_a_folder_the_published_file_is_taken_or_the_only_one(tmp_path, right, state):
    assert load(tmp_path)[1].keys() == {"mine.pth"}
    torch.save(state, tmp_path / "other.pth")
    assert "holds 2 files of weights, and none is called small-01234567.pth" in refusal(tmp_path)

    what = of(hashlib.sha256(right.read_bytes()).hexdigest())
    right.rename(tmp_path / what.file)
    assert load(tmp_path, what)[1].keys() == {what.file}
    assert "holds no file of weights" in refusal((tmp_path / "empty").mkdir() or tmp_path / "empty")


def test_without_weights_the_message_says_what_to_get_where_and_how_to_name_it(hub, tmp_path):
    for text in (refusal(""), refusal(tmp_path / "missing.pth")):
        assert "small-01234567.pth (1 kB)" in text
        assert "https://weights.example/small-01234567.pth" in text
        assert "--model small=FILE" in text
        assert "--download" in text


def test_nothing_is_fetched_unless_asked_and_what_is_fetched_stays(hub, right, tmp_path, monkeypatch):
    what = of(hashlib.sha256(right.read_bytes()).hexdigest())
    local = Published(
        what.encoder, what.network, (right.parent / "served").as_uri() + f"/{what.file}", what.size
    )
    (right.parent / "served").mkdir()
    (right.parent / "served" / what.file).write_bytes(right.read_bytes())

    refusal("", local)
    assert not hub.exists()

    load("", local, download=True)
    assert [path.name for path in hub.iterdir()] == [what.file]
    monkeypatch.setattr(torch.hub, "download_url_to_file", None)
    assert load("", local)[1].keys() == {what.file}


def test_what_is_fetched_and_of_another_hash_is_refused_and_not_kept(hub, right):
    served = Published("small", "Small", right.rename(right.with_name("small-00000000.pth")).as_uri(), "1 kB")

    assert "invalid hash value" in refusal("", served, download=True)
    assert not any(hub.iterdir())


def test_a_network_that_is_not_there_is_told_in_one_line(hub, monkeypatch):
    def fail(*_, **__):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(published.torch.hub, "download_url_to_file", fail)
    text = refusal("", download=True)
    assert "no route to host" in text
    assert "--model small=FILE" in text


@pytest.mark.parametrize("name", [SMALL.file, *SMALL.same])
def test_a_file_whose_name_tells_another_hash_is_damaged(right, name):
    text = refusal(right.rename(right.with_name(name)))
    assert "damaged, its SHA-256 begins with" in text
    assert "delete it" in text


class Evil:
    def __reduce__(self):
        return pytest.fail, ("an object was unpickled",)


def test_pickled_objects_are_never_loaded(tmp_path, state):
    torch.save({**state, "evil": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil()))
    torch.save(Small(), tmp_path / "whole.pth")

    for name in ("evil.pth", "whole.pth"):
        assert "holds Python objects, which are never loaded" in refusal(tmp_path / name)
    refusal(tmp_path / "plain.pth")


@pytest.mark.parametrize("name", ["damaged.pth", "damaged.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x02", bytes(range(256)) * 20])
def test_a_file_of_something_else_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert "not a file of weights, or damaged" in refusal(tmp_path / name)


def test_a_file_that_ends_too_early_is_refused(right):
    right.write_bytes(right.read_bytes()[:-500])
    assert "not a file of weights, or damaged" in refusal(right)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {"state_dict": {"a": torch.ones(1)}}, torch.ones(3)])
def test_a_file_without_a_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "other.pth")
    assert "something else than a state dict" in refusal(tmp_path / "other.pth")


def test_of_another_network_the_first_differences_are_told(tmp_path, state):
    del state["fc.bias"], state["bn1.weight"], state["bn1.bias"], state["bn1.running_var"]
    state["conv1.weight"] = torch.ones(4, 1, 3, 3)
    state["last_linear.weight"] = torch.ones(2, 4)
    torch.save(state, tmp_path / "other.pth")

    text = refusal(tmp_path / "other.pth")
    assert f"{tmp_path / 'other.pth'}: not the weights of Small" in text
    assert "there is no bn1.weight, bn1.bias, bn1.running_var and 1 more" in text
    assert "last_linear.weight" in text
    assert "conv1.weight (4, 1, 3, 3), which should be (4, 3, 3, 3)" in text
