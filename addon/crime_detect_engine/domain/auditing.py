"""Owns what an audit entry is, and what may be asked of the audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from .administration import Actor


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what. `link` is the entry's place in the hash chain and the hash of that link."""

    id: int
    at: datetime
    actor: str
    role: str
    action: str
    target: str
    details: Mapping[str, Any]
    link: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """`actor` and `target` are parts of names, `end` is exclusive, `cursor` is what a page ended with."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Newest first."""

    items: Sequence[AuditEntry]
    next_cursor: str | None


class AuditFormat(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class Auditing(Protocol):
    async def audit(self, query: AuditQuery) -> AuditPage:
        """Raises InvalidInputError for a cursor that is none."""
        ...

    async def audit_actions(self) -> Sequence[str]:
        """Those that occur."""
        ...

    async def export_audit(self, query: AuditQuery, format_: AuditFormat, actor: Actor) -> AsyncIterator[bytes]:
        """Oldest first, all that the query finds. JSON lines hold the chain's links and can be checked offline."""
        ...

    def note_access(self, actor: Actor, action: str, target: str, details: Mapping[str, Any]) -> None:
        """Returns at once; it is written within seconds. Of what does not fit in the queue the audit tells how many."""
        ...
