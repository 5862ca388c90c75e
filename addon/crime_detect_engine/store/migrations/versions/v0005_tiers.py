"""Owns where a media file lies, beside the database or in the archive, and the counts that outlive incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("media") as table:
        table.add_column(sa.Column("tier", sa.String(8), nullable=False, server_default="hot"))
        table.create_index("media_by_tier", ["tier"])
    op.create_table(
        "trends",
        sa.Column("day", sa.String(10), primary_key=True),
        sa.Column("hour", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("camera", sa.String(32), primary_key=True),
        sa.Column("label", sa.String(64), primary_key=True),
        sa.Column("verdict", sa.String(16), primary_key=True),
        sa.Column("severity", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer(), nullable=False),
    )
