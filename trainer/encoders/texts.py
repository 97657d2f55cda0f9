"""Text features by CLIP's and CLAP's text encoders, through `transformers`, which not every machine has."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.encoders.encoder import EncoderError
from trainer.labels import Modality

_BATCH = 64
_FIRST_LINE = 300


@dataclass(frozen=True)
class TextEncoder:
    """Whose segment features, of which set and modality, its text features go with; its class there."""

    features: str
    modality: Modality
    model_class: str


TEXT_ENCODERS = {
    "clip": TextEncoder("clip", Modality.VISUAL, "CLIPTextModelWithProjection"),
    "clap": TextEncoder("clap512", Modality.AUDIO, "ClapTextModelWithProjection"),
}


def encode_texts(
    encoder: str, model: str, captions: Sequence[str], *, download: bool = False
) -> NDArray[np.float32]:
    """What the encoder makes of captions: (C, D), in the space of its segment features.

    `model` is a folder with the model's files, or with `download` its name on the hub; without it nothing is
    asked of the network. Raises EncoderError.
    """
    is_folder = Path(model).is_dir()
    if not (is_folder or download):
        raise EncoderError(
            f"{model}: there is no such folder; give the one that holds the model, or its name on the hub with "
            "--download"
        )
    library, torch = _library()
    library.utils.logging.disable_progress_bar()
    try:
        # Never code out of a model's folder. Weights that are pickled are read as plain data (torch 2.6).
        options = {"local_files_only": is_folder or not download, "trust_remote_code": False}
        tokenizer = library.AutoTokenizer.from_pretrained(model, **options)
        parts = getattr(library, TEXT_ENCODERS[encoder].model_class).from_pretrained(model, **options)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        reason = " ".join(str(error).split())[:_FIRST_LINE]
        raise EncoderError(f"{model}: cannot be loaded as {encoder}: {reason}") from error
    with torch.inference_mode():
        rows = [
            parts.eval()(**tokenizer(list(part), padding=True, return_tensors="pt")).text_embeds
            for part in (captions[i : i + _BATCH] for i in range(0, len(captions), _BATCH))
        ]
        return np.asarray(torch.cat(rows).float().numpy(), np.float32)


def _library() -> tuple[Any, Any]:
    """`transformers` and torch."""
    try:
        return importlib.import_module("transformers"), importlib.import_module("torch")
    except ImportError as error:
        raise EncoderError(
            "text encoders need the package transformers, which is not installed: "
            "pip install 'avvp-studio[clip]'; or take rows that are there with --from FILE.npy"
        ) from error
