"""Owns the audit: who asked for what, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor

from .chain import chain_audit, erase
from .database import Database
from .evidence.links import AUDIT
from .tables import audit


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: int
    at: datetime
    actor: str
    role: str
    action: str
    target: str
    details: Mapping[str, Any]


def append_audit(
    connection: Connection, at: datetime, actor: Actor, action: str, target: str, details: Mapping[str, Any]
) -> None:
    """In the caller's transaction, so that nothing is done unseen. `details` must be free of secrets."""
    added = connection.execute(
        insert(audit).values(
            at=at, actor=actor.name[:128], role=actor.role, action=action, target=target, details=dict(details)
        )
    )
    key: Any = added.inserted_primary_key
    chain_audit(connection, key.id, at)


def prune_audit(connection: Connection, now: datetime, keep_s: float) -> int:
    old = audit.c.at < now - timedelta(seconds=keep_s)
    ids = connection.execute(select(audit.c.id).where(old)).scalars().all()
    erase(connection, [f"{AUDIT}:{entry_id}" for entry_id in ids], now)
    return connection.execute(delete(audit).where(old)).rowcount


class Audit:
    """For actions whose effect lies outside the database (settings, evidence)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def append(self, actor: Actor, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
        at = self._clock.now()
        await self._database.write(lambda c: append_audit(c, at, actor, action, target, details or {}))

    async def list(self, limit: int = 100, before_id: int | None = None) -> Sequence[AuditEntry]:
        """Newest first; `before_id` pages back."""

        def read(connection: Connection) -> Sequence[AuditEntry]:
            query = select(audit).order_by(audit.c.id.desc()).limit(limit)
            if before_id is not None:
                query = query.where(audit.c.id < before_id)
            return [
                AuditEntry(row.id, row.at, row.actor, row.role, row.action, row.target, row.details)
                for row in connection.execute(query)
            ]

        return await self._database.read(read)
