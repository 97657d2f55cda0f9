"""How a clip stands: its events, and what undo and redo would take. Kept until somebody else writes.

It is kept with the connection, because only a connection can tell whether another one has written since. What
is written through the same one forgets it (`writing`), unless it is known what has become of it (`keep`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from avvp_studio.domain.edit import Edit, spliced
from avvp_studio.store import catalogue, history
from avvp_studio.store.connection import KEPT
from avvp_studio.store.rows import Rows, to_ms
from trainer.labels import Event


@dataclass(frozen=True, slots=True)
class Standing:
    """The events, sorted, and the texts of the edits that undo and redo would take."""

    events: tuple[Event, ...] = ()
    undo_text: str | None = None
    redo_text: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """How a clip stood when the database was at a version."""

    clip: str
    version: int
    standing: Standing


def read(connection: Connection, rows: Rows, clip: str) -> Standing:
    """Within a transaction."""
    kept = known(connection, clip)
    if kept is None:
        clip_id = catalogue.clip_id(connection, clip)
        texts = history.undo_and_redo_text(connection, clip_id)
        standing = Standing(history.read_events(connection, rows, clip_id), *texts)
        kept = connection.info[KEPT] = Kept(clip, _version(connection), standing)
    return kept.standing


def known(connection: Connection, clip: str) -> Kept | None:
    """How a clip stands if that is known, and nobody else has written since. Within a transaction."""
    kept = connection.info.get(KEPT)
    if not isinstance(kept, Kept) or kept.clip != clip or kept.version != _version(connection):
        return None
    return kept


def changed(connection: Connection, kept: Kept, clip_id: int, edit: Edit) -> Kept:
    """The same when an edit has been made that fits it, with the times that a database can hold."""
    stored = replace(edit, added=tuple(_as_stored(event) for event in edit.added))
    events = spliced(kept.standing.events, stored)
    return replace(kept, standing=Standing(events, *history.undo_and_redo_text(connection, clip_id)))


def _as_stored(event: Event) -> Event:
    return replace(event, onset=to_ms(event.onset) / 1000, offset=to_ms(event.offset) / 1000)


def _version(connection: Connection) -> int:
    """Another number whenever another connection has changed the database."""
    found = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return int(found)
