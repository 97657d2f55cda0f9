"""Checkpoints: which are taken, and what is said of the others."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
import transformers

from tests.trainer.encoders.tiny import clap_folder, clip_folder
from trainer.encoders import clap, clap_map, clip, clip_crop
from trainer.encoders.encoding import EncoderError, Loading

REMEDY = "--model clip=FOLDER takes a folder with all files of a CLIP checkpoint"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return clip_folder(tmp_path / "model")


def refusal(model: object, **more: Any) -> str:
    """What is said of a model that CLIP cannot be loaded from, in one line."""
    with pytest.raises(EncoderError) as caught:
        clip.load(Loading(str(model), **more))
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 800
    return message


def has_no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def is_of_another_kind(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def has_a_damaged_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def has_a_config_that_is_none(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def has_odd_settings(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["vision_config"]["hidden_size"] = "many"
    (folder / "config.json").write_text(json.dumps(config))


def has_no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def has_no_processor(folder: Path) -> None:
    (folder / "preprocessor_config.json").unlink()


def is_cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def lacks_the_last_layer(folder: Path) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})


def is_of_another_size(folder: Path) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    weights["visual_projection.weight"] = torch.zeros(7, 8)
    safetensors.torch.save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (has_no_config, "holds no model, for it has no config.json"),
        (is_of_another_kind, "holds a model of another kind (bert)"),
        (has_no_weights, "there are no weights in it"),
        (has_no_processor, "it has no preprocessor_config.json"),
        (is_cut_off, "cannot be loaded as clip"),
        (has_odd_settings, "cannot be loaded as clip"),
        (is_of_another_size, "cannot be loaded as clip"),
        (lacks_the_last_layer, "1 weights of clip are not in it, such as visual_projection.weight"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_told_apart(
    folder: Path, change: Callable[[Path], None], message: str
) -> None:
    change(folder)
    said = refusal(folder)
    assert said.startswith(str(folder))
    assert message in said
    assert REMEDY in said
    assert "--download, its name on the hub, such as openai/clip-vit-large-patch14" in said


@pytest.mark.parametrize("change", [has_a_damaged_config, has_a_config_that_is_none])
def test_settings_that_cannot_be_read_are_named(folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    assert f"{folder / 'config.json'}: " in refusal(folder)


def test_every_encoder_says_how_it_is_given_a_model(tmp_path: Path) -> None:
    for module, name in ((clip, "clip"), (clip_crop, "clip-crop"), (clap, "clap"), (clap_map, "clap-map")):
        for model in ("", str(tmp_path / "nothing")):
            with pytest.raises(EncoderError, match=f"--model {name}=FOLDER"):
                module.load(Loading(model))
    assert "is a file" in refusal(__file__)
    assert "another kind (clap)" in refusal(clap_folder(tmp_path / "clap"))


def test_half_precision_is_refused_on_a_cpu(folder: Path) -> None:
    assert refusal(folder, half=True) == (
        "clip: half precision needs a GPU, and this is the cpu; leave out --half"
    )


def test_without_the_library_it_is_said_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "pip install 'avvp-studio[clip]'" in refusal(folder)


def test_weights_are_told_by_their_sums(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    encoder = clip.load(Loading(str(folder)))
    assert encoder.weights == {"model.safetensors": hashlib.sha256(content).hexdigest()}


def test_half_weights_are_computed_in_full_precision_unless_asked(folder: Path) -> None:
    model = transformers.CLIPModel.from_pretrained(folder, dtype=torch.float16)
    model.save_pretrained(folder)
    encoder = clip.load(Loading(str(folder)))
    assert encoder.precision == "float32"
    assert {weight.dtype for weight in encoder.branches[0].model.parameters()} == {torch.float32}  # type: ignore[union-attr]


def as_pickle(folder: Path, **more: object) -> None:
    """The weights as older checkpoints have them."""
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights | more, folder / "pytorch_model.bin")


def test_pickled_weights_are_read_as_plain_numbers(folder: Path) -> None:
    before = clip.load(Loading(str(folder))).branches[0].model.state_dict()  # type: ignore[union-attr]
    as_pickle(folder)
    encoder = clip.load(Loading(str(folder)))
    after = encoder.branches[0].model.state_dict()  # type: ignore[union-attr]
    assert [*encoder.weights] == ["pytorch_model.bin"]
    assert all(torch.equal(before[name], after[name]) for name in before)


class Trap:
    """Would run when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_code_in_pickled_weights_does_not_run(folder: Path, tmp_path: Path) -> None:
    as_pickle(folder, more=Trap(tmp_path / "ran"))
    assert "cannot be loaded as clip" in refusal(folder)
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whom the network was asked for."""
    asked: list[Any] = []

    def refuse(*whom: Any, **_: Any) -> Any:
        asked.append(whom)
        raise OSError("there is no network")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    return asked


def test_a_local_checkpoint_asks_nothing_of_the_network(
    folder: Path, no_network: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    part = transformers.CLIPVisionModelWithProjection
    load = part.from_pretrained

    def noted(model: Path, **options: Any) -> Any:
        told.append(options)
        return load(model, **options)

    monkeypatch.setattr(part, "from_pretrained", noted)
    clip.load(Loading(str(folder)))
    clip.load(Loading(str(folder), download=True))  # it is there
    refusal("openai/clip-vit-large-patch14")
    assert no_network == []
    assert [(it["local_files_only"], it["trust_remote_code"]) for it in told] == [(True, False)] * 2


def test_a_download_that_fails_is_explained(
    no_network: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    said = refusal("nobody/no-such-clip", download=True)
    assert said.startswith("nobody/no-such-clip: cannot be downloaded (")
    assert REMEDY in said
    assert "cannot be downloaded" in refusal("a/b/c", download=True)


def test_a_download_takes_pickled_weights_only_where_there_are_no_others(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def downloaded(name: str, allow_patterns: list[str]) -> str:
        cache = tmp_path / name
        cache.mkdir(parents=True, exist_ok=True)
        for path in (path for pattern in allow_patterns for path in folder.glob(pattern)):
            shutil.copy(path, cache)
        return str(cache)

    monkeypatch.setattr("huggingface_hub.snapshot_download", downloaded)
    (folder / "pytorch_model.bin").write_bytes(b"not to be taken")
    encoder = clip.load(Loading("safe", download=True))
    assert [*encoder.weights] == ["model.safetensors"]
    assert not (tmp_path / "safe" / "pytorch_model.bin").exists()
    as_pickle(folder)
    encoder = clip.load(Loading("pickled", download=True))
    assert [*encoder.weights] == ["pytorch_model.bin"]
