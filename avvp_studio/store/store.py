"""The label database of a project: values in, values out, and a method is a transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, insert, select, update

from avvp_studio import __version__
from avvp_studio.domain.edit import Edit
from avvp_studio.domain.project import Clip
from avvp_studio.store import catalogue, history, standing
from avvp_studio.store.connection import KEPT, make_engine, reading, writing
from avvp_studio.store.errors import StoreError
from avvp_studio.store.rows import HistoryRow, Rows, now
from avvp_studio.store.schema import check_and_upgrade, check_file, upgrade
from avvp_studio.store.standing import Standing
from avvp_studio.store.tables import CategoryRow, ProjectRow
from trainer.labels import Event


class Store:
    """What is known of a project's clips. Any method may raise StoreError; then it has changed nothing.

    A method that names a clip raises StoreError when the project has no such clip.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        """Use `create` or `open`."""
        self._engine = engine
        self._path = path
        with reading(engine, path) as connection:
            self._name = connection.execute(select(ProjectRow.name)).scalar_one()
            names = connection.execute(select(CategoryRow.name).order_by(CategoryRow.id)).scalars()
            self._rows = Rows(path.absolute().parent, tuple(names))

    @classmethod
    def create(cls, path: Path, *, name: str, categories: Sequence[str]) -> Store:
        """Make a database and open it. It appears whole or not at all; an existing file is never replaced."""
        if path.exists():
            raise StoreError(f"{path}: there is a project here already; open it, or choose another folder")
        _check_categories(path, categories)
        partial = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.unlink(missing_ok=True)
            _write_new(partial, name, categories)
            os.rename(partial, path)
        except OSError as error:
            raise StoreError(f"{path}: cannot be made ({error.strerror}); choose another folder") from error
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a database; one that an older program made is brought up to date."""
        check_file(path)
        engine = make_engine(path)
        try:
            check_and_upgrade(engine, path)
            return cls(engine, path)
        except BaseException:
            engine.dispose()
            raise

    def close(self) -> None:
        """Let go of the file; everything in the write-ahead log is moved into it."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # The project and its clips

    def project_name(self) -> str:
        return self._name

    def audio_visual_only(self) -> bool:
        """Whether dense truth says only what is heard and seen at once (see trainer.annotations.Dataset)."""
        with reading(self._engine, self._path) as connection:
            return connection.execute(select(ProjectRow.audio_visual_only)).scalar_one()

    def categories(self) -> tuple[str, ...]:
        """In index order."""
        return self._rows.categories

    def clips(self) -> list[Clip]:
        """All clips, in the order in which they were added."""
        with reading(self._engine, self._path) as connection:
            return catalogue.read_clips(connection, self._rows)

    def clip(self, name: str) -> Clip:
        with reading(self._engine, self._path) as connection:
            clip_id = catalogue.clip_id(connection, name)
            return catalogue.read_clips(connection, self._rows, clip_id)[0]

    def bring_in(
        self,
        *,
        clips: Iterable[Clip] = (),
        events: Mapping[str, Sequence[Event]] | None = None,
        changed: Iterable[Clip] = (),
        edits: Mapping[str, Edit] | None = None,
        person: str = "",
        audio_visual_only: bool | None = None,
    ) -> None:
        """An import, all or nothing: new `clips`, values of clips that exist, first events, and edits.

        `changed` gives clips their media, duration, segments, video-level labels and completeness, by name;
        their split is frozen. `events` are for clips that have none yet, and cannot be undone; where those
        of a clip overlap, the later one in its sequence holds. Each of `edits`, by clip name, is applied as
        `apply` would. `audio_visual_only` says of which kind dense truth is from now on, if it is not None.
        """
        with writing(self._engine, self._path) as connection:
            catalogue.insert_clips(connection, self._rows, clips)
            catalogue.update_clips(connection, self._rows, changed)
            catalogue.insert_events(connection, self._rows, events or {})
            for name, edit in (edits or {}).items():
                _apply(connection, self._rows, name, edit, person)
            if audio_visual_only is not None:
                connection.execute(update(ProjectRow).values(audio_visual_only=audio_visual_only))

    def add_clips(self, clips: Iterable[Clip], events: Mapping[str, Sequence[Event]] | None = None) -> None:
        """Add new clips with their events, as `bring_in` does."""
        self.bring_in(clips=clips, events=events)

    def set_media(self, media: Mapping[str, Path | None]) -> None:
        """Say where the media of these clips are; None for those that were not found."""
        with writing(self._engine, self._path) as connection:
            catalogue.set_media(connection, self._rows, media)

    def remove_clips(self, names: Collection[str]) -> tuple[str, ...]:
        """Forget clips of which nothing was ever said; returns the others, which stay."""
        with writing(self._engine, self._path) as connection:
            return catalogue.remove_clips(connection, names)

    # Events and edits

    def events(self, clip: str) -> tuple[Event, ...]:
        """Sorted."""
        with reading(self._engine, self._path) as connection:
            return history.read_events(connection, self._rows, catalogue.clip_id(connection, clip))

    def all_events(self) -> dict[str, tuple[Event, ...]]:
        """The events of every clip that has some, sorted, by clip name."""
        with reading(self._engine, self._path) as connection:
            return catalogue.read_all_events(connection, self._rows)

    def edited_clips(self) -> set[str]:
        """The clips that hold a person's word: an event with an author, or an edit that holds."""
        with reading(self._engine, self._path) as connection:
            return catalogue.edited_clips(connection)

    def standing(self, clip: str) -> Standing:
        """How a clip stands. The same is read once only, until another program writes."""
        with reading(self._engine, self._path) as connection:
            return standing.read(connection, self._rows, clip)

    def apply(self, clip: str, edit: Edit, person: str) -> None:
        """Change a clip's events. A stale edit is refused (Edit.applied_to), an empty one leaves no trace."""

        def made(connection: Connection, clip_id: int) -> Edit:
            _apply(connection, self._rows, clip, edit, person)
            return edit

        self._change(clip, made)

    def undo(self, clip: str, person: str) -> Edit | None:
        """Take back the clip's last edit that holds; returns the edit that did it, None without one."""
        return self._change(
            clip,
            lambda connection, clip_id: history.undo_edit(connection, self._rows, clip, clip_id, person),
        )

    def redo(self, clip: str, person: str) -> Edit | None:
        """Apply again what was undone last, unless another edit came after; returns it, None without one."""
        return self._change(
            clip,
            lambda connection, clip_id: history.redo_edit(connection, self._rows, clip, clip_id, person),
        )

    def _change(self, clip: str, step: Callable[[Connection, int], Edit | None]) -> Edit | None:
        """Do one step of a clip's history. How the clip stands then is known, once it is stored."""
        with writing(self._engine, self._path) as connection:
            kept, info = standing.known(connection, clip), connection.info
            clip_id = catalogue.clip_id(connection, clip)
            edit = step(connection, clip_id)
            if kept is not None and edit is not None:
                kept = standing.changed(connection, kept, clip_id, edit)
        if kept is not None:
            info[KEPT] = kept
        return edit

    def history(self, clip: str) -> tuple[str | None, str | None]:
        """The texts of the edits that undo and redo would take."""
        with reading(self._engine, self._path) as connection:
            return history.undo_and_redo_text(connection, catalogue.clip_id(connection, clip))

    def history_rows(self, clip: str) -> list[HistoryRow]:
        """Every edit of the clip ever made, newest first."""
        with reading(self._engine, self._path) as connection:
            return history.read_history(connection, catalogue.clip_id(connection, clip))


def _apply(connection: Connection, rows: Rows, clip: str, edit: Edit, person: str) -> None:
    clip_id = catalogue.clip_id(connection, clip)
    if not edit.is_empty:
        history.apply_edit(connection, rows, clip=clip, clip_id=clip_id, edit=edit, person=person)


def _check_categories(path: Path, categories: Sequence[str]) -> None:
    if not categories:
        raise StoreError(f"{path}: a project needs at least one category")
    repeated = sorted({name for name in categories if categories.count(name) > 1})
    if repeated:
        raise StoreError(f"{path}: the category {repeated[0]!r} is there twice; remove one")


def _write_new(path: Path, name: str, categories: Sequence[str]) -> None:
    engine = make_engine(path, create=True)
    try:
        with writing(engine, path) as connection:
            upgrade(connection)
            project = {"name": name, "made_at": now(), "made_by": f"AVVP Studio {__version__}"}
            connection.execute(insert(ProjectRow), project)
            rows = [{"id": i, "name": category} for i, category in enumerate(categories)]
            connection.execute(insert(CategoryRow), rows)
    finally:
        engine.dispose()
