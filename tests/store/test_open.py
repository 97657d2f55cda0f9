"""A database that cannot be used: one clear sentence, and nothing lost."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.store import Store, StoreError
from trainer.labels import Event, Modality

LABEL = Edit((), (Event(Modality.AUDIO, "Dog", 0.0, 1.0, author="ann"),), "mark Dog heard 0–1 s")


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "labels.sqlite"
    with Store.create(path, name="Zoo", categories=["Dog"]) as store:
        clips = [Clip(f"clip {i}", "train", None, 10.0, 10, frozenset({"Dog"})) for i in range(500)]
        store.add_clips(clips)
    return path


def message_of_opening(path):
    with pytest.raises(StoreError) as caught:
        Store.open(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def execute(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_missing_file_is_not_made_by_opening_it(tmp_path):
    path = tmp_path / "labels.sqlite"
    assert "there is no label database here" in message_of_opening(path)
    assert not path.exists()


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "labels.sqlite"
    path.write_text("filename\tevent_labels\n" * 100)
    assert "not a label database" in message_of_opening(path)


def test_an_empty_file(tmp_path):
    path = tmp_path / "labels.sqlite"
    path.touch()
    assert "the file is empty" in message_of_opening(path)


def test_a_database_of_another_program(tmp_path):
    path = tmp_path / "labels.sqlite"
    execute(path, "CREATE TABLE moz_places (id INTEGER)")
    before = path.read_bytes()
    assert "a database of another program" in message_of_opening(path)
    assert path.read_bytes() == before


def test_a_damaged_database(database):
    content = bytearray(database.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    database.write_bytes(content)
    assert "damaged" in message_of_opening(database)


def test_a_database_that_was_cut_off(database):
    os.truncate(database, 4096 * 3)
    assert "damaged" in message_of_opening(database)


def test_a_database_of_a_newer_program_is_left_alone(database):
    execute(database, "UPDATE alembic_version SET version_num = '9999'")
    message = message_of_opening(database)
    assert "made by a newer AVVP Studio (schema 9999" in message
    assert "update the program" in message


def test_a_database_without_a_revision_was_never_finished(database):
    execute(database, "DELETE FROM alembic_version")
    assert "never finished" in message_of_opening(database)


@pytest.fixture
def read_only_database():
    """A database that this process may read and not write, also when the tests are run by root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "labels.sqlite"
        Store.create(path, name="Zoo", categories=["Dog"]).close()
        path.chmod(0o444)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield path
        finally:
            if user == 0:
                os.seteuid(0)
            folder.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions work otherwise here")
def test_a_read_only_place_is_refused_before_a_label_is_lost(read_only_database):
    message = message_of_opening(read_only_database)
    assert "cannot be written" in message
    assert "copy the project" in message


def test_another_program_that_holds_the_database_is_waited_for_and_then_named(database):
    store = Store.open(database)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"another program is writing to it.*this change was not stored"):
        store.apply("clip 7", LABEL, "ann")
    assert store.events("clip 7") == ()  # reading goes on meanwhile
    other.execute("ROLLBACK")
    other.close()
    store.apply("clip 7", LABEL, "ann")
    assert store.events("clip 7") == LABEL.added
    store.close()


def test_a_database_that_another_program_keeps_to_itself_cannot_be_opened(database):
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE project SET name = name")
    assert "another program" in message_of_opening(database)
    other.execute("ROLLBACK")
    other.close()


def test_a_full_disk_loses_nothing_that_was_stored(database):
    def fill(connection, _):
        connection.execute(f"PRAGMA max_page_count = {database.stat().st_size // 4096}")

    event.listen(Engine, "connect", fill)
    try:
        with Store.open(database) as store:
            store.apply("clip 7", LABEL, "ann")
            many = [Clip(f"new {i}", "train", None, 10.0, 10) for i in range(5000)]
            with pytest.raises(StoreError, match="the disk is full; free some space"):
                store.add_clips(many)
            assert store.events("clip 7") == LABEL.added
            assert len(store.clips()) == 500
    finally:
        event.remove(Engine, "connect", fill)
    with Store.open(database) as store:
        assert store.events("clip 7") == LABEL.added
        store.add_clips(many)


def test_a_project_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        Store.create(tmp_path / "file" / "labels.sqlite", name="Zoo", categories=["Dog"])


def test_what_an_interrupted_creation_left_is_no_obstacle(tmp_path):
    path = tmp_path / "labels.sqlite"
    path.with_name("labels.sqlite.part").write_bytes(b"half a database")
    with Store.create(path, name="Zoo", categories=["Dog"]) as store:
        assert store.categories() == ("Dog",)
    assert [file.name for file in tmp_path.iterdir()] == ["labels.sqlite"]
