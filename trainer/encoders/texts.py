"""Text features by CLIP's and CLAP's text encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.encoders.encoding import EncoderError
from trainer.encoders.hub import Part, library, open_checkpoint
from trainer.labels import Modality

_BATCH = 64
_VOCABULARIES = ("tokenizer.json", "vocab.json")
"""A checkpoint has one of them: how it reads words."""


@dataclass(frozen=True)
class TextEncoder:
    """Whose segment features, of which set and modality, its text features go with; what computes them.

    `unused`: of the places that its model has for tokens, those that hold none.
    """

    features: str
    modality: Modality
    part: Part
    unused: int = 0


_OPTION = "--model FOLDER"

TEXT_ENCODERS = {
    "clip": TextEncoder(
        "clip", Modality.VISUAL, Part("clip", "CLIPTextModelWithProjection", "clip_text_model", _OPTION)
    ),
    "clap": TextEncoder(
        "clap512",
        Modality.AUDIO,
        Part("clap", "ClapTextModelWithProjection", "clap_text_model", _OPTION),
        unused=2,
    ),
}


def encode_texts(
    encoder: str, model: str, captions: Sequence[str], *, download: bool = False
) -> NDArray[np.float32]:
    """What the encoder makes of captions: (C, D), in the space of its segment features.

    `model` is a folder with the model's files, or with `download` its name on the hub; without it nothing is
    asked of the network. What is longer than the model reads is cut. Raises EncoderError.
    """
    checkpoint = open_checkpoint(TEXT_ENCODERS[encoder].part, model, download=download)
    try:
        transformers = library()
    except EncoderError as error:
        raise EncoderError(f"{error}; or take rows that are there with --from FILE.npy") from error
    if not any(
        (checkpoint.folder / name).is_file() for name in _VOCABULARIES
    ):  # the library makes up an empty one
        raise checkpoint.unusable(EncoderError(f"it has no {' or '.join(_VOCABULARIES)}"))
    text_model = checkpoint.model()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            checkpoint.folder, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # damaged files and odd settings raise all kinds
        raise checkpoint.unusable(error) from error
    longest = text_model.config.max_position_embeddings - TEXT_ENCODERS[encoder].unused
    said = {"padding": True, "truncation": True, "max_length": longest, "return_tensors": "pt"}
    with torch.inference_mode():
        rows = [
            text_model(**tokenizer(list(part), **said)).text_embeds
            for part in (captions[i : i + _BATCH] for i in range(0, len(captions), _BATCH))
        ]
        return np.asarray(torch.cat(rows).numpy(), np.float32)
