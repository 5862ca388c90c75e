"""Owns the record of every media file: created, looked at, moved, deleted, by whom and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from .media import MediaFolder
from .tables import incidents, lifecycle, media

ENGINE = "engine"
HOT, COPYING, COPIED, ARCHIVED = "hot", "copying", "copied", "archive"
"""Where a file lies: here; here, and perhaps in part in the archive; in both; in the archive. Each step is written
down before it is taken, so that after a crash nothing need be searched for."""


@dataclass(frozen=True, slots=True)
class LifecycleEntry:
    """One line: `action` is `create`, `access`, `archive` or `delete`."""

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


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file as people are told of it; `doomed` is why it is about to go."""

    path: str
    kind: str
    bytes: int
    created_at: datetime
    archived: bool
    doomed: str | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """How many records there are and are on hold, files that wait to be deleted or moved, bytes in the archive."""

    records: int
    on_hold: int
    doomed: int
    moving: int
    archived: Mapping[str, Mapping[str, int]]


def log(
    connection: Connection, action: str, file: MediaFile, at: datetime, actor: str, reason: str | None = None
) -> None:
    connection.execute(
        insert(lifecycle).values(
            at=at, action=action, path=file.path, incident_id=file.incident_id, actor=actor, reason=reason
        )
    )


def register(connection: Connection, file: MediaFile, at: datetime, actor: str = ENGINE, *, tier: str = HOT) -> None:
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
                tier=tier,
            )
        )
        log(connection, "create", file, at, actor)


def doom(connection: Connection, incident_id: str, kinds: Sequence[str] | None, reason: str) -> None:
    """Marks files for deletion; they go once the transaction stands, so a crash never leaves a record half gone."""
    condition = media.c.incident_id == incident_id
    if kinds is not None:
        condition &= media.c.kind.in_(kinds)
    connection.execute(update(media).where(condition).values(doomed=reason))


def doomed(connection: Connection, limit: int, *, archived: bool) -> list[MediaFile]:
    """Files that are marked for deletion and lie in the media folder alone, or (also) in the archive."""
    here = media.c.tier == HOT
    query = select(media).where(media.c.doomed.is_not(None), ~here if archived else here).limit(limit)
    return [MediaFile(row.path, row.incident_id, row.camera, row.kind, row.bytes) for row in connection.execute(query)]


def remove_doomed(connection: Connection, folder: MediaFolder, at: datetime, limit: int = 200) -> int:
    """Deletes marked files of the media folder and logs each that is gone; returns how many.

    Raises OSError when the disk refuses one and none was deleted; what it refuses stays marked.
    """
    count, refusal = 0, None
    for file in doomed(connection, limit, archived=False):
        try:
            folder.remove(file.path)
        except OSError as error:
            refusal = error
        else:
            forget(connection, file, at)
            count += 1
    if refusal is not None and count == 0:
        raise refusal
    return count


def forget(connection: Connection, file: MediaFile, at: datetime) -> None:
    """The second half of a deletion, once the file is seen to be gone."""
    mark = connection.execute(select(media.c.doomed).where(media.c.path == file.path)).scalar()
    if mark is not None:
        actor, _, reason = mark.partition(": ")
        log(connection, "delete", file, at, actor, reason)
        connection.execute(delete(media).where(media.c.path == file.path))


def entries(connection: Connection, incident_id: str | None, limit: int) -> list[LifecycleEntry]:
    """Newest first."""
    query = select(lifecycle).order_by(lifecycle.c.id.desc()).limit(limit)
    if incident_id is not None:
        query = query.where(lifecycle.c.incident_id == incident_id)
    return [
        LifecycleEntry(row.at, row.action, row.path, row.incident_id, row.actor, row.reason)
        for row in connection.execute(query)
    ]


def files_of(connection: Connection, incident_id: str) -> list[KeptFile]:
    query = select(media).where(media.c.incident_id == incident_id).order_by(media.c.path)
    return [
        KeptFile(row.path, row.kind, row.bytes, row.created_at, row.tier == ARCHIVED, row.doomed)
        for row in connection.execute(query)
    ]


def holdings(connection: Connection) -> Holdings:
    def count(table: Table, condition: ColumnElement[bool] | None = None) -> int:
        query = select(func.count()).select_from(table)
        return int(connection.execute(query if condition is None else query.where(condition)).scalar_one())

    return Holdings(
        count(incidents),
        count(incidents, incidents.c.hold.is_(True)),
        count(media, media.c.doomed.is_not(None)),
        count(media, media.c.tier.in_((COPYING, COPIED))),
        usage(connection, archived=True),
    )


def prune_lifecycle(connection: Connection, now: datetime, keep_s: float) -> int:
    return connection.execute(delete(lifecycle).where(lifecycle.c.at < now - timedelta(seconds=keep_s))).rowcount


def usage(connection: Connection, *, archived: bool = False) -> Mapping[str, Mapping[str, int]]:
    """Bytes by camera and kind, in the media folder or in the archive."""
    there = media.c.tier == ARCHIVED
    query = select(media.c.camera, media.c.kind, func.sum(media.c.bytes)).where(there if archived else ~there)
    figures: dict[str, dict[str, int]] = {}
    for camera, kind, size in connection.execute(query.group_by(media.c.camera, media.c.kind)):
        figures.setdefault(camera, {})[kind] = int(size)
    return figures


def known_paths(connection: Connection) -> set[str]:
    return set(connection.execute(select(media.c.path)).scalars())
