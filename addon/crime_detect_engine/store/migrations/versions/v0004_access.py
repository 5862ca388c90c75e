"""Owns the tables of people and of what a token may do and for how long."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("name_key", sa.String(128), unique=True),
        sa.Column("display_name", sa.String(100)),
        sa.Column("issuer", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.Column("password", sa.String(255)),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("cameras", sa.JSON()),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.Column("last_login_at", sa.DateTime()),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.add_column("tokens", sa.Column("scopes", sa.JSON()))
    op.add_column("tokens", sa.Column("expires_at", sa.DateTime()))
    op.add_column("tokens", sa.Column("last_used_at", sa.DateTime()))
