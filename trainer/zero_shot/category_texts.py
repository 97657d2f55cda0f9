"""Text features that categories lack beside features of CLIP and CLAP, made by the models that were chosen.

A category that VALOR wrote captions for has those, for which its thresholds are meant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainer.captions import read_captions
from trainer.encoders.chosen_models import CHOOSE, chosen_model
from trainer.encoders.encoding import EncoderError
from trainer.encoders.hub import open_checkpoint
from trainer.encoders.texts import TEXT_ENCODERS, TextEncoder, encode_texts
from trainer.feature_files import ENCODER_FILE, has_set
from trainer.pseudo_labels.valor import CAPTIONS
from trainer.texts import (
    TEMPLATES,
    TextError,
    TextFeatures,
    caption,
    read_text_file,
    read_texts,
    texts_path,
    write_texts,
)


def complete_texts(features: Path, categories: Sequence[str]) -> tuple[list[str], list[str]]:
    """Make what lacks, as far as models were chosen: what was made, and what went wrong. Raises OSError."""
    made, problems = [], []
    for name, encoder in TEXT_ENCODERS.items():
        if not has_set(features, encoder.features):
            continue
        lacking = _lacking(features, encoder.features, categories)
        chosen = chosen_model(name) if lacking else None
        if chosen is None:
            continue
        try:
            _make(features, name, encoder, chosen.path, lacking)
        except (EncoderError, TextError) as error:
            problems.append(str(error))
        else:
            what = "the name of 1 category" if len(lacking) == 1 else f"the names of {len(lacking)} categories"
            made.append(f"{name} read {what} ({chosen.path})")
    return made, problems


def _lacking(features: Path, name: str, categories: Sequence[str]) -> list[str]:
    """The categories without text features of the model that made the set; what we made by another goes.

    Of a file that is damaged nothing is lacking: who reads it says so.
    """
    path = texts_path(features, name)
    if not path.is_file():
        try:
            read_texts(features, name, categories)  # of a download, which has them in its own place
        except TextError:
            return [*categories]
        return []
    try:
        known = read_text_file(path)
    except TextError:
        return []
    made_by, maker = known.meta.get("weights"), _weights(features / name)
    if made_by and maker and made_by != maker:
        path.unlink()
        return [*categories]
    return [category for category in categories if category not in known.categories]


def _make(features: Path, name: str, encoder: TextEncoder, model: str, categories: Sequence[str]) -> None:
    weights = open_checkpoint(encoder.part, model).weights
    maker = _weights(features / encoder.features)
    if maker and maker != weights:
        raise EncoderError(
            f"{features / encoder.features}: made by another model than {model}, and the two do not compare; "
            f"name that one (`{CHOOSE} {name} FOLDER`), or delete the folder and extract again"
        )
    ours, template = read_captions(CAPTIONS), TEMPLATES[encoder.modality]
    said = tuple(
        ours.texts[one][encoder.modality.axis] if one in ours.texts else caption(template, one)
        for one in categories
    )
    rows = encode_texts(name, model, said)
    meta = {"encoder": f"{name} {Path(model).name}", "template": template, "captions": ours.name}
    write_texts(
        features, encoder.features, TextFeatures(tuple(categories), said, rows, {**meta, "weights": weights})
    )


def _weights(folder: Path) -> dict[str, Any]:
    """Of which a set's encoder.json says that it was made; none where it does not say."""
    try:
        found = json.loads((folder / ENCODER_FILE).read_text(encoding="utf-8"))["weights"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
