"""What an encoder is: it turns a media file into one array for each of its feature sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class EncoderError(ValueError):
    """A file, folder or encoder that cannot be used: what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """One folder of a feature store: (T * rate, width) for each clip. `preprocessing` is for readers."""

    name: str
    width: int
    rate: int
    preprocessing: Mapping[str, str | int | float]


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """The arrays of one file by feature set, float32 and finite, and what a person should know of it."""

    features: Mapping[str, NDArray[np.float32]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoder:
    """`encode(path, duration)` raises EncoderError; without a duration the file's own length counts.

    `version` changes whenever the same file would give other numbers.
    """

    name: str
    version: int
    sets: tuple[FeatureSet, ...]
    encode: Callable[[Path, float | None], Encoded]
