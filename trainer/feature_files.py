"""Where the features of a clip are, in our own layout or as they were published, and what a file says.

Sources of the layouts: the feature downloads of AVVP-ECCV20 (Tian et al., 2020), VALOR (Lai et al., 2023),
UWAV (Lai et al., 2025) and UnAV-100 (Geng et al., 2023).
"""

from __future__ import annotations

import io
import json
import math
import os
import struct
import tokenize
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

PACKS = "packs"
"""The folder beside the feature sets that holds what was packed of them: no set itself."""

NO_SETS = (PACKS, "texts")
"""Folders beside the sets. That of text features is of trainer.texts."""

ENCODER_FILE = "encoder.json"
"""Beside the files of a set: what made them; of a set that was made elsewhere, also where its files are."""

_PUBLISHED: dict[str, tuple[tuple[str, ...], ...]] = {
    "vggish": (
        ("feats/vggish/*.npy",),
        ("av_features/*_vggish.npy",),
        ("audio_features_vggish/*_vggish.npy",),
        ("audio_features_vggish/*.npy",),
    ),
    "res152": (("feats/res152/*.npy",),),
    "r2plus1d_18": (("feats/r2plus1d_18/*.npy",),),
    "clip": (("CLIP/features/*.npy",), ("feats_CLIP/segment_feats/*.npy",)),
    "clap": (("CLAP/features/*.npy",),),
    "clap512": (("feats_CLAP/segment_feats/*.npy",),),
    "i3d": (
        ("av_features/*_rgb.npy", "av_features/*_flow.npy"),
        ("visual_features_i3d_rgb/*_rgb.npy", "visual_features_i3d_flow/*_flow.npy"),
        ("visual_features_i3d_rgb/*.npy", "visual_features_i3d_flow/*.npy"),
    ),
}
"""Where downloads keep a set, `*` for the clip's key; the columns of several files stand side by side."""

ENCODER_OF_SET = {
    "signal-audio": "signal",
    "signal-visual": "signal",
    "yamnet": "yamnet",
    "yamnet-scores": "yamnet",
    "efficientnet": "efficientnet",
    "efficientnet-scores": "efficientnet",
    "person": "person",
    "clip": "clip",
    "clip-crop": "clip-crop",
    "clap": "clap-map",
    "clap512": "clap",
    "vggish": "vggish",
    "res152": "resnet152",
    "r2plus1d_18": "r2plus1d",
}
"""Which of our encoders makes a feature set, known without loading one; other sets are not here."""

DEFAULT_SETS = ("yamnet", "yamnet-scores", "efficientnet", "efficientnet-scores", "person")
"""What the encoders make that ask no model hub, once they are there (`encoders install default`)."""

LAYOUT_FOLDERS = frozenset(
    Path(pattern).parts[0] for places in _PUBLISHED.values() for place in places for pattern in place
)
"""Folders in which downloads keep sets: none of them is a set itself."""

CLAP_MAP = (64, 768)
"""The shape of a CLAP (HTSAT) map of a whole clip: 2 frequency bands of 32 columns in time."""

_MAGIC = b"\x93NUMPY"

_READERS = 4
"""Threads that read files."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class UnusableError(Exception):
    """A file that holds no features: what kind of thing is wrong (counted), in which file, and the detail."""

    def __init__(self, kind: str, file: str, detail: str) -> None:
        super().__init__(f"{file}: {kind} ({detail})")
        self.kind = kind


@dataclass(frozen=True)
class FeaturePlace:
    """The files of one feature set: `patterns` under `folder`, `*` for the clip's key.

    Several patterns are several files a clip, whose columns stand side by side (I3D: appearance and flow).
    Patterns of a set that lies elsewhere are whole paths, and so are its files.
    """

    folder: Path
    patterns: tuple[str, ...]

    def files(self, key: str) -> tuple[str, ...]:
        """The clip's files, relative to the folder. The last `*` is the key's: a folder may have one, too."""
        return tuple(key.join(pattern.rsplit("*", 1)) for pattern in self.patterns)

    def keys(self, pattern: str) -> set[str]:
        """The keys of the files that one of the patterns has; none where its folder is not there."""
        return {*self._keys(pattern)}

    def has_any(self) -> bool:
        """Whether there is any file of the set; some downloads keep several sets in one folder."""
        return next(self._keys(self.patterns[0]), None) is not None

    def _keys(self, pattern: str) -> Iterator[str]:
        path = self.folder / pattern
        before, after = path.name.rsplit("*", 1)
        if not path.parent.is_dir():
            return
        with os.scandir(path.parent) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after):
                    yield name[len(before) : -len(after)]

    @property
    def absent_folder(self) -> Path | None:
        """Of a set that lies elsewhere, the folder that is not there: it was moved, or its disk is away."""
        folders = (Path(pattern).parent for pattern in self.patterns if os.path.isabs(pattern))
        return next((folder for folder in folders if not folder.is_dir()), None)

    def stamp(self, key: str) -> tuple[int, ...] | None:
        """Size and time of the last change (ns) of each of the clip's files; None where one is missing."""
        stamp: list[int] = []
        for file in self.files(key):
            try:
                state = os.stat(os.path.join(self.folder, file))
            except (OSError, ValueError):
                return None
            stamp += state.st_size, state.st_mtime_ns
        return tuple(stamp)

    def shape(self, key: str) -> tuple[int, int]:
        """Rows and columns, by the first lines of the clip's files. Raises UnusableError."""
        shapes = []
        for file in self.files(key):
            try:
                with (self.folder / file).open("rb") as opened:
                    shapes.append(_layout(file, opened.read(_HEADER_SPACE)).shape)
            except OSError as error:
                raise UnusableError("unreadable", file, error.strerror or "no reason given") from error
        return min(rows for rows, _ in shapes), sum(width for _, width in shapes)

    def read(self, key: str) -> NDArray[np.float32]:
        """The clip's features (rows, width), cut to the shortest of its files. Raises UnusableError."""
        parts = [_read(self.folder, file) for file in self.files(key)]
        if len(parts) == 1:
            return parts[0]
        return np.hstack([part[: min(map(len, parts))] for part in parts])


def find_place(folder: Path, features: str) -> FeaturePlace | None:
    """Where a set is: in `<folder>/<set>/<key>.npy`, or where a download has it; the first that has any file.

    A set that was made elsewhere is where its encoder.json says, even if nothing is there (`absent_folder`).
    All files of a set come from one place: two extractions under one name do not mix. None where there is none.
    """
    elsewhere = _elsewhere(folder, features)
    if elsewhere is not None:
        return elsewhere
    own = FeaturePlace(folder, (f"{features}/*.npy",))
    published = (FeaturePlace(folder, patterns) for patterns in _PUBLISHED.get(features, ()))
    there = [place for place in (own, *published) if (folder / place.patterns[0]).parent.is_dir()]
    return next((place for place in there if place.has_any()), next(iter(there), None))


def has_set(folder: Path, features: str) -> bool:
    """Whether there is any file of a set."""
    place = find_place(folder, features)
    return place is not None and place.has_any()


def _elsewhere(folder: Path, features: str) -> FeaturePlace | None:
    """The place that a set's encoder.json tells of; None where that tells of none, or not as it should."""
    own = folder / features
    try:
        said = json.loads((own / ENCODER_FILE).read_text(encoding="utf-8"))
        where, files = os.path.abspath(own / said["folder"]), said.get("files", ["*.npy"])
        patterns = tuple(os.path.join(where, file) for file in files)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return FeaturePlace(folder, patterns) if patterns and all(map(is_pattern, files)) else None


def is_pattern(text: str) -> bool:
    """Whether it says which files are of a set: `*` once, in the file's name, for the clip's key."""
    return text.count("*") == 1 and "*" in Path(text).name and text.endswith(".npy")


def sets_in(folder: Path) -> list[str]:
    """The names of the feature sets that are there."""
    if not folder.is_dir():
        return []
    own = {path.name for path in folder.iterdir() if path.is_dir() and path.name not in NO_SETS}
    return sorted(
        (own - LAYOUT_FOLDERS) | {features for features in _PUBLISHED if find_place(folder, features)}
    )


# Reading .npy files


@dataclass(frozen=True)
class _Layout:
    shape: tuple[int, int]
    dtype: np.dtype[np.floating]
    is_fortran: bool
    offset: int


_HEADER_SPACE = 512
"""Bytes in which the header of every sane two-dimensional array ends."""


def _read(folder: Path, file: str) -> NDArray[np.float32]:
    try:
        content = (folder / file).read_bytes()
    except OSError as error:
        raise UnusableError("unreadable", file, error.strerror or "no reason given") from error
    layout = _layout(file, content[:_HEADER_SPACE])
    needed = layout.offset + math.prod(layout.shape) * layout.dtype.itemsize
    if len(content) < needed:
        raise UnusableError("damaged", file, f"{len(content)} bytes of the {needed} that {layout.shape} needs")
    values = np.frombuffer(content, layout.dtype, math.prod(layout.shape), layout.offset)
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
        values = values.astype(np.float32, copy=False)
    if not (np.isfinite(values.min()) and np.isfinite(values.max())):
        bad = int(np.count_nonzero(~np.isfinite(values)))
        raise UnusableError("not finite", file, f"{bad} values are NaN or infinite")
    return values.reshape(layout.shape, order="F" if layout.is_fortran else "C")


def _layout(file: str, head: bytes) -> _Layout:
    if not head.startswith(_MAGIC):
        raise UnusableError("not a .npy file", file, f"it starts with {head[:8]!r}")
    try:
        shape, is_fortran, dtype, offset = _header(head[: _header_size(head)])
    except (ValueError, EOFError, SyntaxError, struct.error, tokenize.TokenError) as error:
        raise UnusableError("damaged", file, str(error)) from error
    if dtype.hasobject:
        raise UnusableError("not numbers", file, "it holds Python objects, which are never loaded")
    if len(shape) != 2 or min(shape) < 1:
        raise UnusableError("wrong shape", file, f"{shape}: should be (segments, width)")
    if dtype.kind != "f":
        raise UnusableError("wrong type", file, f"{dtype}: should be float32")
    return _Layout(shape, dtype, is_fortran, offset)


def _header_size(head: bytes) -> int:
    is_first_version = head[6:7] == b"\x01"
    (length,) = struct.unpack("<H" if is_first_version else "<I", head[8 : 10 if is_first_version else 12])
    return (10 if is_first_version else 12) + int(length)


@lru_cache(maxsize=256)
def _header(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order, type and where the values begin. Of thousands of files most have the same header."""
    stream = io.BytesIO(head)
    read = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(stream)
    return shape, is_fortran, dtype, stream.tell()


def ahead(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """`map`, with some results made ahead by threads: a disk is quicker when asked for several files."""
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(_READERS) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > 4 * _READERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


# From rows to segments


def pooled(rows: NDArray[np.float32], segments: int) -> NDArray[np.float32]:
    """Rows (n, D) averaged to segments (T, D): segment i is the mean of the rows floor(i n / T) up to
    ceil((i + 1) n / T), as in torch's adaptive_avg_pool1d. With n < T rows are repeated."""
    if len(rows) % segments == 0:
        groups = rows.reshape(segments, -1, rows.shape[1])
        return np.asarray(groups.mean(axis=1, dtype=np.float32))
    place = np.arange(segments)
    first, last = place * len(rows) // segments, -((place + 1) * len(rows) // -segments)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), rows.cumsum(axis=0, dtype=np.float64)])
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None], np.float32)


def clap_map_to_segments(rows: NDArray[np.float32], segments: int) -> NDArray[np.float32]:
    """A CLAP map (64, D) -> (T, D), as VALOR reads it: stretched in time, bands averaged, cut into segments.

    VALOR does this around a linear layer; all of it is linear, and so it is the same before that layer.
    """
    return (_clap_weights(segments) @ rows).astype(np.float32)


@lru_cache
def _clap_weights(segments: int) -> NDArray[np.float64]:
    """(T, 64): bicubic interpolation (a = -0.75) of 32 columns to 1024, then the mean of a segment's share."""
    columns, fine = CLAP_MAP[0] // 2, 1024
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
