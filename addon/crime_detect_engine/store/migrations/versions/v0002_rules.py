"""Owns the columns that say which rule made an incident, why, and what was seen beside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("incidents") as table:
        table.add_column(sa.Column("rule", sa.String(32)))
        table.add_column(sa.Column("why", sa.JSON(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("attributes", sa.JSON(), nullable=False, server_default="{}"))
