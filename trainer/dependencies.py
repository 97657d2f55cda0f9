"""How the categories of a parser depend on one another: `dependencies.npz`, beside its weights.

A matrix a kind, its rows and columns the categories; that of both modalities at once has those of audio, then
those of visual (EAR, Figures 4 and 5). numpy alone, so that any program may read it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.parses import NPZ_DAMAGE
from trainer.whole_files import written_whole

DEPENDENCIES_FILE = "dependencies.npz"

SIDES = {"audio": 1, "visual": 1, "audio_visual": 2}
"""The matrices that there may be, and the side of each in numbers of categories."""


class DependencyError(ValueError):
    """A file of dependencies that cannot be used, and why."""


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Those of a parser after an `epoch`: `matrices` (s C, s C) float32 by the names of `SIDES`, s its side."""

    epoch: int
    categories: tuple[str, ...]
    matrices: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def write_dependencies(path: Path, dependencies: Dependencies) -> None:
    """Write the file whole, then rename it into place. Raises DependencyError where they do not fit."""
    _check(path, dependencies)
    arrays: dict[str, Any] = {
        "epoch": np.array(dependencies.epoch),
        "categories": np.array(dependencies.categories, np.str_),
        **dependencies.matrices,
    }
    with written_whole(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_dependencies(path: Path) -> Dependencies:
    """Read it back. Raises DependencyError when it is missing, damaged, or not of one piece."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = Dependencies(
                int(arrays["epoch"]),
                tuple(map(str, arrays["categories"])),
                {name: arrays[name].astype(np.float32) for name in SIDES if name in arrays},
            )
    except FileNotFoundError:
        raise DependencyError(
            f"{path}: there is no such file; a training writes it where its parser learns dependencies"
        ) from None
    except NPZ_DAMAGE as error:
        reason = error if zipfile.is_zipfile(path) else "it is no .npz archive"
        raise DependencyError(
            f"{path}: not a file of dependencies, or damaged ({reason}); train again to make it anew"
        ) from error
    _check(path, found)
    return found


def _check(path: Path, dependencies: Dependencies) -> None:
    count = len(dependencies.categories)
    matrices = dependencies.matrices.items()
    wrong = [_said(name, matrix) for name, matrix in matrices if not _fits(name, matrix, count)]
    if wrong:
        raise DependencyError(f"{path}: its matrices are not those of {count} categories: {'; '.join(wrong)}")


def _fits(name: str, matrix: NDArray[Any], categories: int) -> bool:
    side = SIDES.get(name, 0) * categories
    return matrix.shape == (side, side) and bool(np.isfinite(matrix).all())


def _said(name: str, matrix: NDArray[Any]) -> str:
    finite = "" if np.isfinite(matrix).all() else ", not all finite"
    return f"{name} is {matrix.shape}{finite}"
