"""An SQLite engine that loses nothing: write-ahead log, full synchronisation, foreign keys, explicit BEGIN."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from avvp_studio.store.errors import StoreError, store_errors

BUSY_TIMEOUT_MS = 2000
"""How long a transaction waits for another program's. The window waits with it, so it is short."""

_FILE = "file"
"""Where a connection keeps the identity of the file that it has opened."""

KEPT = "kept"
"""Where it keeps what it knows of a clip (see `standing`); any change forgets that."""

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


def make_engine(path: Path, *, create: bool = False) -> Engine:
    """An engine on the database file; without `create` it never makes one."""
    address = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        # isolation_level None: pysqlite begins no transactions of its own, `_on_begin` does.
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "connect", lambda _, record: record.info.update({_FILE: _identity(path)}))
    event.listen(engine, "begin", _on_begin)
    return engine


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from any other that has its name; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _check_in_place(connection: Connection, path: Path) -> None:
    """Raise StoreError when the open file is no longer the one of this name.

    SQLite would go on writing to a file that was deleted or replaced, and every label after that would be lost.
    """
    if _identity(path) != connection.info[_FILE]:
        raise StoreError(
            f"{path}: was moved, deleted or replaced while it was open, so nothing more can be stored in it; "
            "put it back, or open the project where it is now"
        )


def _on_begin(connection: Connection) -> None:
    # A transaction that will write says so at once: one that starts by reading could not wait for another
    # writer, but would fail as soon as it writes.
    connection.exec_driver_sql(connection.get_execution_options().get("begin_with", "BEGIN"))


@contextmanager
def reading(engine: Engine, path: Path) -> Iterator[Connection]:
    """A transaction that sees one state of the database. Raises StoreError."""
    with store_errors(path), _transaction(engine, path, "BEGIN") as connection:
        yield connection


@contextmanager
def writing(engine: Engine, path: Path) -> Iterator[Connection]:
    """A transaction that is stored when the block ends, whole or not at all. Raises StoreError."""
    with store_errors(path, is_change=True), _transaction(engine, path, "BEGIN IMMEDIATE") as connection:
        try:
            yield connection
        finally:
            connection.info.pop(KEPT, None)


@contextmanager
def _transaction(engine: Engine, path: Path, begin_with: str) -> Iterator[Connection]:
    options: dict[str, Any] = {"begin_with": begin_with}
    with engine.connect() as connection:
        _check_in_place(connection, path)
        with connection.execution_options(**options).begin():
            yield connection
