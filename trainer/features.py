"""Feature stores: `<folder>/<set>/<key>.npy`, float32, one row (or several) a segment.

Everything is checked before anything is trained, and everything that is wrong is said at once.
"""

from __future__ import annotations

import io
import tokenize
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.annotations import feature_key

_SHOWN = 10
"""How many single problems, missing clips or zero files a message spells out."""

_LEAST_DEVIATION = 0.05
"""Of a column, as a share of what is usual in its set, when features are standardised."""

_CLAP_ROWS = 64
"""Rows of a CLAP (HTSAT) map of a whole clip: 2 frequency bands of 32 columns in time."""

_MAGIC = b"\x93NUMPY"

Progress = Callable[[int, int], None]


class FeatureError(ValueError):
    """Features that cannot be used: what is wrong, in which files."""


@dataclass(frozen=True, eq=False)
class ClipFeatures:
    """One clip: `audio` (T, Da), and (T, Dv) for each visual set.

    A visual file may have r rows a segment (ResNet-152 at 8 frames a second). They are averaged when they
    are read, which every parser would do first anyway, and which needs r times less memory.
    """

    audio: NDArray[np.float32]
    visual: tuple[NDArray[np.float32], ...]

    @property
    def segments(self) -> int:
        return len(self.audio)


@dataclass(frozen=True, eq=False)
class Scaling:
    """Mean and deviation of every column, of the audio set and then of each visual set."""

    means: tuple[NDArray[np.float32], ...]
    deviations: tuple[NDArray[np.float32], ...]

    @staticmethod
    def of(clips: Iterable[ClipFeatures]) -> Scaling:
        """That of all segments of the clips. A column that hardly varies beside the others is not blown up."""
        means, deviations = [], []
        for arrays in zip(*((clip.audio, *clip.visual) for clip in clips), strict=True):
            rows = np.concatenate(arrays)
            deviation = rows.std(axis=0, dtype=np.float64)
            least = max(_LEAST_DEVIATION * float(np.sqrt(np.mean(deviation**2))), 1e-12)
            means.append(rows.mean(axis=0, dtype=np.float64).astype(np.float32))
            deviations.append(np.maximum(deviation, least).astype(np.float32))
        return Scaling(tuple(means), tuple(deviations))

    def apply(self, clip: ClipFeatures) -> ClipFeatures:
        """The clip with columns of mean 0 and deviation 1."""
        arrays = zip((clip.audio, *clip.visual), self.means, self.deviations, strict=True)
        audio, *visual = ((array - mean) / deviation for array, mean, deviation in arrays)
        return ClipFeatures(audio, tuple(visual))


@dataclass(frozen=True, eq=False)
class Features:
    """The usable features of some clips, and what was odd about the others.

    `widths` has the columns of each set that was read; `missing` names clips that lack a file of
    some set; `zeros` names files that hold nothing but zeros (a black picture, or a failed extraction).
    """

    clips: Mapping[str, ClipFeatures]
    widths: Mapping[str, int]
    missing: tuple[str, ...] = ()
    zeros: tuple[str, ...] = ()


class FeatureStore:
    """A folder of feature sets, as a parser's `audio` set and `visual` sets see it."""

    def __init__(self, folder: Path, *, audio: str, visual: Sequence[str]) -> None:
        self._folder, self._audio, self._visual = folder, audio, tuple(visual)
        self._sets = tuple(dict.fromkeys((audio, *visual)))
        absent = [name for name in self._sets if not (folder / name).is_dir()]
        if absent:
            found = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
            there = f"it has {', '.join(found)}" if found else "it has no feature set at all"
            raise FeatureError(
                f"{folder}: there is no feature set {' and no '.join(map(repr, absent))} ({there}); "
                f"extract it, or choose a recipe that uses what is there"
            )

    def has(self, name: str) -> bool:
        """Whether the clip has a file in every set."""
        return all(self._path(features, name).is_file() for features in self._sets)

    def read(
        self, names: Iterable[str], *, widths: Mapping[str, int] | None = None, progress: Progress | None = None
    ) -> Features:
        """Read and check the features of the named clips. `widths`: the columns a checkpoint asks for.

        Clips without a file are `missing`. Raises FeatureError with all that is wrong in the files there are.
        """
        names = tuple(names)
        present = [name for name in names if self.has(name)]
        check = _Check(widths)
        clips: dict[str, ClipFeatures] = {}
        for done, name in enumerate(present):
            clip = self._read_clip(name, check)
            if clip is not None:
                clips[name] = clip
            if progress is not None:
                progress(done + 1, len(present))
        check.finish()
        held = set(present)
        missing = tuple(name for name in names if name not in held)
        return Features(clips, check.widths, missing, tuple(check.zeros))

    def _path(self, features: str, name: str) -> Path:
        return self._folder / features / f"{feature_key(name)}.npy"

    def _read_clip(self, name: str, check: _Check) -> ClipFeatures | None:
        arrays = {features: check.array(features, self._path(features, name)) for features in self._sets}
        sound = arrays[self._audio]
        pictures = [arrays[features] for features in self._visual]
        if sound is None or any(picture is None for picture in pictures):
            return None
        shortest = min(len(picture) for picture in pictures if picture is not None)
        if len(sound) == _CLAP_ROWS and shortest % _CLAP_ROWS:
            sound = clap_map_to_segments(sound, shortest)
        visual = []
        for features, picture in zip(self._visual, pictures, strict=True):
            assert picture is not None
            if not check.rows(features, self._path(features, name), len(picture), len(sound)):
                return None
            if len(picture) > len(sound):
                picture = picture.reshape(len(sound), -1, picture.shape[1]).mean(axis=1, dtype=np.float32)
            visual.append(picture)
        return ClipFeatures(sound, tuple(visual))


class _Check:
    """Collects what is wrong while files are read, so that it can be said at once."""

    def __init__(self, widths: Mapping[str, int] | None) -> None:
        self._asked = dict(widths or {})
        self.widths: dict[str, int] = dict(self._asked)
        self._width_of: dict[str, str] = {}
        self._rows_a_segment: dict[str, int] = {}
        self._problems: list[str] = []
        self._kinds: Counter[str] = Counter()
        self.zeros: list[str] = []

    def array(self, features: str, path: Path) -> NDArray[np.float32] | None:
        """The file's array when it is usable."""
        try:
            array = _read_array(path)
            self._check_width(features, path, array.shape[1])
        except _Unusable as problem:
            self._refuse(path, problem)
            return None
        if not array.any():
            self.zeros.append(f"{features}/{path.name}")
        return array

    def _check_width(self, features: str, path: Path, found: int) -> None:
        width = self.widths.setdefault(features, found)
        if found != width:
            who = "the checkpoint asks for" if features in self._asked else f"{self._width_of[features]} has"
            raise _Unusable("wrong width", f"{found} columns, {who} {width}")
        self._width_of.setdefault(features, path.name)

    def rows(self, features: str, path: Path, rows: int, segments: int) -> bool:
        """Whether a visual file has the same whole number of rows for each of the audio's segments."""
        ratio, rest = divmod(rows, segments)
        usual = self._rows_a_segment.setdefault(features, ratio) if rest == 0 and ratio else 0
        if ratio != usual or usual == 0:
            self._refuse(path, _Unusable("wrong length", f"{rows} rows for {segments} segments of audio"))
            return False
        return True

    def _refuse(self, path: Path, problem: _Unusable) -> None:
        self._kinds[problem.kind] += 1
        self._problems.append(f"{path.parent.name}/{path.name}: {problem.kind} ({problem.detail})")

    def finish(self) -> None:
        if not self._problems:
            return
        counts = ", ".join(f"{count} {kind}" for kind, count in self._kinds.most_common())
        raise FeatureError(
            f"{len(self._problems)} feature files cannot be used ({counts}); delete them and extract them "
            f"again: {some(self._problems)}"
        )


def clap_map_to_segments(rows: NDArray[np.float32], segments: int) -> NDArray[np.float32]:
    """A CLAP map (64, D) -> (T, D), as VALOR reads it: stretched in time, bands averaged, cut into segments.

    VALOR does this around a linear layer; all of it is linear, and so it is the same before that layer.
    """
    return (_clap_weights(segments) @ rows).astype(np.float32)


@lru_cache
def _clap_weights(segments: int) -> NDArray[np.float64]:
    """(T, 64): bicubic interpolation (a = -0.75) of 32 columns to 1024, then the mean of a segment's share."""
    columns, fine = _CLAP_ROWS // 2, 1024
    place = (np.arange(fine) + 0.5) * columns / fine - 0.5
    stretch = np.zeros((fine, columns))
    for neighbour in range(-1, 3):
        distance = np.abs(place - np.floor(place) - neighbour)
        near = 1.25 * distance**3 - 2.25 * distance**2 + 1
        far = -0.75 * (distance**3 - 5 * distance**2 + 8 * distance - 4)
        index = np.clip(np.floor(place).astype(int) + neighbour, 0, columns - 1)
        np.add.at(stretch, (np.arange(fine), index), np.where(distance <= 1, near, far))
    bounds = [(i * fine // segments, -((i + 1) * fine // -segments)) for i in range(segments)]
    shares = np.stack([stretch[first:last].mean(axis=0) for first, last in bounds])
    return np.concatenate([shares, shares], axis=1) / 2


class _Unusable(Exception):  # noqa: N818 - collected, not raised to anyone
    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail = kind, detail


def _read_array(path: Path) -> NDArray[np.float32]:
    try:
        content = path.read_bytes()
        if not content.startswith(_MAGIC):
            raise _Unusable("not a .npy file", f"it starts with {content[:8]!r}")
        # Parsed from memory: np.load leaves a damaged file open.
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, tokenize.TokenError) as error:
        if "Object arrays" in str(error):
            raise _Unusable("not numbers", "it holds Python objects, which are never loaded") from error
        raise _Unusable("damaged", str(error)) from error
    if array.ndim != 2 or 0 in array.shape:
        raise _Unusable("wrong shape", f"{array.shape}: should be (segments, width)")
    if array.dtype.kind != "f":
        raise _Unusable("wrong type", f"{array.dtype}: should be float32")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise _Unusable("not finite", f"{bad} values are NaN or infinite")
    return np.asarray(array, np.float32)


def some(items: Sequence[str]) -> str:
    """The first few of many, for a message."""
    rest = len(items) - _SHOWN
    return "; ".join(items[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
