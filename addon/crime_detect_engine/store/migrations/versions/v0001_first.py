"""Owns the first shape of the database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _row_id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True)


def _at(name: str = "at") -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(), nullable=False)


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "meta", sa.Column("key", sa.String(32), primary_key=True), sa.Column("value", sa.Text(), nullable=False)
    )
    _create_incidents()
    _create_scores()
    _create_events()
    _create_outbox()
    _create_media()
    _create_people()


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.String(26), primary_key=True),
        _text("camera", 32),
        _text("source", 16),
        _text("label", 64),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        _flag("notify"),
        _text("suppressed_by", 16, nullable=True),
        _at("started_at"),
        sa.Column("ended_at", sa.DateTime()),
        _text("model_name", 64, nullable=True),
        _text("model_version", 64, nullable=True),
        _json("probabilities"),
        _json("boxes"),
        _text("zone", 64, nullable=True),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        _json("identities"),
        _json("scores_summary"),
        sa.Column("snapshot", sa.Text()),
        sa.Column("snapshot_rev", sa.Integer(), nullable=False),
        sa.Column("clip", sa.Text()),
        _flag("faces_blurred"),
        _text("verdict", 16, nullable=True),
        _flag("acknowledged"),
        _flag("hold"),
        _text("frigate_event_id", 64, nullable=True),
        sa.Column("note", sa.Text()),
        _flag("published"),
        sa.Column("stem", sa.Text(), nullable=False),
    )
    op.create_index("incidents_by_time", "incidents", ["started_at", "incident_id"])
    op.create_index("incidents_by_camera", "incidents", ["camera", "started_at"])
    op.create_index("incidents_by_end", "incidents", ["ended_at"])


def _create_scores() -> None:
    op.create_table(
        "scores",
        _row_id(),
        _text("incident_id", 26),
        _at(),
        _json("probabilities"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.incident_id"], ondelete="CASCADE"),
    )
    op.create_index("scores_by_incident", "scores", ["incident_id", "id"])


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        _text("kind", 16),
        _text("camera", 32, nullable=True),
        _text("incident_id", 26, nullable=True),
        _at(),
        _json("data"),
    )
    op.create_index("events_by_incident", "events", ["incident_id"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _row_id(),
        _text("channel", 32),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        _text("incident_id", 26, nullable=True),
        _text("state", 8),
        _at("created_at"),
        sa.Column("due_at", sa.DateTime()),
        sa.Column("finished_at", sa.DateTime()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text()),
        sa.Column("receipt", sa.Text()),
    )
    op.create_index("outbox_by_state", "outbox", ["state", "channel", "recipient", "id"])


def _create_media() -> None:
    op.create_table(
        "media",
        sa.Column("path", sa.Text(), primary_key=True),
        _text("incident_id", 26),
        _text("camera", 32),
        _text("kind", 16),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        _at("created_at"),
        sa.Column("doomed", sa.Text()),
    )
    op.create_index("media_by_incident", "media", ["incident_id"])
    op.create_table(
        "lifecycle",
        _row_id(),
        _at(),
        _text("action", 8),
        sa.Column("path", sa.Text(), nullable=False),
        _text("incident_id", 26),
        _text("actor", 64),
        sa.Column("reason", sa.Text()),
    )
    op.create_index("lifecycle_by_path", "lifecycle", ["path"])


def _create_people() -> None:
    op.create_table(
        "audit",
        _row_id(),
        _at(),
        _text("actor", 128),
        _text("role", 16),
        _text("action", 32),
        sa.Column("target", sa.Text(), nullable=False),
        _json("details"),
    )
    op.create_table(
        "tokens",
        _row_id(),
        _text("name", 64),
        _text("role", 16),
        sa.Column("cameras", sa.JSON()),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        _at("created_at"),
        sa.Column("revoked_at", sa.DateTime()),
    )
    op.create_table(
        "camera_runtime",
        sa.Column("camera", sa.String(32), primary_key=True),
        _flag("detection"),
        _flag("privacy"),
        sa.Column("snoozed_until", sa.DateTime()),
        _json("snoozed_labels"),
    )
