"""The schema of a label database: making it, recognising it, and bringing an older one up to date."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, Engine

from avvp_studio.store.connection import reading, writing
from avvp_studio.store.errors import StoreError

HEAD = "0002"
"""The newest revision that this program knows (the last of migrations/versions)."""

APPLICATION_ID = 0x41565650
"""Written in the file's header ("AVVP"): tells a label database from any other SQLite file."""

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_APPLICATION_ID = slice(68, 72)
"""Where SQLite's file format has it."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Bring the database to HEAD, within the connection's transaction."""
    # Imported here because opening an up-to-date project, the common case, has no need of Alembic.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def known_revisions() -> set[str]:
    return {script.stem[1:5] for script in (_MIGRATIONS / "versions").glob("r[0-9][0-9][0-9][0-9]_*.py")}


def check_file(path: Path) -> None:
    """Raise StoreError unless there is a label database at `path` that can be written. Touches nothing."""
    try:
        if not path.is_file():
            raise StoreError(
                f"{path}: there is no label database here; "
                "choose a project folder, or make one (`avvp-studio new`)"
            )
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    if not header.startswith(_MAGIC):
        state = "not a label database" if header else "the file is empty"
        raise StoreError(f"{path}: {state}; restore it from a backup")
    if int.from_bytes(header[_APPLICATION_ID], "big") != APPLICATION_ID:
        raise StoreError(
            f"{path}: a database of another program, not an AVVP Studio project; open another folder"
        )
    # A test under the ids that count for writing, where the system knows two kinds.
    effective = os.access in os.supports_effective_ids
    if not all(os.access(place, os.W_OK, effective_ids=effective) for place in (path, path.parent)):
        raise StoreError(
            f"{path}: cannot be written, so labels could not be kept; "
            "change the permissions, or copy the project to a folder of yours"
        )


def check_and_upgrade(engine: Engine, path: Path) -> None:
    """Raise StoreError unless the database is whole and of a schema that this program knows."""
    with reading(engine, path) as connection:
        damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
        if damage != "ok":
            found = " ".join(damage.split())
            raise StoreError(f"{path}: the label database is damaged ({found}); restore it from a backup")
        revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision == HEAD:
        return
    if revision is None:
        raise StoreError(f"{path}: the label database was never finished; restore it from a backup")
    if revision not in known_revisions():
        raise StoreError(
            f"{path}: made by a newer AVVP Studio (schema {revision}, not {HEAD}); update the program"
        )
    with writing(engine, path) as connection:
        upgrade(connection)
