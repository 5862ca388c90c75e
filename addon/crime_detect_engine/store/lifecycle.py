"""Owns the record of every media file: created, looked at, deleted, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from .media import MediaFolder
from .tables import lifecycle, media

ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class LifecycleEntry:
    """One line: `action` is `create`, `access` or `delete`."""

    at: datetime
    action: str
    path: str
    incident_id: str
    actor: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that belongs to an incident; `path` relative to the media folder."""

    path: str
    incident_id: str
    camera: str
    kind: str
    bytes: int


def log(
    connection: Connection, action: str, file: MediaFile, at: datetime, actor: str, reason: str | None = None
) -> None:
    connection.execute(
        insert(lifecycle).values(
            at=at, action=action, path=file.path, incident_id=file.incident_id, actor=actor, reason=reason
        )
    )


def register(connection: Connection, file: MediaFile, at: datetime, actor: str = ENGINE) -> None:
    """A file that was written, or written anew."""
    changed = connection.execute(
        update(media).where(media.c.path == file.path).values(bytes=file.bytes, doomed=None)
    ).rowcount
    if changed == 0:
        connection.execute(
            insert(media).values(
                path=file.path,
                incident_id=file.incident_id,
                camera=file.camera,
                kind=file.kind,
                bytes=file.bytes,
                created_at=at,
            )
        )
        log(connection, "create", file, at, actor)


def doom(connection: Connection, incident_id: str, kinds: Sequence[str] | None, reason: str) -> None:
    """Marks files for deletion; they go once the transaction stands, so a crash never leaves a record half gone."""
    condition = media.c.incident_id == incident_id
    if kinds is not None:
        condition &= media.c.kind.in_(kinds)
    connection.execute(update(media).where(condition).values(doomed=reason))


def remove_doomed(connection: Connection, folder: MediaFolder, at: datetime, limit: int = 200) -> int:
    """Deletes marked files and logs each. Raises OSError when the disk refuses; the rest stays marked."""
    rows = connection.execute(select(media).where(media.c.doomed.is_not(None)).limit(limit)).all()
    for row in rows:
        folder.remove(row.path)
        file = MediaFile(row.path, row.incident_id, row.camera, row.kind, row.bytes)
        actor, _, reason = row.doomed.partition(": ")
        log(connection, "delete", file, at, actor, reason)
        connection.execute(delete(media).where(media.c.path == row.path))
    return len(rows)


def entries(connection: Connection, incident_id: str | None, limit: int) -> list[LifecycleEntry]:
    """Newest first."""
    query = select(lifecycle).order_by(lifecycle.c.id.desc()).limit(limit)
    if incident_id is not None:
        query = query.where(lifecycle.c.incident_id == incident_id)
    return [
        LifecycleEntry(row.at, row.action, row.path, row.incident_id, row.actor, row.reason)
        for row in connection.execute(query)
    ]


def prune_lifecycle(connection: Connection, now: datetime, keep_s: float) -> int:
    return connection.execute(delete(lifecycle).where(lifecycle.c.at < now - timedelta(seconds=keep_s))).rowcount


def usage(connection: Connection) -> Mapping[str, Mapping[str, int]]:
    """Bytes by camera and kind."""
    query = select(media.c.camera, media.c.kind, func.sum(media.c.bytes)).group_by(media.c.camera, media.c.kind)
    figures: dict[str, dict[str, int]] = {}
    for camera, kind, size in connection.execute(query):
        figures.setdefault(camera, {})[kind] = int(size)
    return figures


def known_paths(connection: Connection) -> set[str]:
    return set(connection.execute(select(media.c.path)).scalars())
