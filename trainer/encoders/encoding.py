"""What an encoder is: branches that turn the sound or the pictures of a file into rows of feature sets.

The engine (extract.py) decodes a file once for all encoders, hands each branch what its intake asks for, makes
batches of the items of many clips, and writes the files. A branch knows nothing of files, batches or threads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trainer.labels import Modality

Rows: TypeAlias = NDArray[np.float32]


class EncoderError(ValueError):
    """A file, folder or encoder that cannot be used: what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Loading:
    """How an encoder is to be loaded. `model`: a folder or file of weights, or with `download` a name on a hub.

    `half`: half precision, where the encoder offers it. Without `download` nothing is asked of the network.
    """

    model: str = ""
    download: bool = False
    device: str = "cpu"
    half: bool = False


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """One folder of a feature store: (T * rate, width) of each clip. `preprocessing` is for readers.

    A set of whole clips (`SoundIntake.is_whole`) has `rate` rows a clip, however long that is.
    """

    name: str
    modality: Modality
    width: int
    rate: int
    preprocessing: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class SoundIntake:
    """A second of mono sound at `rate` Hz, in about [-1, 1], with `before` and `after` seconds around it.

    What lies beyond the file is silence. With `is_whole`, the sound of the whole clip, of a whole number of
    seconds; longer ones than `longest` seconds have no such features. Mono is the mean of the channels, or with
    `keeps_power` their sum as players mix it, which is up to 1.4 times as loud for stereo.
    """

    rate: int
    before: float = 0.0
    after: float = 0.0
    is_whole: bool = False
    longest: float = 0.0
    keeps_power: bool = False


@dataclass(frozen=True, slots=True)
class PictureIntake:
    """`rate` pictures a second, taken in the middle of equal parts of it: upright RGB, square pixels.

    As large as the file has them, or scaled to `size` (width, height), whatever their shape. The last picture
    holds to the end of its second; seconds beyond it are black.
    """

    rate: int
    size: tuple[int, int] | None = None


Intake: TypeAlias = SoundIntake | PictureIntake


class SegmentBranch(Protocol):
    """Encodes segments one by one, in batches. `sets`: what `infer` gives, in its order."""

    @property
    def sets(self) -> tuple[FeatureSet, ...]: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def batch(self) -> int:
        """How many items `infer` takes, always exactly: a last batch is filled up, so no row depends on it."""

    def prepare(self, given: NDArray[np.generic]) -> NDArray[np.generic]:
        """Ready for `infer`: the samples (n,) float32 of a second, or one picture (H, W, 3) uint8.

        Called by several threads at once.
        """

    def infer(self, items: NDArray[np.generic]) -> tuple[Rows, ...]:
        """(batch, *item) of sound or (batch, rate, *item) of pictures -> (batch, set.rate, width) for each set.

        Called by one thread at a time.
        """


class ClipReader(Protocol):
    """Takes in one clip from its start to its end."""

    def add(self, given: NDArray[np.generic]) -> None:
        """The next second of sound, or the next picture: the same array again where nothing new was shown."""

    def finish(self, seconds: int) -> tuple[Rows, ...]:
        """(seconds * set.rate, width) for each set of the branch, cut or filled up."""


class ClipBranch(Protocol):
    """Encodes a clip as a whole, because a row depends on the rest of it."""

    @property
    def sets(self) -> tuple[FeatureSet, ...]: ...
    @property
    def intake(self) -> Intake: ...

    def begin(self) -> ClipReader:
        """For one more clip."""


Branch: TypeAlias = SegmentBranch | ClipBranch


@dataclass(frozen=True, eq=False)
class Encoder:
    """Branches that belong together. `version` changes whenever the same file would give other numbers.

    `weights`: SHA-256 of each file of weights by its name. `precision`: of its arithmetic.
    """

    name: str
    version: int
    branches: tuple[Branch, ...]
    weights: Mapping[str, str] = field(default_factory=dict)
    precision: str = "float32"

    @property
    def sets(self) -> tuple[FeatureSet, ...]:
        return tuple(features for branch in self.branches for features in branch.sets)
