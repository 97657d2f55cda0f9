"""A project knows whether its dense truth says only what is heard and seen at once, as UnAV-100's does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "project", sa.Column("audio_visual_only", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
