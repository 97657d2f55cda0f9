"""Checkpoints of models as the library `transformers` keeps them, in a folder or on its hub.

Only weights and settings are read: never code out of a checkpoint, and of pickled weights plain numbers alone.
The network is asked for nothing but a checkpoint that is to be downloaded.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from trainer.encoders.encoding import EncoderError, Loading

CONFIG = "config.json"
_SETTINGS = ("preprocessor_config.json", "processor_config.json")
"""Where a processor's settings are: alone, or as a part of all that belong to a model."""
_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
"""The files of weights, those that are preferred first."""
_BESIDE = ("*.json", "*.txt")
_EXAMPLES = {"clip": "openai/clip-vit-large-patch14", "clap": "laion/clap-htsat-fused"}
"""Names on the hub."""
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Part:
    """The part of a model that an encoder computes with: its class in the library.

    `encoder`: "clip" or "clap", the `model_type` of whole checkpoints; `kind`: that of those with this part
    alone. `option`: how the command line is told where the checkpoint is.
    """

    encoder: str
    model_class: str
    kind: str
    option: str


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds a part of a model, with what its config.json says."""

    part: Part
    folder: Path
    config: Mapping[str, Any]

    def model(self, device: str = "cpu", *, half: bool = False) -> Any:
        """The part, ready for inference. Raises EncoderError where weights are damaged, or some are missing."""
        model_class = getattr(library(), self.part.model_class)
        try:
            model, found = model_class.from_pretrained(
                self.folder,
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                dtype=torch.float16 if half else torch.float32,
                output_loading_info=True,
            )
        except Exception as error:  # damaged files and odd settings raise all kinds
            raise self.unusable(error) from error
        if missing := sorted(found["missing_keys"]):  # the library would make them up
            raise EncoderError(
                f"{self.folder}: {len(missing)} weights of {self.part.encoder} are not in it, such as "
                f"{missing[0]}; {_get(self.part)}"
            )
        return model.eval().requires_grad_(False).to(device)

    def unusable(self, error: Exception) -> EncoderError:
        reason = " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
        return EncoderError(
            f"{self.folder}: cannot be loaded as {self.part.encoder} ({reason}); {_get(self.part)}"
        )

    def processor(self, name: str) -> Mapping[str, Any]:
        """The settings of a processor, such as "image_processor". Raises EncoderError where there are none."""
        for file in _SETTINGS:
            if (self.folder / file).is_file():
                settings = _read_json(self.folder / file)
                found = settings.get(name, settings if file == _SETTINGS[0] else None)
                if isinstance(found, dict):
                    return found
        raise EncoderError(
            f"{self.folder}: it has no {_SETTINGS[0]}, which says how input is prepared; {_get(self.part)}"
        )

    @cached_property
    def weights(self) -> dict[str, str]:
        """The SHA-256 of each file of weights, by its name."""
        sums = {}
        for path in _weight_files(self.folder):
            with path.open("rb") as file:
                sums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
        return sums


def open_checkpoint(part: Part, model: str, *, download: bool = False) -> Checkpoint:
    """The checkpoint in a folder, or with `download` that of this name on the hub. Raises EncoderError."""
    if not model:
        raise EncoderError(f"{part.encoder} needs a model; {_get(part)}")
    folder = Path(model)
    if folder.is_file():
        raise EncoderError(f"{model}: is a file; {_get(part)}")
    if not folder.is_dir():
        if not download:
            raise EncoderError(f"{model}: there is no such folder; {_get(part)}")
        folder = _downloaded(part, model)
    if not (folder / CONFIG).is_file():
        raise EncoderError(f"{folder}: holds no model, for it has no {CONFIG}; {_get(part)}")
    config = _read_json(folder / CONFIG)
    kind = config.get("model_type")
    if kind not in (part.encoder, part.kind):
        raise EncoderError(f"{folder}: holds a model of another kind ({kind}); {_get(part)}")
    if not _weight_files(folder):
        raise EncoderError(f"{folder}: there are no weights in it ({' or '.join(_WEIGHTS)}); {_get(part)}")
    return Checkpoint(part, folder, config)


def library() -> Any:
    """The package transformers, which prints nothing. Raises EncoderError where it is not installed."""
    try:
        found = importlib.import_module("transformers")
    except ImportError as error:
        raise EncoderError(
            "CLIP and CLAP need the package transformers, which is not installed; get it with "
            "pip install 'avvp-studio[clip]'"
        ) from error
    found.utils.logging.disable_progress_bar()
    found.utils.logging.set_verbosity_error()
    return found


def check_half(encoder: str, loading: Loading) -> None:
    """Half precision is of GPUs: a CPU would take longer, and round more."""
    if loading.half and torch.device(loading.device).type != "cuda":
        raise EncoderError(
            f"{encoder}: half precision needs a GPU, and this is the {loading.device}; leave out --half"
        )


def _downloaded(part: Part, name: str) -> Path:
    """The folder, in the hub library's own cache, of what the hub has of this name."""
    library()  # which brings the hub's client along, or is told to be missing
    hub = importlib.import_module("huggingface_hub")
    importlib.import_module("huggingface_hub.utils").disable_progress_bars()
    try:
        for weights in _WEIGHTS:
            folder = Path(hub.snapshot_download(name, allow_patterns=[*_BESIDE, weights]))
            if _weight_files(folder):
                break
    except Exception as error:  # its client's, the network's and the disk's
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise EncoderError(f"{name}: cannot be downloaded ({reason}); {_get(part)}") from error
    return folder


def _get(part: Part) -> str:
    """What to download, and where to say so."""
    return (
        f"{part.option} takes a folder with all files of a {part.encoder.upper()} checkpoint for transformers, "
        f"or, with --download, its name on the hub, such as {_EXAMPLES[part.encoder]}; "
        f"`avvp-trainer encoders model {part.encoder} FOLDER` names it once for all"
    )


def _weight_files(folder: Path) -> list[Path]:
    return next((found for pattern in _WEIGHTS if (found := sorted(folder.glob(pattern)))), [])


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path}: cannot be read ({error}); get it again") from error
    if not isinstance(content, dict):
        raise EncoderError(f"{path}: holds no settings; get it again")
    return content
