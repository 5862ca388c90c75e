"""Owns the audit: who asked for what, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select

from crime_detect_engine.domain.auditing import AuditEntry as AuditEntry
from crime_detect_engine.domain.auditing import AuditPage, AuditQuery
from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.wire import timestamp

from .access_log import AccessLog
from .chain import chain_audit, erase
from .database import Database
from .evidence.links import AUDIT, Content, Link
from .tables import audit, chain, chain_contents

MOST = 200


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
    """`append` is for actions whose effect lies outside the database (settings, evidence), `accesses` for what was
    only looked at."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.accesses = AccessLog(database, clock, append_audit)

    async def append(self, actor: Actor, action: str, target: str, details: Mapping[str, Any] | None = None) -> None:
        at = self._clock.now()
        await self._database.write(lambda c: append_audit(c, at, actor, action, target, details or {}))

    async def list(self, limit: int = 100, before_id: int | None = None) -> Sequence[AuditEntry]:
        """Newest first; `before_id` pages back. Without links."""

        def read(connection: Connection) -> Sequence[AuditEntry]:
            query = select(audit).order_by(audit.c.id.desc()).limit(limit)
            if before_id is not None:
                query = query.where(audit.c.id < before_id)
            return [AuditEntry(**row._asdict()) for row in connection.execute(query)]

        return await self._database.read(read)

    async def find(self, query: AuditQuery) -> AuditPage:
        """Newest first, with links. Raises InvalidInputError for a cursor or limit that is not allowed."""
        where = _conditions(query)
        if not 1 <= query.limit <= MOST:
            raise InvalidInputError(f"limit goes from 1 to {MOST}", {"limit": f"1 to {MOST}"})
        if query.cursor is not None:
            if not (query.cursor.isascii() and query.cursor.isdigit() and len(query.cursor) <= 18):
                raise InvalidInputError("this cursor is none of ours", {"cursor": "not a cursor"})
            where.append(audit.c.id < int(query.cursor))
        wanted = select(audit).where(and_(*where)).order_by(audit.c.id.desc()).limit(query.limit + 1)

        def read(connection: Connection) -> AuditPage:
            rows = connection.execute(wanted).all()
            shown = rows[: query.limit]
            found = _links(connection, [row.id for row in shown])
            items = [AuditEntry(**row._asdict(), link=found.get(row.id)) for row in shown]
            return AuditPage(items, str(shown[-1].id) if len(rows) > len(shown) else None)

        return await self._database.read(read)

    async def after(self, query: AuditQuery, entry_id: int, limit: int) -> Sequence[AuditEntry]:
        """Oldest first from the one after `entry_id` on, with links; `query.cursor` and `query.limit` do not count."""
        where = and_(audit.c.id > entry_id, *_conditions(query))
        wanted = select(audit).where(where).order_by(audit.c.id).limit(limit)

        def read(connection: Connection) -> Sequence[AuditEntry]:
            rows = connection.execute(wanted).all()
            found = _links(connection, [row.id for row in rows])
            return [AuditEntry(**row._asdict(), link=found.get(row.id)) for row in rows]

        return await self._database.read(read)

    async def actions(self) -> Sequence[str]:
        return await self._database.read(
            lambda c: c.execute(select(audit.c.action).distinct().order_by(audit.c.action)).scalars().all()
        )

    async def span(self, query: AuditQuery) -> tuple[int, int]:
        """First and last number of the links from `query.start` to `query.end`, (1, 0) where there are none."""
        where: list[ColumnElement[bool]] = [chain.c.seq > 0]
        where += [chain.c.at >= str(timestamp(query.start))] if query.start else []
        where += [chain.c.at < str(timestamp(query.end))] if query.end else []
        ends = select(func.min(chain.c.seq), func.max(chain.c.seq)).where(and_(*where))
        first, last = await self._database.read(lambda c: c.execute(ends).one())
        return (1, 0) if first is None else (first, last)

    async def part(self, query: AuditQuery, first: int, last: int) -> Sequence[tuple[Link, Content | None]]:
        """The links of these numbers; content only of audit entries that the query finds, whatever their time."""
        joined = chain.outerjoin(chain_contents, and_(chain.c.seq == chain_contents.c.seq, chain.c.kind == AUDIT))
        columns = (*chain.c, chain_contents.c.subject, chain_contents.c.salt, chain_contents.c.content)
        wanted = select(*columns).select_from(joined).where(chain.c.seq.between(first, last)).order_by(chain.c.seq)

        def read(connection: Connection) -> Sequence[tuple[Link, Content | None]]:
            rows = connection.execute(wanted).all()
            ids = [int(row.subject.partition(":")[2]) for row in rows if row.subject is not None]
            matching = select(audit.c.id).where(and_(audit.c.id.in_(ids), *_conditions(query)))
            shown = {f"{AUDIT}:{entry_id}" for entry_id in connection.execute(matching).scalars()} if ids else set()
            return [
                (
                    Link(row.seq, row.at, row.kind, row.digest, row.previous, row.hash),
                    Content(row.subject, row.salt, row.content) if row.subject in shown else None,
                )
                for row in rows
            ]

        return await self._database.read(read)


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [audit.c.id > 0]
    if query.actor:
        conditions.append(audit.c.actor.icontains(query.actor, autoescape=True))
    if query.target:
        conditions.append(audit.c.target.icontains(query.target, autoescape=True))
    if query.action:
        conditions.append(audit.c.action == query.action)
    if query.start:
        conditions.append(audit.c.at >= query.start)
    if query.end:
        conditions.append(audit.c.at < query.end)
    return conditions


def _links(connection: Connection, ids: Sequence[int]) -> Mapping[int, tuple[int, str]]:
    subjects = [f"{AUDIT}:{entry_id}" for entry_id in ids]
    query = (
        select(chain_contents.c.subject, chain.c.seq, chain.c.hash)
        .join(chain, chain.c.seq == chain_contents.c.seq)
        .where(chain_contents.c.subject.in_(subjects))
    )
    return {int(row.subject.partition(":")[2]): (row.seq, row.hash) for row in connection.execute(query)}
