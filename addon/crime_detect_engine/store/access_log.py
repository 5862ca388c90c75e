"""Owns the queue of accesses on their way into the audit: bounded, written in small batches, never waited for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Actor

from .database import Database

QUEUE = 1000
BATCH = 20
"""So few that an alert never waits long for the store's thread."""
PAUSE_S = 0.5
RETRY_S = 5.0
LOST = "audit_lost"
_ENGINE = Actor("engine", "admin")
Append = Callable[[Connection, datetime, Actor, str, str, Mapping[str, Any]], None]
_Entry = tuple[datetime, Actor, str, str, Mapping[str, Any]]


class AccessLog:
    """`run` writes until it is cancelled, then what is left. What a full queue cannot take is counted and told."""

    def __init__(self, database: Database, clock: Clock, append: Append) -> None:
        self._database = database
        self._append = append
        self._clock = clock
        self._queue: deque[_Entry] = deque()
        self._waiting = asyncio.Event()
        self._writing: asyncio.Task[bool] | None = None
        self._untold = 0
        self.lost = 0
        """Since the start."""

    def note(self, actor: Actor, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
        """Only from the event loop. `details` must be free of secrets."""
        if len(self._queue) >= QUEUE:
            self.lost += 1
            self._untold += 1
            return
        self._queue.append((self._clock.now(), actor, action[:32], target, details or {}))
        self._waiting.set()

    async def run(self) -> None:
        try:
            while True:
                await self._waiting.wait()
                self._waiting.clear()
                self._writing = asyncio.create_task(self._write())
                written = await asyncio.shield(self._writing)  # cancelled, it would be written and not known to be
                if self._queue or self._untold:
                    self._waiting.set()
                await asyncio.sleep(PAUSE_S if written else RETRY_S)
        finally:
            if self._writing is not None:
                await asyncio.gather(self._writing, return_exceptions=True)
            while self._queue and await self._write():
                pass

    async def flush(self) -> None:
        """Writes what is there. Raises StoreError."""
        while self._queue or self._untold:
            await self._write_batch()

    async def _write(self) -> bool:
        try:
            await self._write_batch()
        except StoreError:  # the database says so itself, in health and on the page
            return False
        return True

    async def _write_batch(self) -> None:
        entries = [self._queue[n] for n in range(min(BATCH, len(self._queue)))]
        lost, now = self._untold, self._clock.now()

        def job(connection: Connection) -> None:
            for entry in entries:
                self._append(connection, *entry)
            if lost:
                self._append(connection, now, _ENGINE, LOST, "audit", {"entries": lost})

        await self._database.write(job)
        for _ in entries:
            self._queue.popleft()
        self._untold -= lost
