from __future__ import annotations

import sqlite3

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from avvp_studio.store import Store, schema
from avvp_studio.store.tables import Base


def scripts():
    return ScriptDirectory(str(schema._MIGRATIONS))


def test_the_migrations_lead_to_the_tables_that_the_program_knows(tmp_path):
    path = tmp_path / "labels.sqlite"
    Store.create(path, name="Zoo", categories=["Dog"]).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert differences == []


def test_the_head_is_the_last_script():
    assert scripts().get_current_head() == schema.HEAD
    assert {script.revision for script in scripts().walk_revisions()} == schema.known_revisions()


def test_a_database_at_the_first_revision_is_brought_to_the_head(tmp_path):
    path = tmp_path / "labels.sqlite"
    Store.create(path, name="Zoo", categories=["Dog"]).close()
    connection = sqlite3.connect(path)
    first = scripts().get_base()
    connection.execute("ALTER TABLE project DROP COLUMN audio_visual_only")  # what the second revision added
    connection.execute("UPDATE alembic_version SET version_num = ?", (first,))
    connection.commit()
    connection.close()
    with Store.open(path) as store:
        assert store.project_name() == "Zoo"
        assert store.audio_visual_only() is False
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (schema.HEAD,)
    connection.close()


def test_a_million_events_of_a_clip_are_found_by_index(tmp_path):
    path = tmp_path / "labels.sqlite"
    Store.create(path, name="Zoo", categories=["Dog"]).close()
    connection = sqlite3.connect(path)
    plans = [
        connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()[0][3]
        for query in (
            "SELECT * FROM events WHERE clip_id = 7",
            "SELECT clip_id FROM events WHERE author != ''",
            "SELECT * FROM edits WHERE clip_id = 7 AND status = 'done' ORDER BY id DESC LIMIT 1",
        )
    ]
    connection.close()
    assert plans[0].startswith("SEARCH events USING PRIMARY KEY")
    assert "ix_events_person" in plans[1]
    assert "ix_edits_clip_id_status_id" in plans[2]
