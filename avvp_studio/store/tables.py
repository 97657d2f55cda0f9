"""The tables of a label database, as this version of the program knows them (migrations lead here)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, MetaData, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {list[Any]: JSON}


class ProjectRow(Base):
    """One row: what the project is called, which program made it, and of which kind its dense truth is."""

    __tablename__ = "project"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    audio_visual_only: Mapped[bool]


class CategoryRow(Base):
    """The id is the category's index, from 0."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(unique=True)


class ClipRow(Base):
    """`media` is relative to the project folder (with slashes) or absolute."""

    __tablename__ = "clips"
    __table_args__ = (CheckConstraint("segments > 0", name="segments"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    split: Mapped[str]
    media: Mapped[str | None]
    duration_ms: Mapped[int]
    segments: Mapped[int]
    is_complete: Mapped[bool]


class VideoLabelRow(Base):
    __tablename__ = "video_labels"
    __table_args__ = ({"sqlite_with_rowid": False},)

    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)


class EventRow(Base):
    """`modality` is its axis (0 audio, 1 visual), `state` its value in a grid (0 absent, 1 present).

    The key is the place on the timeline and the table is stored in its order: the events of a clip lie
    together, and no two of one modality and category begin at one time.
    """

    __tablename__ = "events"
    __table_args__ = (
        CheckConstraint("0 <= onset_ms AND onset_ms < offset_ms", name="range"),
        CheckConstraint("modality IN (0, 1)", name="modality"),
        CheckConstraint("state IN (0, 1)", name="state"),
        # What persons said is little beside a million events that came with files.
        Index("ix_events_person", "clip_id", sqlite_where=text("author != ''")),
        {"sqlite_with_rowid": False},
    )

    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)
    modality: Mapped[int] = mapped_column(primary_key=True)
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    onset_ms: Mapped[int] = mapped_column(primary_key=True)
    offset_ms: Mapped[int]
    state: Mapped[int]
    author: Mapped[str]


class EditRow(Base):
    """An edit as it was made. `status` is done, undone (can be redone) or superseded (by a later edit)."""

    __tablename__ = "edits"
    __table_args__ = (
        CheckConstraint("status IN ('done', 'undone', 'superseded')", name="status"),
        Index("ix_edits_clip_id_status_id", "clip_id", "status", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"))
    person: Mapped[str]
    at: Mapped[datetime]
    text: Mapped[str]
    removed: Mapped[list[Any]]
    added: Mapped[list[Any]]
    status: Mapped[str]
    changed_by: Mapped[str | None]
    changed_at: Mapped[datetime | None]
