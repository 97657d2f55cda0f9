"""Packs: the feature sets of many clips in one file that is mapped into memory, not read.

A pack is 64 bytes that say where its index is, then the tables (float32, little-endian, rows of one clip after
those of another, each table from a multiple of 64 bytes on), then the index (JSON): the sets, and which clip of
which files has which rows. A pack is made of feature files and can always be made of them again.
"""

from __future__ import annotations

import json
import mmap
import os
import secrets
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainer.feature_files import CLAP_MAP, FeaturePlace, UnusableError, ahead, clap_map_to_segments, pooled

_MAGIC, _VERSION = b"AVVPPACK", 1
"""The version counts what rows are made of files, too: a pack of another version is made anew."""

_PREAMBLE = struct.Struct("<8sIIQQ")
"""Magic, version, CRC-32 of the index, where the index is, how long it is."""

_ALIGNMENT = 64
_PART = ".part"
_ABANDONED = 3600.0
"""Seconds since the last byte after which nobody writes a part any more: its job was killed."""


class PackKey(NamedTuple):
    """Whose rows: the clip's feature key, and how many segments were asked for (0: nobody said)."""

    key: str
    segments: int


@dataclass(frozen=True)
class Packed:
    """Where a clip's rows are in every table, and what they were made of.

    `stamp`: sizes and times of its files; `rows`: how many each set had; `zeros`: the sets that are all zeros.
    """

    start: int
    length: int
    stamp: tuple[int, ...]
    rows: Mapping[str, int]
    zeros: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Pack:
    """`tables` (rows, width) by feature set. They can be written to, as torch asks of what it shares, but what
    is written stays in this process: the file is mapped copy-on-write.
    """

    clips: Mapping[PackKey, Packed]
    tables: Mapping[str, NDArray[np.float32]]


def open_pack(path: Path, places: Mapping[str, Sequence[str]]) -> Pack | None:
    """The pack of these sets and of these patterns of their files; None where it must be made (anew)."""
    try:
        return map_pack(path, places)
    except (
        OSError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ):
        return None


def map_pack(path: Path, places: Mapping[str, Sequence[str]]) -> Pack:
    """The pack in a file. Raises OSError, or what parse_pack raises."""
    with path.open("rb") as file:
        return parse_pack(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY), places)


def parse_pack(content: mmap.mmap | memoryview, places: Mapping[str, Sequence[str]]) -> Pack:
    """The pack that these bytes are. Raises ValueError (or what damaged JSON raises) when they are none."""
    view = memoryview(content)
    magic, version, checksum, where, size = _PREAMBLE.unpack_from(view)
    text = view[where : where + size]
    if (magic, version) != (_MAGIC, _VERSION) or len(view) != where + size or zlib.crc32(text) != checksum:
        raise ValueError("not a pack, or a damaged one")
    index = json.loads(bytes(text))
    if {name: entry["patterns"] for name, entry in index["sets"].items()} != {
        name: list(patterns) for name, patterns in places.items()
    }:
        raise ValueError("a pack of other files")
    clips, end = {}, 0
    for key, segments, length, stamp, rows, zeros in index["clips"]:
        clips[PackKey(key, segments)] = Packed(end, length, tuple(stamp), rows, tuple(zeros))
        end += length
    tables = {}
    for name, entry in index["sets"].items():
        values = np.frombuffer(content, "<f4", end * entry["width"], entry["offset"])
        tables[name] = values.reshape(end, entry["width"])
    return Pack(clips, tables)


class PackWriter:
    """Writes a pack: `begin` a table, `add` the rows of each clip in one order, and in the end `finish`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._sets = file, dict[str, dict[str, Any]]()
        file.write(bytes(_ALIGNMENT))

    def begin(self, features: str, patterns: Sequence[str]) -> None:
        offset = self._file.tell()
        self._file.write(bytes(-offset % _ALIGNMENT))
        self._table = {"patterns": list(patterns), "offset": self._file.tell(), "width": 0}
        self._sets[features] = self._table

    def add(self, rows: NDArray[np.float32]) -> None:
        self._table["width"] = rows.shape[1]
        self._file.write(np.ascontiguousarray(rows, "<f4").data)

    def finish(self, clips: Mapping[PackKey, Packed]) -> None:
        """Write what the rows are. `clips` in the order of their rows."""
        rows = [(*key, of.length, of.stamp, of.rows, of.zeros) for key, of in clips.items()]
        index = json.dumps({"sets": self._sets, "clips": rows}).encode()
        where = self._file.tell()
        self._file.write(index)
        self._file.seek(0)
        self._file.write(_PREAMBLE.pack(_MAGIC, _VERSION, zlib.crc32(index), where, len(index)))
        self._file.flush()


@contextmanager
def new_pack(path: Path) -> Iterator[BinaryIO]:
    """A file to write a pack to, which takes the place of `path` when the block ends well, else is removed.

    Its name is its own, so that jobs which pack at once do not meet; who mapped the old pack keeps that.
    """
    path.parent.mkdir(exist_ok=True)
    _remove_abandoned(path)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
    try:
        with part.open("xb") as file:
            yield file
            os.fsync(file.fileno())  # a disk that is full may say so only now
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _remove_abandoned(path: Path) -> None:
    for part in path.parent.glob(f"*{_PART}"):
        with suppress(FileNotFoundError):  # another job may be cleaning up, too
            if time.time() - part.stat().st_mtime > _ABANDONED:
                part.unlink()


@dataclass(frozen=True, eq=False)
class _Segments:
    """What was made of a clip's files of one set: (T, D), of how many rows, and whether all were zeros."""

    values: NDArray[np.float32]
    rows: int
    is_zero: bool


class Packing:
    """From the files of some clips to a pack. The audio set is the first of `places`; its rows are segments.

    What an `old` pack has of files that have not changed is taken from there. `progress` is told of each file.
    With `resample` the rows of all sets are averaged to the segments that were asked for.
    """

    def __init__(
        self,
        places: Mapping[str, FeaturePlace],
        *,
        resample: bool,
        old: Pack | None,
        progress: Callable[[int, int], None],
    ) -> None:
        self._places, self._resample, self._old, self._progress = places, resample, old, progress
        self._audio = next(iter(places))
        self._lengths: dict[PackKey, int] = {}

    def write(self, file: BinaryIO, stamps: Mapping[PackKey, tuple[int, ...]]) -> None:
        """Pack the clips of these stamps, in this order. Raises UnusableFilesError, when all are read."""
        old = self._old.clips if self._old else {}
        kept = {key: old[key] for key, stamp in stamps.items() if key in old and old[key].stamp == stamp}
        done, total = 0, (len(stamps) - len(kept)) * len(self._places)
        writer, tally = PackWriter(file), _Tally()
        rows: dict[PackKey, dict[str, int]] = {key: {} for key in stamps}
        zeros: dict[PackKey, list[str]] = {key: [] for key in stamps}
        for features, place in self._places.items():
            writer.begin(features, place.patterns)
            for key, found in zip(stamps, ahead(partial(self._read, features, kept), stamps), strict=True):
                if isinstance(found, UnusableError):
                    tally.refuse(found)
                else:
                    rows[key][features] = found.rows
                    zeros[key] += [features] * found.is_zero
                    self._count(tally, features, key, found)
                    if not tally.problems:
                        writer.add(found.values)
                done += key not in kept
                self._progress(done, total)
        tally.finish()
        clips, start = {}, 0
        for key, stamp in stamps.items():
            clips[key] = Packed(start, self._lengths[key], stamp, rows[key], tuple(zeros[key]))
            start += self._lengths[key]
        writer.finish(clips)

    def _read(self, features: str, kept: Mapping[PackKey, Packed], key: PackKey) -> _Segments | UnusableError:
        if self._old is not None and key in kept:
            clip = kept[key]
            values = self._old.tables[features][clip.start : clip.start + clip.length]
            return _Segments(values, clip.rows[features], features in clip.zeros)
        try:
            rows = self._places[features].read(key.key)
            values = self._heard(rows, key) if features == self._audio else self._seen(features, rows, key)
        except UnusableError as problem:
            return problem
        return _Segments(values, len(rows), not rows.any())

    def _heard(self, rows: NDArray[np.float32], key: PackKey) -> NDArray[np.float32]:
        if rows.shape == CLAP_MAP:
            visual = (place.shape(key.key)[0] for name, place in self._places.items() if name != self._audio)
            segments = key.segments or min(visual, default=len(rows))
            if segments % len(rows):  # else it is a row a segment of a clip of 64 s, and no map
                return clap_map_to_segments(rows, segments)
        return pooled(rows, key.segments) if self._resample else rows

    def _seen(self, features: str, rows: NDArray[np.float32], key: PackKey) -> NDArray[np.float32]:
        segments = self._lengths.get(key, 1)  # of a clip whose audio cannot be used, only the file is checked
        if len(rows) % segments and not self._resample:
            file = self._places[features].files(key.key)[0]
            raise UnusableError("wrong length", file, f"{len(rows)} rows for {segments} segments of audio")
        return pooled(rows, segments)

    def _count(self, tally: _Tally, features: str, key: PackKey, found: _Segments) -> None:
        """Note what all files of a set have in common."""
        file = self._places[features].files(key.key)[0]
        tally.saw("wrong width", features, file, found.values.shape[1], "columns")
        if features == self._audio:
            self._lengths[key] = len(found.values)
        elif key in self._lengths and not self._resample:
            ratio = found.rows // self._lengths[key]
            tally.saw("wrong length", features, file, ratio, "rows a segment")


class UnusableFilesError(Exception):
    """All that is wrong in the files of a pack that cannot be made."""

    def __init__(self, problems: Sequence[UnusableError]) -> None:
        super().__init__(*problems)
        self.problems = problems


class _Tally:
    """Collects what is wrong while files are read, so that it can be said at once."""

    def __init__(self) -> None:
        self.problems: dict[str, UnusableError] = {}
        self._seen: dict[tuple[str, str, str], dict[int, list[str]]] = {}

    def refuse(self, problem: UnusableError) -> None:
        self.problems[str(problem)] = problem

    def saw(self, kind: str, features: str, file: str, count: int, unit: str) -> None:
        """A count that should be the same in all files of a set: what most have is right."""
        self._seen.setdefault((kind, features, unit), {}).setdefault(count, []).append(file)

    def finish(self) -> None:
        for (kind, _, unit), files_of in self._seen.items():
            usual = max(files_of, key=lambda count: len(files_of[count]))
            for count in files_of.keys() - {usual}:
                for file in files_of[count]:
                    self.refuse(UnusableError(kind, file, f"{count} {unit}, most files have {usual}"))
        if self.problems:
            raise UnusableFilesError(list(self.problems.values()))
