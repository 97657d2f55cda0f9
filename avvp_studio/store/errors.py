"""What can go wrong with a label database, said once and clearly."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError


class StoreError(ValueError):
    """A label database that cannot be used as asked: what is wrong, where, and what to do."""


_NOTHING_LOST = "What was stored before is safe; this change was not stored."

_REASONS = {
    sqlite3.SQLITE_BUSY: f"another program is writing to it; close that program or try again. {_NOTHING_LOST}",
    sqlite3.SQLITE_LOCKED: f"another program has locked it; close that program or try again. {_NOTHING_LOST}",
    sqlite3.SQLITE_FULL: f"the disk is full; free some space and try again. {_NOTHING_LOST}",
    sqlite3.SQLITE_READONLY: f"it cannot be written; check the permissions of the folder. {_NOTHING_LOST}",
    sqlite3.SQLITE_PERM: f"access was refused; check the permissions of the folder. {_NOTHING_LOST}",
    sqlite3.SQLITE_CANTOPEN: f"it cannot be opened; is its folder there, and writable? {_NOTHING_LOST}",
    sqlite3.SQLITE_IOERR: f"the disk does not answer; check that it is connected and not full. {_NOTHING_LOST}",
    sqlite3.SQLITE_NOTADB: "not a label database; restore it from a backup",
    sqlite3.SQLITE_CORRUPT: "the label database is damaged; restore it from a backup",
}


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into a StoreError about the database at `path`."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"{path}: {_reason(error.orig)}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_reason(error)}") from error


def _reason(error: BaseException | None) -> str:
    # The low byte is the kind of error; the rest says more than a person needs (SQLITE_READONLY_DIRECTORY).
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return _REASONS.get(kind, f"the label database refused: {error}. {_NOTHING_LOST}")
