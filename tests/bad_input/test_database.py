"""Label databases that are not ours, locked, damaged, or taken away."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from avvp_studio.studio import Studio
from tests.bad_input.steps import (
    PATIENCE_S,
    error_in,
    make_project,
    mark,
    open_clip,
    shown,
    stored,
)


def test_what_is_no_project_of_ours_leaves_the_open_one_open(
    qtbot: QtBot, studio: Studio, root: Path, tmp_path: Path
) -> None:
    open_clip(qtbot, studio, root)
    newer = tmp_path / "newer"
    shutil.copytree(root, newer)
    connection = sqlite3.connect(newer / "labels.sqlite")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    for folder, message in ((tmp_path, "no label database here"), (newer, "made by a newer AVVP Studio")):
        assert not studio.open_project(folder)
        assert message in error_in(studio)
    assert studio.workspace.project is not None
    assert studio.workspace.project.root == root
    assert mark(studio)
    assert stored(root) == {"Dog"}


def test_a_folder_that_may_not_be_looked_into_is_named(studio: Studio, tmp_path: Path, files: Path) -> None:
    closed = make_project(tmp_path / "closed", files)
    user = os.geteuid()
    closed.chmod(0o000)
    if user == 0:
        os.seteuid(65534)
    try:
        assert not studio.open_project(closed)
    finally:
        if user == 0:
            os.seteuid(0)
        closed.chmod(0o755)
    assert "cannot be read (Permission denied)" in error_in(studio)


def test_a_label_that_another_program_keeps_from_being_stored_is_not_shown(
    qtbot: QtBot, studio: Studio, root: Path
) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    other = sqlite3.connect(root / "labels.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    assert not mark(studio, "Cat")
    assert time.monotonic() - begun < PATIENCE_S
    assert "another program is writing to it" in error_in(studio)
    assert shown(studio) == {"Dog"}
    studio.workspace.step_clip(1)  # looking goes on
    studio.workspace.step_clip(-1)
    other.execute("ROLLBACK")
    other.close()
    assert mark(studio, "Cat")
    assert stored(root) == shown(studio) == {"Dog", "Cat"}


def test_a_project_that_another_program_locks_does_not_open_and_later_does(studio: Studio, root: Path) -> None:
    other = sqlite3.connect(root / "labels.sqlite", isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE project SET name = name")
    begun = time.monotonic()
    assert not studio.open_project(root)
    assert time.monotonic() - begun < PATIENCE_S
    message = error_in(studio)
    assert "another program is writing to it; close that program or try again" in message
    assert "change" not in message  # opening is none
    other.execute("ROLLBACK")
    other.close()
    assert studio.open_project(root)


def _delete(database: Path) -> None:
    for path in database.parent.glob("labels.sqlite*"):
        path.unlink()


def _move(database: Path) -> None:
    database.parent.rename(database.parent.with_name("elsewhere"))


def _empty_log(database: Path) -> None:
    """Move everything from the write-ahead log into the file itself."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _replace(database: Path) -> None:
    _empty_log(database)
    shutil.copy(database, database.with_name("restored"))
    os.replace(database.with_name("restored"), database)


@pytest.mark.parametrize("take_away", [_delete, _move, _replace])
def test_labels_do_not_go_into_a_database_that_was_taken_away(
    qtbot: QtBot, studio: Studio, root: Path, take_away: Callable[[Path], None]
) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    take_away(root / "labels.sqlite")
    assert not mark(studio, "Cat")
    assert "was moved, deleted or replaced while it was open" in error_in(studio)
    assert shown(studio) == {"Dog"}


def test_a_database_that_is_damaged_while_open_is_told(qtbot: QtBot, studio: Studio, root: Path) -> None:
    open_clip(qtbot, studio, root)
    assert mark(studio)
    database = root / "labels.sqlite"
    _empty_log(database)
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (database.stat().st_size - 4096))
    assert not mark(studio, "Cat")
    assert "the label database is damaged; restore it from a backup" in error_in(studio)
    assert shown(studio) == {"Dog"}
