"""Owns the outbox's view of the store (domain.ports.OutboxStore)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Delivery
from crime_detect_engine.domain.types import IncidentChanged

from . import outbox
from .database import Database
from .events import incident_event
from .media import MediaFolder
from .tables import incidents


class Deliveries:
    """Each call is one transaction in the store thread and raises StoreError when the database refuses."""

    def __init__(self, database: Database, folder: MediaFolder, clock: Clock) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock

    async def due(self, channel: str, now: datetime, limit: int = 50) -> Sequence[Delivery]:
        return await self._database.read(lambda c: outbox.due(c, channel, now, limit))

    async def add_once(self, channel: str, recipient: str) -> bool:
        """A delivery that tells of no event, unless this recipient key has or had one; whether it is new."""
        at = self._clock.now()
        return await self._database.write(lambda c: outbox.enqueue_once(c, channel, recipient, at))

    async def mark_sending(self, delivery_id: int) -> None:
        await self._database.write(lambda c: outbox.mark_sending(c, delivery_id))

    async def mark_sent(self, delivery_id: int, receipt: str | None, at: datetime) -> None:
        await self._database.write(lambda c: outbox.mark_sent(c, delivery_id, receipt, at))

    async def mark_failed(
        self, delivery_id: int, error: str, retry_at: datetime | None, *, ambiguous: bool = False
    ) -> None:
        at = self._clock.now()
        await self._database.write(
            lambda c: outbox.mark_failed(c, delivery_id, error, retry_at, at, ambiguous=ambiguous)
        )

    async def event(self, seq: int) -> IncidentChanged | None:
        return await self._database.read(lambda c: incident_event(c, seq))

    async def snapshot_jpeg(self, incident_id: str) -> bytes | None:
        """None when there is none any more. Raises StoreError when the file cannot be read."""

        query = select(incidents.c.snapshot).where(incidents.c.incident_id == incident_id)
        relative: str | None = await self._database.read(lambda c: c.execute(query).scalar())
        if relative is None:
            return None
        try:
            return await asyncio.to_thread(self._folder.read, relative)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"a snapshot cannot be read: {error.strerror or error}") from error

    async def pending_counts(self) -> Mapping[str, int]:
        return await self._database.read(outbox.pending_counts)
