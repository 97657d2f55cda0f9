"""Weights of networks as others published them: found or fetched, read without unpickling, and checked."""

from __future__ import annotations

import hashlib
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from trainer.encoders.encoding import EncoderError, Loading

Module = TypeVar("Module", bound=nn.Module)

_ENDINGS = (".pth", ".pt", ".safetensors")
_COUNTER = "num_batches_tracked"
"""Counts steps of training; nothing reads it afterwards, and files of before 2018 are without."""
_NAMED = 3
"""Differences of a kind that a message tells."""


@dataclass(frozen=True, slots=True)
class Published:
    """A file of weights. The end of its name is the beginning of its SHA-256, as torch's hub has it.

    `same`: names of other files that hold the very same numbers.
    """

    encoder: str
    network: str
    url: str
    size: str
    same: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def remedy(self) -> str:
        return (
            f"get {self.file} ({self.size}) from {self.url} and name it, --model {self.encoder}=FILE, or let "
            "it be fetched with --download"
        )


def load_published(
    build: Callable[[], Module], published: Published, loading: Loading
) -> tuple[Module, dict[str, str]]:
    """A network with the weights of a file, float32 on the CPU; and the SHA-256 of that file by its name.

    The file is that of `loading.model` (or the only one in that folder), or in torch's own cache, into which it
    is fetched where `loading.download` allows it. Raises EncoderError when it is missing, damaged or of another
    network.
    """
    path = _find(published, loading)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EncoderError(f"{path}: cannot be read: {error.strerror}") from error
    begins = _beginning(path.name)
    if path.name in (published.file, *published.same) and not digest.startswith(begins):
        raise EncoderError(
            f"{path}: damaged, its SHA-256 begins with {digest[: len(begins)]} and not, as its name says, with "
            f"{begins}; delete it, and {published.remedy}"
        )
    tensors = _read(path, published)
    with torch.device("meta"):  # no numbers are drawn that the file replaces
        network = build()
    _check(tensors, network, published, path)
    network.to_empty(device="cpu").load_state_dict(tensors, strict=False)
    return network.eval().requires_grad_(False), {path.name: digest}


def _find(published: Published, loading: Loading) -> Path:
    if loading.model:
        given = Path(loading.model)
        if given.is_dir():
            return _in_folder(given, published)
        if not given.is_file():
            raise EncoderError(f"{given}: there is no such file or folder; {published.remedy}")
        return given
    cached = Path(torch.hub.get_dir(), "checkpoints", published.file)
    if not cached.is_file():
        if not loading.download:
            raise EncoderError(f"there are no weights of {published.network}: {published.remedy}")
        _download(published, cached)
    return cached


def _in_folder(folder: Path, published: Published) -> Path:
    for name in (published.file, *published.same):
        if (folder / name).is_file():
            return folder / name
    files = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
    if len(files) == 1:
        return files[0]
    found = f"{len(files)} files of weights" if files else "no file of weights"
    raise EncoderError(f"{folder}: holds {found}, and none is called {published.file}; {published.remedy}")


def _download(published: Published, path: Path) -> None:
    """As torch's hub does it: into a file of another name, which takes its own once its hash is right."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            published.url, str(path), _beginning(path.name), progress=sys.stderr.isatty()
        )
    except (OSError, RuntimeError, HTTPException) as error:  # RuntimeError: of another hash
        raise EncoderError(
            f"{published.file} could not be fetched ({error}); try again, or get it from {published.url} "
            f"on another machine and name it, --model {published.encoder}=FILE"
        ) from error


def _beginning(name: str) -> str:
    """Of the SHA-256, as told by the name: network-beginning.pth."""
    return Path(name).stem.rpartition("-")[2]


def _read(path: Path, published: Published) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd protocols, for which there is a message
            if path.suffix == ".safetensors":
                content = load_file(path)
            else:
                content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise all kinds
        what = "not a file of weights, or damaged"
        if "GLOBAL" in str(error):
            what = "holds Python objects, which are never loaded, for they may run anything"
        raise EncoderError(f"{path}: {what}; {published.remedy}") from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise EncoderError(f"{path}: holds something else than a state dict of tensors; {published.remedy}")
    return content


def _check(tensors: Mapping[str, Tensor], network: nn.Module, published: Published, path: Path) -> None:
    expected = {
        name: tensor.shape for name, tensor in network.state_dict().items() if not name.endswith(_COUNTER)
    }
    found = {name: tensor.shape for name, tensor in tensors.items() if not name.endswith(_COUNTER)}
    missing = [name for name in expected if name not in found]
    unknown = [name for name in found if name not in expected]
    other = [
        f"{name} {tuple(found[name])}, which should be {tuple(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    differences = [
        f"{what} {', '.join(names[:_NAMED])}"
        + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        for what, names in (("there is no", missing), ("there is an unknown", unknown), ("there is", other))
        if names
    ]
    if differences:
        raise EncoderError(
            f"{path}: not the weights of {published.network}: {'; '.join(differences)}; {published.remedy}"
        )
