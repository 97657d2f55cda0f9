"""The edits of a clip as rows: applying, taking back, and what can be taken back. Within a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, insert, select, update

from avvp_studio.domain.edit import Edit, EditError
from avvp_studio.store.errors import StoreError
from avvp_studio.store.rows import EditStatus, HistoryRow, Rows, events_from_json, events_to_json, now, to_ms
from avvp_studio.store.tables import EditRow, EventRow
from trainer.labels import Event, ordered

R = TypeVar("R")

_EVENT_KEY = ("clip_id", "modality", "category_id", "onset_ms")
_DELETE_EVENT = delete(EventRow).where(
    and_(*(getattr(EventRow, name) == bindparam(f"key_{name}") for name in _EVENT_KEY))
)

_EDITS = select(
    EditRow.id, EditRow.person, EditRow.at, EditRow.text, EditRow.removed, EditRow.added, EditRow.status
)


@dataclass(frozen=True, slots=True)
class Touched:
    """Where an edit changes anything."""

    category_ids: frozenset[int]
    onset_ms: int
    offset_ms: int

    @staticmethod
    def by(edit: Edit, rows: Rows, clip: str) -> Touched:
        events = (*edit.removed, *edit.added)
        return Touched(
            frozenset(rows.category_id(clip, event.category) for event in events),
            min((to_ms(event.onset) for event in events), default=0),
            max((to_ms(event.offset) for event in events), default=0),
        )


def read_events(
    connection: Connection, rows: Rows, clip_id: int, touched: Touched | None = None
) -> tuple[Event, ...]:
    """Those of a clip: all, or those that share a category and time with what is touched."""
    columns = (
        EventRow.modality,
        EventRow.category_id,
        EventRow.onset_ms,
        EventRow.offset_ms,
        EventRow.state,
        EventRow.author,
    )
    wanted = select(*columns).where(EventRow.clip_id == clip_id)
    if touched is not None:
        wanted = wanted.where(
            EventRow.category_id.in_(touched.category_ids),
            EventRow.onset_ms < touched.offset_ms,
            EventRow.offset_ms > touched.onset_ms,
        )
    return ordered(rows.event(*row) for row in connection.execute(wanted))


def apply_edit(connection: Connection, rows: Rows, *, clip: str, clip_id: int, edit: Edit, person: str) -> None:
    """Change the events and put the edit on top of the clip's history; what was undone cannot be redone."""
    _change_events(connection, rows, clip, clip_id, edit)
    undone = and_(EditRow.clip_id == clip_id, EditRow.status == EditStatus.UNDONE)
    connection.execute(update(EditRow).where(undone).values(status=EditStatus.SUPERSEDED))
    values = {
        "clip_id": clip_id,
        "person": person,
        "at": now(),
        "text": edit.text,
        "removed": events_to_json(edit.removed),
        "added": events_to_json(edit.added),
        "status": EditStatus.DONE,
    }
    connection.execute(insert(EditRow), values)


def undo_edit(connection: Connection, rows: Rows, clip: str, clip_id: int, person: str) -> Edit | None:
    """Take back the last edit that holds. Returns the edit that did it."""
    last = _read_next(connection, clip_id, EditStatus.DONE)
    if last is None:
        return None
    edit = last.edit.inverse()
    _change_events(connection, rows, clip, clip_id, edit)
    _set_status(connection, last, EditStatus.UNDONE, person)
    return edit


def redo_edit(connection: Connection, rows: Rows, clip: str, clip_id: int, person: str) -> Edit | None:
    """Make the edit that was undone last hold again, and return it."""
    last = _read_next(connection, clip_id, EditStatus.UNDONE)
    if last is None:
        return None
    _change_events(connection, rows, clip, clip_id, last.edit)
    _set_status(connection, last, EditStatus.DONE, person)
    return last.edit


def undo_and_redo_text(connection: Connection, clip_id: int) -> tuple[str | None, str | None]:
    """Only the texts are read: an edit may hold thousands of events."""
    done, undone = (
        connection.execute(_next(select(EditRow.text), clip_id, status)).scalar_one_or_none()
        for status in (EditStatus.DONE, EditStatus.UNDONE)
    )
    return done, undone


def read_history(connection: Connection, clip_id: int) -> list[HistoryRow]:
    """Newest first."""
    found = connection.execute(_EDITS.where(EditRow.clip_id == clip_id).order_by(EditRow.id.desc()))
    return [_history_row(row) for row in found]


def _next(edits: Select[R], clip_id: int, status: EditStatus) -> Select[R]:
    """Of some edits the one that undo (DONE) or redo (UNDONE) would take: edits are undone newest first."""
    order = EditRow.id.desc() if status is EditStatus.DONE else EditRow.id.asc()
    wanted = and_(EditRow.clip_id == clip_id, EditRow.status == status)
    return edits.where(wanted).order_by(order).limit(1)


def _read_next(connection: Connection, clip_id: int, status: EditStatus) -> HistoryRow | None:
    row = connection.execute(_next(_EDITS, clip_id, status)).one_or_none()
    return None if row is None else _history_row(row)


def _history_row(row: Row[Any]) -> HistoryRow:
    edit = Edit(events_from_json(row.removed), events_from_json(row.added), row.text)
    return HistoryRow(row.id, row.person, row.at.replace(tzinfo=UTC), edit, EditStatus(row.status))


def _set_status(connection: Connection, row: HistoryRow, status: EditStatus, person: str) -> None:
    values = {"status": status, "changed_by": person, "changed_at": now()}
    connection.execute(update(EditRow).where(EditRow.id == row.number).values(values))


def _change_events(connection: Connection, rows: Rows, clip: str, clip_id: int, edit: Edit) -> None:
    try:
        rows.check_events(clip, edit.added)
        touched = Touched.by(edit, rows, clip)
        edit.applied_to(read_events(connection, rows, clip_id, touched))
    except EditError as error:
        raise StoreError(f"{clip}: {error}; open the clip again and repeat the change") from error
    removed = rows.event_columns(clip_id, edit.removed)
    if removed:
        keys = [{f"key_{name}": row[name] for name in _EVENT_KEY} for row in removed]
        connection.execute(_DELETE_EVENT, keys)
    added = rows.event_columns(clip_id, edit.added)
    if added:
        connection.execute(insert(EventRow), added)
