"""Text features of categories: what the encoder of a feature set makes of their captions.

They are in `<features>/texts/<set>.npz`, and lie in the space of the set's segment features, so that cosines
between the two mean something (CLIP, CLAP). Templates are UWAV's and EAR's. Also read is what UWAV (Lai et al.,
2025) published: rows without names.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.labels import Modality
from trainer.parses import NPZ_DAMAGE
from trainer.whole_files import written_whole

TEXTS = "texts"
"""The folder beside the feature sets that holds text features: no set itself."""

TEMPLATES = {Modality.AUDIO: "This is the sound of {}", Modality.VISUAL: "A photo of {}"}

Rows: TypeAlias = NDArray[np.float32]

_PUBLISHED = {
    "clip": "feats_CLIP/event_feats/all_event_feats.npy",
    "clap512": "feats_CLAP/event_feats/all_event_feats.npy",
}
"""Where UWAV's downloads keep the text features of a set, a row a category in the dataset's own order."""

_PLACE = "{}"
_SHOWN = 10


class TextError(ValueError):
    """Text features that are missing or cannot be used, and what to do."""


@dataclass(frozen=True, eq=False)
class TextFeatures:
    """The text features (C, D) float32 of `categories` (C,), of the `captions` (C,) that an encoder read.

    `meta` says which ("encoder") and how captions were made ("template").
    """

    categories: tuple[str, ...]
    captions: tuple[str, ...]
    features: Rows
    meta: Mapping[str, Any] = field(default_factory=dict)

    def of(self, categories: Sequence[str]) -> Rows:
        """The rows of these categories, which all are known."""
        return self.features[[self.categories.index(category) for category in categories]]

    def without(self, categories: Sequence[str]) -> TextFeatures:
        """What is said of the other categories."""
        kept = [i for i, category in enumerate(self.categories) if category not in categories]
        return TextFeatures(
            tuple(self.categories[i] for i in kept),
            tuple(self.captions[i] for i in kept),
            self.features[kept],
            self.meta,
        )


def caption(template: str, category: str) -> str:
    """The template with the category in place of {}: its name in lower case, without underscores."""
    if template.count(_PLACE) != 1:
        raise TextError(f"{template!r} is no template: it holds {_PLACE} once, where the category goes")
    return template.replace(_PLACE, category.lower().replace("_", " "))


def texts_path(folder: Path, set_name: str) -> Path:
    """Where a feature folder keeps the text features of a set. Raises TextError for what names no set."""
    if not set_name or {"/", "\\"} & {*set_name} or set_name.startswith("."):
        raise TextError(f"{set_name!r} names no feature set: give the name of its folder, such as clip")
    return folder / TEXTS / f"{set_name}.npz"


def read_texts(folder: Path, set_name: str, categories: Sequence[str]) -> Rows:
    """The text features (C, D) of the categories in a set's space, each of length 1.

    Raises TextError when they are missing or damaged, naming the categories that lack them.
    """
    path = texts_path(folder, set_name)
    if not path.is_file():
        return _published(folder, set_name, categories)
    texts = read_text_file(path)
    lacking = [category for category in categories if category not in texts.categories]
    if lacking:
        raise TextError(
            f"{path}: it has no text features of {len(lacking)} of the {len(categories)} categories "
            f"({_some(lacking)}); {_remedy(set_name)}"
        )
    return _of_length_1(path, texts.of(categories), categories)


def write_texts(folder: Path, set_name: str, texts: TextFeatures) -> Path:
    """Add text features to those that a set has; of a category that is there already the new ones hold.

    Raises TextError for what is no text features, and where others would stay that another encoder made.
    """
    path = texts_path(folder, set_name)
    _check(path, texts)
    if path.is_file():
        texts = _joined(path, read_text_file(path).without(texts.categories), texts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            categories=np.array(texts.categories, np.str_),
            captions=np.array(texts.captions, np.str_),
            features=texts.features,
            meta=np.array(json.dumps(dict(texts.meta), ensure_ascii=False)),
        )
    return path


def read_text_file(path: Path) -> TextFeatures:
    """All that a file says. Raises TextError when it is missing, damaged, or not of one piece."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            texts = TextFeatures(
                tuple(map(str, arrays["categories"])),
                tuple(map(str, arrays["captions"])),
                arrays["features"].astype(np.float32),
                json.loads(str(arrays["meta"])),
            )
    except FileNotFoundError:
        raise TextError(f"{path}: there is no such file of text features") from None
    except NPZ_DAMAGE as error:
        reason = error if zipfile.is_zipfile(path) else "it is no .npz archive"
        raise TextError(
            f"{path}: not text features, or damaged ({reason}); delete it and make it again with "
            f"`avvp-trainer texts`"
        ) from error
    _check(path, texts)
    return texts


def _joined(path: Path, kept: TextFeatures, new: TextFeatures) -> TextFeatures:
    """What stays of a file, and what is new."""
    if not kept.categories:
        return new
    theirs, ours = (texts.meta.get("encoder", "") for texts in (kept, new))
    if theirs != ours or kept.features.shape[1] != new.features.shape[1]:
        raise TextError(
            f"{path}: its text features of {_some(kept.categories)} are of another encoder "
            f"({theirs or 'unknown'}, {kept.features.shape[1]} columns) than these ({ours or 'unknown'}, "
            f"{new.features.shape[1]} columns), and the two do not mix; delete the file, or make those of all "
            f"its categories"
        )
    return TextFeatures(
        kept.categories + new.categories,
        kept.captions + new.captions,
        np.concatenate([kept.features, new.features]),
        new.meta,
    )


def _check(path: Path, texts: TextFeatures) -> None:
    count, shape = len(texts.categories), texts.features.shape
    if len(shape) != 2 or shape[0] != count or len(texts.captions) != count or not isinstance(texts.meta, dict):
        raise TextError(
            f"{path}: {count} categories, {len(texts.captions)} captions and text features {shape} do not fit "
            f"together; there is one row for each"
        )
    if len({*texts.categories}) != count:
        raise TextError(f"{path}: it names a category twice; keep one row for each")
    check_rows(path, texts.features, texts.categories)


def check_rows(path: Path, features: Rows, categories: Sequence[str]) -> None:
    """Refuse what has no direction: rows of the file `path` that are no finite numbers, or all zeros."""
    rows = zip(categories, features, strict=True)
    bad = [category for category, row in rows if not (np.isfinite(row).all() and row.any())]
    if bad:
        raise TextError(
            f"{path}: the text features of {len(bad)} categories are not finite, or all zeros ({_some(bad)}); "
            f"make them again"
        )


def _published(folder: Path, set_name: str, categories: Sequence[str]) -> Rows:
    """The rows of UWAV's download, where it is there and has one for each category."""
    path = folder / _PUBLISHED[set_name] if set_name in _PUBLISHED else None
    if path is None or not path.is_file():
        raise TextError(
            f"{texts_path(folder, set_name)}: there are no text features of the {len(categories)} categories "
            f"for the feature set {set_name!r}; {_remedy(set_name)}"
        )
    try:
        features = np.load(path, allow_pickle=False).astype(np.float32)
    except NPZ_DAMAGE as error:
        raise TextError(f"{path}: not an array of text features, or damaged ({error})") from error
    if features.ndim != 2 or len(features) != len(categories):
        raise TextError(
            f"{path}: it is {features.shape}, and the dataset has {len(categories)} categories; the rows have "
            f"no names, so there must be one for each, in the dataset's order; {_remedy(set_name)}"
        )
    return _of_length_1(path, features, categories)


def _of_length_1(path: Path, features: Rows, categories: Sequence[str]) -> Rows:
    check_rows(path, features, categories)
    exact = features.astype(np.float64)
    return np.asarray(exact / np.linalg.norm(exact, axis=1, keepdims=True), np.float32)


def _remedy(set_name: str) -> str:
    return (
        "make them by the encoder of the set with `avvp-trainer texts --encoder ...`, or take "
        f"rows in the order of the categories with `avvp-trainer texts --from FILE.npy --set {set_name} ...`"
    )


def _some(items: Sequence[str]) -> str:
    rest = len(items) - _SHOWN
    return "; ".join(items[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
