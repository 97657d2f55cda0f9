"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(f"PRAGMA application_id = {0x41565650}")
    _create_project_tables()
    _create_label_tables()


def _create_project_tables() -> None:
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_project"),
    )
    op.create_table(
        "categories",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_categories"),
        sa.UniqueConstraint("name", name="uq_categories_name"),
    )
    op.create_table(
        "clips",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("media", sa.String(), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.CheckConstraint("segments > 0", name="ck_clips_segments"),
        sa.PrimaryKeyConstraint("id", name="pk_clips"),
        sa.UniqueConstraint("name", name="uq_clips_name"),
    )


def _create_label_tables() -> None:
    op.create_table(
        "video_labels",
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name="fk_video_labels_clip_id"),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name="fk_video_labels_category_id"),
        sa.PrimaryKeyConstraint("clip_id", "category_id", name="pk_video_labels"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("modality", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("onset_ms", sa.Integer(), nullable=False),
        sa.Column("offset_ms", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.CheckConstraint("0 <= onset_ms AND onset_ms < offset_ms", name="ck_events_range"),
        sa.CheckConstraint("modality IN (0, 1)", name="ck_events_modality"),
        sa.CheckConstraint("state IN (0, 1)", name="ck_events_state"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name="fk_events_clip_id"),
        sa.ForeignKeyConstraint(["category_id"], ["categories.id"], name="fk_events_category_id"),
        sa.PrimaryKeyConstraint("clip_id", "modality", "category_id", "onset_ms", name="pk_events"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_events_person", "events", ["clip_id"], sqlite_where=sa.text("author != ''"))
    op.create_table(
        "edits",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("clip_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("removed", sa.JSON(), nullable=False),
        sa.Column("added", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.Column("changed_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("status IN ('done', 'undone', 'superseded')", name="ck_edits_status"),
        sa.ForeignKeyConstraint(["clip_id"], ["clips.id"], name="fk_edits_clip_id"),
        sa.PrimaryKeyConstraint("id", name="pk_edits"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_edits_clip_id_status_id", "edits", ["clip_id", "status", "id"])
