"""Pieces of a picture of a whole file: what they are, and where those that took long to make are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_TABLE = """CREATE TABLE IF NOT EXISTS tiles (
    kind TEXT, source TEXT, level INTEGER, place INTEGER, data BLOB, UNIQUE (kind, source, level, place))"""
_DELETE_OLDEST = """DELETE FROM tiles WHERE rowid IN (
    SELECT rowid FROM tiles ORDER BY rowid LIMIT (SELECT cast(count(*) * ? AS INTEGER) FROM tiles))"""
_LARGEST = 512 << 20
"""Bytes; beyond, the oldest pieces go."""
_GOES_AT_ONCE = 0.25
_PATIENCE_S = 1.0


class Tile(NamedTuple):
    """The piece at a place, counted from the start of the file; the higher the level, the longer it lasts."""

    level: int
    place: int


class TileMaker(Protocol):
    """Makes the pieces of one file; for one thread."""

    def make(self, tile: Tile, should_stop: Callable[[], bool]) -> Pixels:
        """Raises a MediaError, or InterruptedError when `should_stop()` says so."""
        ...

    def close(self) -> None: ...


class TileCache:
    """One file for the pieces of all videos of a project.

    It can be lost without harm: what cannot be read is made again, what cannot be written is not kept.
    """

    def __init__(self, path: Path, *, largest: int = _LARGEST) -> None:
        self._path = path
        self._largest = largest

    def read(self, kind: str, source: Path, tile: Tile) -> bytes | None:
        """What was kept of `source` as it is now."""
        if not self._path.is_file():
            return None
        try:
            with closing(sqlite3.connect(self._path, timeout=_PATIENCE_S)) as database:
                row = database.execute(
                    "SELECT data FROM tiles WHERE kind = ? AND source = ? AND level = ? AND place = ?",
                    (kind, _name(source), *tile),
                ).fetchone()
        except (OSError, sqlite3.Error):
            return None
        return row[0] if row is not None and isinstance(row[0], bytes) else None

    def write(self, kind: str, source: Path, tile: Tile, data: bytes) -> None:
        """Keep a piece, if that can be done."""
        try:
            self._write((kind, _name(source), *tile, data))
        except (OSError, sqlite3.OperationalError):  # locked, or no room
            return
        except sqlite3.DatabaseError:  # damaged
            with suppress(OSError):
                self._path.unlink()

    def _write(self, row: tuple[str, str, int, int, bytes]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE_S)) as database, database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_TABLE)
            database.execute("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?, ?)", row)
            if _size(database) > self._largest:
                database.execute(_DELETE_OLDEST, (_GOES_AT_ONCE,))


def _size(database: sqlite3.Connection) -> int:
    """Bytes in use: what was deleted leaves room in the file."""
    pages, free, page = (
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * page)


def _name(source: Path) -> str:
    status = source.stat()
    return f"{source.name}:{status.st_size}:{status.st_mtime_ns}"
