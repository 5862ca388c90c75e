"""Owns the audit as people and programs get it: pages, and exports as CSV or signed JSON lines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from .analytics.sheets import csv_text
from .domain.auditing import AuditEntry, AuditFormat, AuditPage, AuditQuery
from .domain.clock import Clock
from .domain.ports import Actor
from .domain.wire import timestamp
from .store.audit_file import AuditWriter
from .store.store import Store

PART = 500
COLUMNS = ("id", "at", "actor", "role", "action", "target", "details", "link", "hash")


class Auditor:
    """See domain.auditing.Auditing."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def audit(self, query: AuditQuery) -> AuditPage:
        return await self._store.audit.find(query)

    async def audit_actions(self) -> Sequence[str]:
        return await self._store.audit.actions()

    def note_access(self, actor: Actor, action: str, target: str, details: Mapping[str, Any]) -> None:
        self._store.audit.accesses.note(actor, action, target, details)

    async def export_audit(self, query: AuditQuery, format_: AuditFormat, actor: Actor) -> AsyncIterator[bytes]:
        filters = filters_of(query)
        await self._store.audit.append(actor, "export_audit", "audit", {"format": str(format_), **filters})
        await self._store.audit.accesses.flush()
        return self._as_csv(query) if format_ is AuditFormat.CSV else self._as_lines(query, filters)

    async def _as_csv(self, query: AuditQuery) -> AsyncIterator[bytes]:
        yield csv_text([COLUMNS]).encode()
        after = 0
        while items := await self._store.audit.after(query, after, PART):
            yield csv_text(_cells(entry) for entry in items).encode()
            after = items[-1].id

    async def _as_lines(self, query: AuditQuery, filters: Mapping[str, Any]) -> AsyncIterator[bytes]:
        audit, writer = self._store.audit, AuditWriter(await self._store.evidence.key())
        yield writer.head(self._store.uuid, str(timestamp(self._clock.now())), filters)
        first, last = await audit.span(query)
        for start in range(first, last + 1, PART):
            links = await audit.part(query, start, min(start + PART - 1, last))
            yield b"".join(writer.link(link, content) for link, content in links)
        yield writer.end()


def filters_of(query: AuditQuery) -> dict[str, Any]:
    """What was searched for, without what was not."""
    asked = {
        "actor": query.actor, "action": query.action, "target": query.target,
        "from": query.start and timestamp(query.start), "to": query.end and timestamp(query.end),
    }  # fmt: skip
    return {key: value for key, value in asked.items() if value is not None}


def _cells(entry: AuditEntry) -> list[str | int | None]:
    details = json.dumps(dict(entry.details), ensure_ascii=False, sort_keys=True)
    seq, digest = entry.link or (None, None)
    return [
        entry.id, timestamp(entry.at), entry.actor, entry.role, entry.action, entry.target, details, seq, digest,
    ]  # fmt: skip
