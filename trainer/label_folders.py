"""Folders of pseudo-labels as VALOR (Lai et al., NeurIPS 2023) and UWAV (Lai et al., CVPR 2025) publish them.

One `.npy` file (T, C) a clip and modality, named by the clip's key. VALOR has labels of 0 and 1. UWAV has
those too, and the logits and thresholds that they come from. Columns are in the order of the dataset's
categories, which no file says: LLP's own order for LLP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import feature_key
from trainer.features import some
from trainer.parses import NPZ_DAMAGE
from trainer.whole_files import written_whole

LabelLayout: TypeAlias = Literal["valor", "uwav"]
LAYOUTS: tuple[LabelLayout, ...] = get_args(LabelLayout)

_Pair: TypeAlias = tuple[str, str]

_LABELS: dict[LabelLayout, _Pair] = {
    "valor": ("CLAP/segment_pseudo_labels", "CLIP/segment_pseudo_labels"),
    "uwav": ("a_segmentwise_pseudo_labels", "v_segmentwise_pseudo_labels"),
}
"""Where the labels of audio and visual are."""
_LOGITS: _Pair = ("a_segmentwise_logits", "v_segmentwise_logits")
_THRESHOLDS: _Pair = ("a_classwise_threhsolds.npy", "v_classwise_threhsolds.npy")  # misspelt as published
_WITHIN = (".", "LLP_Dataset", "data")
"""Where in the folder that was given the layouts may begin."""
_TYPES: dict[LabelLayout, type[np.generic]] = {"valor": np.int64, "uwav": np.float32}


class LabelFolderError(ValueError):
    """A folder of pseudo-labels that cannot be used: what is wrong, in which files."""


@dataclass(frozen=True, eq=False)
class LabelFolder:
    """What a folder says of the clips of a dataset, audio before visual.

    `cells` (2, T, C) float32 by clip: labels of 0 and 1, or where there are `thresholds` (2, C), which may be
    minus infinity, logits. `missing` names clips that have no files.
    """

    layout: LabelLayout
    cells: dict[str, NDArray[np.float32]]
    thresholds: NDArray[np.float64] | None
    missing: tuple[str, ...]


def read_label_folder(
    folder: Path, names: Iterable[str], categories: int, segments: Mapping[str, int]
) -> LabelFolder:
    """Read what a folder has of the named clips, all checked; of UWAV the logits, where they are there.

    `segments`: how many a clip has, where that is known. Raises LabelFolderError with all that is wrong.
    """
    layout, root = _find(folder)
    thresholds = _read_thresholds(root, categories) if layout == "uwav" else None
    places = _LABELS[layout] if thresholds is None else _LOGITS
    cells: dict[str, NDArray[np.float32]] = {}
    missing, problems = [], []
    for name in names:
        files = [root / place / f"{feature_key(name)}.npy" for place in places]
        if not any(file.exists() for file in files):
            missing.append(name)
            continue
        try:
            cells[name] = _read_clip(files, (segments.get(name), categories), labels=thresholds is None)
        except LabelFolderError as error:
            problems.append(str(error))
    if problems:
        count = f"{len(problems)} of {len(problems) + len(cells)} clips have labels that cannot be used"
        raise LabelFolderError(f"{root}: {count}: {some(problems)}")
    if not cells:
        raise LabelFolderError(
            f"{root / places[0]}: holds no file of any of the {len(missing)} clips of the dataset; files are "
            f"named {feature_key(missing[0]) if missing else 'KEY'}.npy"
        )
    return LabelFolder(layout, cells, thresholds, tuple(missing))


def write_label_folder(out: Path, layout: LabelLayout, labels: Mapping[str, NDArray[np.bool_]]) -> None:
    """Write labels (2, T, C) by clip as they are published, all or none.

    Raises LabelFolderError where some are there, and for clips that cannot have a file each.
    """
    folders = [out / place for place in _LABELS[layout]]
    if out.exists() and not out.is_dir():
        raise LabelFolderError(f"{out}: is a file; give the name of a folder")
    for folder in folders:
        if folder.is_dir() and any(folder.glob("*.npy")):
            raise LabelFolderError(f"{folder}: already holds labels; delete them, or give another folder")
    _check_keys(labels)
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for name, cells in labels.items():
            for folder, values in zip(folders, cells, strict=True):
                path = folder / f"{feature_key(name)}.npy"
                with written_whole(path) as partial, partial.open("wb") as file:
                    np.save(file, values.astype(_TYPES[layout]))
                written.append(path)
    except BaseException:  # half of them would be in the way of the rest
        for path in written:
            path.unlink()
        raise


def _check_keys(names: Iterable[str]) -> None:
    """Refuse clips that would share a file, and names that would lead out of the folder."""
    owners: dict[str, str] = {}
    for name in names:
        key = feature_key(name)
        if "/" in key or "\\" in key:
            raise LabelFolderError(f"{name!r}: a file cannot be named as this clip is; rename the clip")
        if (owner := owners.setdefault(key, name)) != name:
            raise LabelFolderError(
                f"{name} and {owner} are of one video, and this layout has one file {key}.npy for both; "
                "keep one of them"
            )


def _find(folder: Path) -> tuple[LabelLayout, Path]:
    """Which layout is there, and where it begins. Raises LabelFolderError."""
    if not folder.is_dir():
        raise LabelFolderError(f"{folder}: there is no such folder")
    for root in (folder / part for part in _WITHIN):
        for layout, places in _LABELS.items():
            for pair in (places, _LOGITS) if layout == "uwav" else (places,):
                there = [(root / place).is_dir() for place in pair]
                if all(there):
                    return layout, root
                if any(there):
                    lacking = root / pair[there.index(False)]
                    raise LabelFolderError(f"{lacking}: there is no such folder, and the labels need both")
    wanted = "; ".join(f"{layout}: {' and '.join(pair)}" for layout, pair in _LABELS.items())
    raise LabelFolderError(f"{folder}: holds no folders of pseudo-labels in a layout that is known ({wanted})")


def _read_thresholds(root: Path, categories: int) -> NDArray[np.float64] | None:
    """UWAV's, of audio and visual (2, C), or None where its labels of 0 and 1 are to be read.

    That is without logits, or without thresholds. Raises LabelFolderError where only logits are there.
    """
    files = [root / name for name in _THRESHOLDS]
    if not all((root / place).is_dir() for place in _LOGITS):
        return None
    lacking = [file.name for file in files if not file.exists()]
    if lacking and all((root / place).is_dir() for place in _LABELS["uwav"]):
        return None
    if lacking:
        raise LabelFolderError(
            f"{root}: there are logits, but not the thresholds to go with them: {some(lacking)}"
        )
    found = [_load(file).astype(np.float64) for file in files]
    for file, values in zip(files, found, strict=True):
        if values.shape != (categories,):
            raise LabelFolderError(f"{file}: is of shape {values.shape}, and there are {categories} categories")
        if not np.all(values < np.inf):  # nan is not either
            raise LabelFolderError(f"{file}: its thresholds are numbers or minus infinity; this one is not")
    return np.stack(found)


def _read_clip(files: list[Path], asked: tuple[int | None, int], *, labels: bool) -> NDArray[np.float32]:
    """(2, T, C) of the clip's two files. Raises LabelFolderError."""
    for file in files:
        if not file.exists():
            raise LabelFolderError(f"{_short(file)}: missing, and the other modality is there")
    audio, visual = (_load(file) for file in files)
    segments, categories = asked
    for file, values in zip(files, (audio, visual), strict=True):
        if values.ndim != 2 or values.shape[1] != categories or segments not in (None, len(values)):
            wanted = f"({segments or 'segments'}, {categories})"
            raise LabelFolderError(f"{_short(file)}: is of shape {values.shape} and not {wanted}")
        if not np.all(np.isfinite(values)):
            raise LabelFolderError(f"{_short(file)}: holds values that are not finite")
        if labels and not np.all((values == 0) | (values == 1)):
            raise LabelFolderError(f"{_short(file)}: holds labels that are neither 0 nor 1")
    if len(audio) != len(visual):
        raise LabelFolderError(f"{_short(files[0])}: has {len(audio)} segments, the other {len(visual)}")
    return np.stack([audio, visual]).astype(np.float32)


def _load(file: Path) -> NDArray[np.generic]:
    try:
        values = np.load(file, allow_pickle=False)
    except NPZ_DAMAGE as error:
        raise LabelFolderError(f"{_short(file)}: damaged, or no array of numbers") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "bifu":
        raise LabelFolderError(f"{_short(file)}: holds no array of numbers")
    return values


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
