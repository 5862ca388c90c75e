"""Owns where a media file lies: beside the database or in the archive."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass
