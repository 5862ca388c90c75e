"""Owns what reports ask of the store besides incidents: when people acknowledged, and how cameras were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from crime_detect_engine.domain.reporting import CameraWord

from .database import Database
from .tables import audit, events

CHUNK = 5000
"""Events a look: the store thread must not be held up for longer than an alert may wait."""


class Figures:
    """Each call is one short look in the store thread. Raises StoreError when the database refuses."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acknowledged(self, start: datetime) -> Mapping[str, datetime]:
        """When each incident was first acknowledged, of what people did at or after `start`."""

        def job(connection: Connection) -> Mapping[str, datetime]:
            query = (
                select(audit.c.target, audit.c.at, audit.c.details)
                .where(audit.c.action == "acknowledge", audit.c.at >= start)
                .order_by(audit.c.id.desc())
            )
            return {row.target: row.at for row in connection.execute(query) if row.details.get("acknowledged")}

        return await self._database.read(job)

    async def camera_words(self, start: datetime, end: datetime, after_seq: int = 0) -> Sequence[CameraWord]:
        """What was told of cameras from `start` to `end`, in order, `CHUNK` at most; go on after the last `seq`."""

        def job(connection: Connection) -> Sequence[CameraWord]:
            state = events.c.data["state"].as_string().label("state")
            query = (
                select(events.c.seq, events.c.camera, events.c.at, state)
                .where(events.c.kind == "camera", events.c.at >= start, events.c.at < end, events.c.seq > after_seq)
                .order_by(events.c.seq)
                .limit(CHUNK)
            )
            return [CameraWord(row.seq, row.camera, row.at, row.state) for row in connection.execute(query)]

        return await self._database.read(job)
