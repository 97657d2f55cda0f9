"""The clips of a project as rows, many at once. Within a transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, union, update

from avvp_studio.domain.edit import without_overlaps
from avvp_studio.domain.project import Clip
from avvp_studio.store.errors import StoreError
from avvp_studio.store.rows import EditStatus, Rows
from avvp_studio.store.tables import ClipRow, EditRow, EventRow, VideoLabelRow
from trainer.labels import Event


def clip_id(connection: Connection, name: str) -> int:
    found = connection.execute(select(ClipRow.id).where(ClipRow.name == name)).scalar()
    if found is None:
        raise StoreError(f"{name}: the project has no such clip")
    return found


def read_clips(connection: Connection, rows: Rows, only: int | None = None) -> list[Clip]:
    labels = (
        select(func.group_concat(VideoLabelRow.category_id))
        .where(VideoLabelRow.clip_id == ClipRow.id)
        .scalar_subquery()
    )
    clips = select(
        ClipRow.name,
        ClipRow.split,
        ClipRow.media,
        ClipRow.duration_ms,
        ClipRow.segments,
        ClipRow.is_complete,
        labels,
    ).order_by(ClipRow.id)
    if only is not None:
        clips = clips.where(ClipRow.id == only)
    return [rows.clip(*row) for row in connection.execute(clips)]


def insert_clips(connection: Connection, rows: Rows, clips: Iterable[Clip]) -> None:
    new = _checked(clips)
    if not new:
        return
    taken = _ids(connection)
    for clip in new:
        if clip.name in taken:
            raise StoreError(f"{clip.name}: the project has a clip of this name already")
    connection.execute(insert(ClipRow), [rows.clip_columns(clip) for clip in new])
    _insert_labels(connection, rows, _ids(connection), new)


def insert_events(connection: Connection, rows: Rows, events: Mapping[str, Sequence[Event]]) -> None:
    """Give events to clips that have none."""
    if not events:
        return
    ids = _ids(connection)
    labelled = set(connection.execute(select(EventRow.clip_id).distinct()).scalars())
    columns: list[dict[str, Any]] = []
    for name, of_clip in events.items():
        _check_known(ids, name)
        if ids[name] in labelled:
            raise StoreError(f"{name}: has labels already; what is added to them must be an edit")
        rows.check_events(name, of_clip)
        columns += rows.event_columns(ids[name], without_overlaps(of_clip))
    if columns:
        connection.execute(insert(EventRow), columns)


def update_clips(connection: Connection, rows: Rows, clips: Iterable[Clip]) -> None:
    changed = _checked(clips)
    if not changed:
        return
    ids = _ids(connection)
    splits = {row.name: row.split for row in connection.execute(select(ClipRow.name, ClipRow.split))}
    for clip in changed:
        _check_known(ids, clip.name)
        if splits[clip.name] != clip.split:
            raise StoreError(
                f"{clip.name}: is in split {splits[clip.name]!r}, not {clip.split!r}; splits are frozen"
            )
    columns = ("media", "duration_ms", "segments", "is_complete")
    change = update(ClipRow).where(ClipRow.id == bindparam("key"))
    values = [rows.clip_columns(clip) for clip in changed]
    connection.execute(
        change.values({column: bindparam(column) for column in columns}),
        [{"key": ids[row["name"]], **{column: row[column] for column in columns}} for row in values],
    )
    keys = [{"key": ids[clip.name]} for clip in changed]
    connection.execute(delete(VideoLabelRow).where(VideoLabelRow.clip_id == bindparam("key")), keys)
    _insert_labels(connection, rows, ids, changed)


def remove_clips(connection: Connection, names: Collection[str]) -> tuple[str, ...]:
    """Delete those of the clips that have no labels and no history; returns the names of the others."""
    said = union(*(select(row.clip_id) for row in (EventRow, EditRow, VideoLabelRow))).subquery()
    spoken = set(connection.execute(select(ClipRow.name).where(ClipRow.id.in_(select(said)))).scalars())
    keys = [{"key": name} for name in names if name not in spoken]
    if keys:
        connection.execute(delete(ClipRow).where(ClipRow.name == bindparam("key")), keys)
    return tuple(name for name in names if name in spoken)


def set_media(connection: Connection, rows: Rows, media: Mapping[str, Path | None]) -> None:
    ids = _ids(connection)
    for name in media:
        _check_known(ids, name)
    values = [{"key": ids[name], "media": rows.media_text(path)} for name, path in media.items()]
    if values:
        change = update(ClipRow).where(ClipRow.id == bindparam("key")).values(media=bindparam("media"))
        connection.execute(change, values)


def read_all_events(connection: Connection, rows: Rows) -> dict[str, tuple[Event, ...]]:
    columns = (
        ClipRow.name,
        EventRow.modality,
        EventRow.category_id,
        EventRow.onset_ms,
        EventRow.offset_ms,
        EventRow.state,
        EventRow.author,
    )
    # The order in which both tables are stored, so nothing is sorted.
    found = select(*columns).join(ClipRow, ClipRow.id == EventRow.clip_id).order_by(EventRow.clip_id)
    return {
        name: tuple(sorted(rows.event(*row[1:]) for row in group))
        for name, group in groupby(connection.execute(found), key=itemgetter(0))
    }


def edited_clips(connection: Connection) -> set[str]:
    by_event = select(EventRow.clip_id).where(EventRow.author != "")
    by_edit = select(EditRow.clip_id).where(EditRow.status == EditStatus.DONE)
    ids = union(by_event, by_edit).subquery()
    return set(connection.execute(select(ClipRow.name).where(ClipRow.id.in_(select(ids)))).scalars())


def _ids(connection: Connection) -> dict[str, int]:
    return {row.name: row.id for row in connection.execute(select(ClipRow.name, ClipRow.id))}


def _insert_labels(connection: Connection, rows: Rows, ids: Mapping[str, int], clips: Iterable[Clip]) -> None:
    labels = [
        {"clip_id": ids[clip.name], "category_id": rows.category_id(clip.name, category)}
        for clip in clips
        for category in clip.video_labels
    ]
    if labels:
        connection.execute(insert(VideoLabelRow), labels)


def _checked(clips: Iterable[Clip]) -> list[Clip]:
    """The clips, after a look at their names."""
    checked = list(clips)
    seen: set[str] = set()
    for clip in checked:
        if clip.name in seen:
            raise StoreError(f"{clip.name}: two clips have this name; each needs its own")
        seen.add(clip.name)
    return checked


def _check_known(ids: Mapping[str, int], name: str) -> None:
    if name not in ids:
        raise StoreError(f"{name}: the project has no such clip")
