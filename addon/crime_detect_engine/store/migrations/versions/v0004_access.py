"""Owns the tables of people and of what a token may do and for how long."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pass
