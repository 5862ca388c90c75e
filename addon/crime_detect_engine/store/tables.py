"""Owns the database's tables; portable between SQLite and PostgreSQL. Migrations bring a database to this shape."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python, naive UTC in the database: SQLite keeps no offsets and sorts these as text."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC)


# SQLite numbers rows by itself only when the key is spelled INTEGER.
_RowId = BigInteger().with_variant(Integer, "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", String(26), primary_key=True),
    Column("camera", String(32), nullable=False),
    Column("source", String(16), nullable=False),
    Column("label", String(64), nullable=False),
    Column("confidence", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("notify", Boolean, nullable=False),
    Column("suppressed_by", String(16)),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("model_name", String(64)),
    Column("model_version", String(64)),
    Column("probabilities", JSON, nullable=False),
    Column("boxes", JSON, nullable=False),
    Column("zone", String(64)),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("identities", JSON, nullable=False),
    Column("scores_summary", JSON, nullable=False),
    Column("snapshot", Text),
    Column("snapshot_rev", Integer, nullable=False),
    Column("clip", Text),
    Column("faces_blurred", Boolean, nullable=False),
    Column("verdict", String(16)),
    Column("acknowledged", Boolean, nullable=False),
    Column("hold", Boolean, nullable=False),
    Column("frigate_event_id", String(64)),
    Column("rule", String(32)),
    Column("why", JSON, nullable=False, server_default="[]"),
    Column("attributes", JSON, nullable=False, server_default="{}"),
    Column("note", Text),
    Column("published", Boolean, nullable=False),
    Column("stem", Text, nullable=False),
    Index("incidents_by_time", "started_at", "incident_id"),
    Index("incidents_by_camera", "camera", "started_at"),
    Index("incidents_by_end", "ended_at"),
)

scores = Table(
    "scores",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("incident_id", String(26), ForeignKey("incidents.incident_id", ondelete="CASCADE"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("probabilities", JSON, nullable=False),
    Index("scores_by_incident", "incident_id", "id"),
)

events = Table(
    "events",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("camera", String(32)),
    Column("incident_id", String(26)),
    Column("at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index("events_by_incident", "incident_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("channel", String(32), nullable=False),
    Column("recipient", Text, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("incident_id", String(26)),
    Column("state", String(8), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("receipt", Text),
    Index("outbox_by_state", "state", "channel", "recipient", "id"),
)

media = Table(
    "media",
    metadata,
    Column("path", Text, primary_key=True),
    Column("incident_id", String(26), nullable=False),
    Column("camera", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("doomed", Text),
    Column("tier", String(8), nullable=False, server_default="hot"),
    Index("media_by_incident", "incident_id"),
    Index("media_by_tier", "tier"),
)

lifecycle = Table(
    "lifecycle",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(8), nullable=False),
    Column("path", Text, nullable=False),
    Column("incident_id", String(26), nullable=False),
    Column("actor", String(64), nullable=False),
    Column("reason", Text),
    Index("lifecycle_by_path", "path"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("target", Text, nullable=False),
    Column("details", JSON, nullable=False),
)

# Links are only ever added. What a link is the digest of lies beside it with its salt, and goes when its record goes.
chain = Table(
    "chain",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

chain_contents = Table(
    "chain_contents",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(32), nullable=False),
    Column("salt", String(32), nullable=False),
    Column("content", Text, nullable=False),
    Index("chain_contents_by_subject", "subject", "seq"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("cameras", JSON),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
    Column("scopes", JSON(none_as_null=True)),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
)

# `name_key` finds a name whatever its case; people for whom another system vouches have none, and no password.
users = Table(
    "users",
    metadata,
    Column("id", _RowId, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("name_key", String(128), unique=True),
    Column("display_name", String(100)),
    Column("issuer", String(255)),
    Column("subject", String(255)),
    Column("password", String(255)),
    Column("role", String(16), nullable=False),
    Column("cameras", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("last_login_at", UtcDateTime),
    Column("disabled", Boolean, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("generation", Integer, nullable=False),
    UniqueConstraint("issuer", "subject"),
)

camera_runtime = Table(
    "camera_runtime",
    metadata,
    Column("camera", String(32), primary_key=True),
    Column("detection", Boolean, nullable=False),
    Column("privacy", Boolean, nullable=False),
    Column("snoozed_until", UtcDateTime),
    Column("snoozed_labels", JSON, nullable=False),
)

# What is left of incidents that retention took: how many, and nothing of any of them. Days and hours are UTC.
trends = Table(
    "trends",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("camera", String(32), primary_key=True),
    Column("label", String(64), primary_key=True),
    Column("verdict", String(16), primary_key=True),
    Column("severity", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
)
