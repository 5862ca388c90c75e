"""Owns what reports ask of the store besides incidents: when people acknowledged, what they did, how cameras were."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from crime_detect_engine.domain.reporting import CameraWord

from .database import Database
from .memory import recall, remember
from .tables import audit, events, incidents

_WATCHED = "watched-"
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

    async def kept(self) -> tuple[int, datetime | None]:
        """How many incidents are kept, and when the oldest began."""

        def job(connection: Connection) -> tuple[int, datetime | None]:
            count = connection.execute(select(func.count()).select_from(incidents)).scalar_one()
            oldest = select(incidents.c.started_at).order_by(incidents.c.started_at).limit(1)
            return int(count), connection.execute(oldest).scalar()

        return await self._database.read(job)

    async def actions(self, start: datetime, end: datetime, wanted: Sequence[str]) -> Counter[str]:
        """How often each of these stands in the audit from `start` to before `end`."""

        def job(connection: Connection) -> Counter[str]:
            query = (
                select(audit.c.action, func.count())
                .where(audit.c.action.in_(wanted), audit.c.at >= start, audit.c.at < end)
                .group_by(audit.c.action)
            )
            return Counter({action: int(count) for action, count in connection.execute(query)})

        return await self._database.read(job)

    async def watched(self, month: str) -> Mapping[str, float]:
        """Hours for which cameras were seen, by day of a month (`2026-11`), of the days that were kept."""

        def job(connection: Connection) -> Mapping[str, float]:
            found: Mapping[str, float] = json.loads(recall(connection, f"{_WATCHED}{month}") or "{}")
            return found

        return await self._database.read(job)

    async def keep_watched(self, month: str, hours: Mapping[str, float]) -> None:
        await self._database.write(lambda c: remember(c, f"{_WATCHED}{month}", json.dumps(hours)))
