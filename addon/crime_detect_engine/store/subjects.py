"""Owns what is kept of a time and place: finding it, copying it out, and erasing it for good."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.subjects import (
    Erasure,
    SubjectExport,
    SubjectFinding,
    SubjectQuery,
    SubjectRecord,
)
from crime_detect_engine.domain.types import Incident
from crime_detect_engine.domain.wire import timestamp

from .audit import append_audit
from .exports import FOLDER
from .journal import Change, Journal
from .records import incident_document, row_of
from .subject_copy import CopyJob, KeptPeriods, log_copied, read_incident, write_copy
from .tables import events, incidents, media, outbox

MARGIN_S = 10.0
"""A clip begins some seconds before its incident and may end some after it."""
_ROOM_BYTES = 200_000_000
_NOBODY: dict[str, Any] = {"persons": None, "objects": {}, "zones": {}, "label": None}
"""What a camera's state tells of whoever was in view, when it tells of nobody."""


class Subjects:
    """See domain.subjects.SubjectRights; what lies outside the store is the caller's to forget."""

    def __init__(self, journal: Journal, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._journal = journal
        self._database = journal.database
        self._copying = asyncio.Lock()

    async def find(self, query: SubjectQuery, actor: Actor) -> SubjectFinding:
        def look(connection: Connection) -> SubjectFinding:
            found = finding(connection, query)
            details = {**asked(query), "incidents": len(found.records)}
            append_audit(connection, self._now(), actor, "subject_find", "subjects", details)
            return found

        _check(query)
        return await self._database.write(look)

    async def export(self, query: SubjectQuery, actor: Actor, keeps: KeptPeriods) -> SubjectExport:
        """A ZIP in DATA/exports. `keeps` are the periods in force, for the statement in it. One at a time."""
        _check(query)

        def begin(connection: Connection) -> CopyJob:
            found = finding(connection, query)
            if found.bytes + _ROOM_BYTES > self._journal.folder.free_bytes():
                raise InvalidInputError("the disk has no room for a copy of this; ask for a shorter time")
            details = {**asked(query), "incidents": len(found.records)}
            append_audit(connection, self._now(), actor, "subject_export", "subjects", details)
            return CopyJob(query, tuple(found.records), keeps, self._now())

        async with self._copying:
            try:
                job = await self._database.write(begin)
                path = await self._database.call(self._temporary)
                with contextlib.ExitStack() as undo:
                    undo.callback(path.unlink, missing_ok=True)
                    await self._copy(job, path, actor)
                    content = self._journal.folder.scratch_file(path)
                    size = content.size
                    undo.pop_all()
            except OSError as error:
                raise StoreError(f"the copy cannot be written: {error.strerror or error}") from error
        return SubjectExport(path, content, size, len(job.records))

    async def _copy(self, job: CopyJob, path: Path, actor: Actor) -> None:
        """The database is read an incident at a time, so that alerts are stored in between."""
        loop = asyncio.get_running_loop()

        def read(incident_id: str) -> Mapping[str, Any] | None:
            reading = self._database.read(lambda c: read_incident(c, incident_id))
            return asyncio.run_coroutine_threadsafe(reading, loop).result()

        copied = await asyncio.to_thread(write_copy, job, path, self._journal.folder, read)
        await self._database.write(lambda c: log_copied(c, copied, self._now(), actor.name[:64]))

    async def erase(self, query: SubjectQuery, confirm: str, reason: str, actor: Actor) -> Erasure:
        """Incidents with all that is kept of them, one transaction each, and what camera states told of that time.

        What is on hold or going on stays and is named.
        """
        _check(query)
        found = await self._database.read(lambda c: finding(c, query))
        if confirm != found.confirm:
            raise InvalidInputError(
                "What is kept of that time has changed since you looked; look again before you erase.",
                {"confirm": "is not of what is kept now"},
            )
        gone: list[SubjectRecord] = []
        for record in found.records:
            if record.spared is None:
                with contextlib.suppress(NotFoundError):  # retention was faster, or somebody put it on hold
                    await self._journal.run(lambda c, one=record: self._erase(c, one, actor))  # type: ignore[misc]
                    gone.append(record)
        spared = [one for one in found.records if one.spared is not None]
        details = {
            **asked(query), "reason": reason, "incidents": len(gone), "files": sum(one.files for one in gone),
            "bytes": sum(one.bytes for one in gone), "spared": [one.incident_id for one in spared][:100],
        }  # fmt: skip

        def finish(connection: Connection) -> None:
            _forget_states(connection, query)
            append_audit(connection, self._now(), actor, "subject_erase", "subjects", details)

        await self._database.write(finish)
        return Erasure(len(gone), sum(one.files for one in gone), sum(one.bytes for one in gone), spared)

    def _erase(self, connection: Connection, record: SubjectRecord, actor: Actor) -> Change:
        """Raises NotFoundError for what is gone or on hold by now."""
        row = row_of(connection, record.incident_id)
        if row.hold or row.ended_at is None:
            raise NotFoundError("on hold or going on")
        name = actor.name[:60].replace(":", "")
        change = self._journal.delete(connection, record.incident_id, f"{name}: erased for a person in the picture")
        told = change.event
        of_it = events.c.incident_id == record.incident_id
        messages = outbox.c.incident_id == record.incident_id
        if told is None or told.before is None:
            connection.execute(delete(events).where(of_it))
            connection.execute(delete(outbox).where(messages))
            return change
        # Those who listen must still learn that it is gone; by its number, and nothing of what was seen.
        bare = _bare(told.before)
        connection.execute(delete(events).where(of_it, events.c.seq != told.seq))
        connection.execute(delete(outbox).where(messages, outbox.c.event_seq != told.seq))
        data = {"type": str(told.type), "before": incident_document(bare), "after": None}
        connection.execute(update(events).where(events.c.seq == told.seq).values(data=data))
        return replace(change, event=replace(told, before=bare))

    def _temporary(self) -> Path:
        folder = self.data_dir / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(".zip", dir=folder)
        os.close(handle)
        return Path(name)

    def _now(self) -> datetime:
        return self._journal.clock.now()


def asked(query: SubjectQuery) -> dict[str, Any]:
    cameras = None if query.cameras is None else sorted(query.cameras)
    return {"from": timestamp(query.start), "to": timestamp(query.end), "cameras": cameras}


def finding(connection: Connection, query: SubjectQuery) -> SubjectFinding:
    """Incidents that overlap with that time, oldest first."""
    table = incidents.c
    files = (
        select(media.c.incident_id, func.count().label("files"), func.sum(media.c.bytes).label("bytes"))
        .where(media.c.doomed.is_(None))
        .group_by(media.c.incident_id)
        .subquery()
    )
    columns = (table.incident_id, table.camera, table.label, table.started_at, table.ended_at, table.hold)
    joined = incidents.outerjoin(files, files.c.incident_id == table.incident_id)
    rows = connection.execute(
        select(*columns, files.c.files, files.c.bytes)
        .select_from(joined)
        .where(_overlaps(query))
        .order_by(table.started_at, table.incident_id)
    )
    records = [SubjectRecord(*row[:6], int(row.files or 0), int(row.bytes or 0)) for row in rows]
    told = "\n".join(f"{one.incident_id} {one.files} {one.spared}" for one in records)
    return SubjectFinding(records, hashlib.sha256(told.encode()).hexdigest()[:32])


def _overlaps(query: SubjectQuery) -> ColumnElement[bool]:
    margin, table = timedelta(seconds=MARGIN_S), incidents.c
    begun = table.started_at <= query.end + margin
    over = or_(table.ended_at.is_(None), table.ended_at >= query.start - margin)
    cameras = query.cameras
    return and_(begun, over) if cameras is None else and_(begun, over, table.camera.in_(sorted(cameras)))


def _forget_states(connection: Connection, query: SubjectQuery) -> None:
    """That a camera was there stays, for its outages; whom and what it had in view goes."""
    when = and_(events.c.kind == "camera", events.c.at >= query.start, events.c.at <= query.end)
    if query.cameras is not None:
        when = and_(when, events.c.camera.in_(sorted(query.cameras)))
    for row in connection.execute(select(events.c.seq, events.c.data).where(when)).all():
        kept = {key: _NOBODY.get(key, value) for key, value in row.data.items()}
        if kept != row.data:
            connection.execute(update(events).where(events.c.seq == row.seq).values(data=kept))


def _bare(incident: Incident) -> Incident:
    return replace(
        incident, confidence=0.0, threshold=0.0, probabilities={}, boxes=(), zone=None, location=None, identities=(),
        scores_summary={}, why=(), attributes={}, note=None, snapshot=None, clip=None,
    )  # fmt: skip


def _check(query: SubjectQuery) -> None:
    if query.end <= query.start:
        raise InvalidInputError("Not valid: to.", {"to": "is not after from"})
