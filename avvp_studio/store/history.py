"""The edits of a clip as rows: applying, taking back, and what can be taken back. Within a transaction."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, insert, select, update

from avvp_studio.domain.edit import Edit, EditError
from avvp_studio.store.errors import StoreError
from avvp_studio.store.rows import EditStatus, HistoryRow, Rows, events_from_json, events_to_json, now
from avvp_studio.store.tables import EditRow, EventRow
from trainer.labels import Event

_EVENT_KEY = ("clip_id", "modality", "category_id", "onset_ms")
_DELETE_EVENT = delete(EventRow).where(
    and_(*(getattr(EventRow, name) == bindparam(f"key_{name}") for name in _EVENT_KEY))
)

_EDITS = select(
    EditRow.id, EditRow.person, EditRow.at, EditRow.text, EditRow.removed, EditRow.added, EditRow.status
)


def read_events(connection: Connection, rows: Rows, clip_id: int) -> tuple[Event, ...]:
    columns = (
        EventRow.modality,
        EventRow.category_id,
        EventRow.onset_ms,
        EventRow.offset_ms,
        EventRow.state,
        EventRow.author,
    )
    found = connection.execute(select(*columns).where(EventRow.clip_id == clip_id))
    return tuple(sorted(rows.event(*row) for row in found))


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
    last = _next(connection, clip_id, EditStatus.DONE)
    if last is None:
        return None
    edit = last.edit.inverse()
    _change_events(connection, rows, clip, clip_id, edit)
    _set_status(connection, last, EditStatus.UNDONE, person)
    return edit


def redo_edit(connection: Connection, rows: Rows, clip: str, clip_id: int, person: str) -> Edit | None:
    """Make the edit that was undone last hold again, and return it."""
    last = _next(connection, clip_id, EditStatus.UNDONE)
    if last is None:
        return None
    _change_events(connection, rows, clip, clip_id, last.edit)
    _set_status(connection, last, EditStatus.DONE, person)
    return last.edit


def undo_and_redo_text(connection: Connection, clip_id: int) -> tuple[str | None, str | None]:
    done, undone = (_next(connection, clip_id, status) for status in (EditStatus.DONE, EditStatus.UNDONE))
    return (done.edit.text if done else None), (undone.edit.text if undone else None)


def read_history(connection: Connection, clip_id: int) -> list[HistoryRow]:
    """Newest first."""
    found = connection.execute(_EDITS.where(EditRow.clip_id == clip_id).order_by(EditRow.id.desc()))
    return [_history_row(row) for row in found]


def _next(connection: Connection, clip_id: int, status: EditStatus) -> HistoryRow | None:
    """The edit that undo (status DONE) or redo (UNDONE) would take: edits are undone newest first."""
    order = EditRow.id.desc() if status is EditStatus.DONE else EditRow.id.asc()
    wanted = and_(EditRow.clip_id == clip_id, EditRow.status == status)
    row = connection.execute(_EDITS.where(wanted).order_by(order).limit(1)).one_or_none()
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
        edit.applied_to(read_events(connection, rows, clip_id))
    except EditError as error:
        raise StoreError(f"{clip}: {error}; open the clip again and repeat the change") from error
    removed = rows.event_columns(clip_id, edit.removed)
    if removed:
        keys = [{f"key_{name}": row[name] for name in _EVENT_KEY} for row in removed]
        connection.execute(_DELETE_EVENT, keys)
    added = rows.event_columns(clip_id, edit.added)
    if added:
        connection.execute(insert(EventRow), added)
