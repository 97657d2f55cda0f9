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
    sqlite3.SQLITE_BUSY: "another program is writing to it; close that program or try again",
    sqlite3.SQLITE_LOCKED: "another program has locked it; close that program or try again",
    sqlite3.SQLITE_FULL: "the disk is full; free some space and try again",
    sqlite3.SQLITE_READONLY: "it cannot be written; check the permissions of the folder",
    sqlite3.SQLITE_PERM: "access was refused; check the permissions of the folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder is there and can be written",
    sqlite3.SQLITE_IOERR: "the disk does not answer; check that it is connected and not full",
}

_DAMAGE = {
    sqlite3.SQLITE_NOTADB: "not a label database; restore it from a backup",
    sqlite3.SQLITE_CORRUPT: "the label database is damaged; restore it from a backup",
}


@contextmanager
def store_errors(path: Path, *, is_change: bool = False) -> Iterator[None]:
    """Turn what SQLite says into a StoreError about the database at `path`."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"{path}: {_reason(error.orig, is_change)}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_reason(error, is_change)}") from error


def _reason(error: BaseException | None, is_change: bool) -> str:
    # The low byte is the kind of error; the rest says more than a person needs (SQLITE_READONLY_DIRECTORY).
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind in _DAMAGE:
        return _DAMAGE[kind]
    reason = _REASONS.get(kind, f"the label database refused: {error}")
    return f"{reason}. {_NOTHING_LOST}" if is_change else reason
