"""Owns what the store remembers of itself from one start to the next, each under a name."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from .tables import meta

CHANGED = "changed"
"""The incident that was written last: its sidecar file may be older than a crash."""
CLEANED = "cleaned-at"
"""When clean-up last found nothing to doubt (RFC 3339)."""
NEWEST = "newest-known"
"""Up to when records are known to be dated rightly, although that is in the future (RFC 3339)."""
MARKED = "media-marked"
"""There once the media folder has the engine's mark."""
ARCHIVE = "archive"
"""The mark of the archive that has this store's files."""


def remember(connection: Connection, key: str, value: str) -> None:
    if connection.execute(update(meta).where(meta.c.key == key).values(value=value)).rowcount == 0:
        connection.execute(insert(meta).values(key=key, value=value))


def recall(connection: Connection, key: str) -> str | None:
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()


def forget_memory(connection: Connection, key: str) -> None:
    connection.execute(delete(meta).where(meta.c.key == key))
