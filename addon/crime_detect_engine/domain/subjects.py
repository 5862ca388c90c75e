"""Owns what people in pictures may ask for: what is kept of a time and place, a copy of it, and its erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from .administration import Actor
from .media import StoredMedia


@dataclass(frozen=True, slots=True)
class SubjectQuery:
    """From `start` to `end`; `cameras` None is all, those included that are gone."""

    start: datetime
    end: datetime
    cameras: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """One incident of that time and place; `files` is how many are kept of it, with `bytes` on the disk."""

    incident_id: str
    camera: str
    label: str
    started_at: datetime
    ended_at: datetime | None
    hold: bool
    files: int
    bytes: int

    @property
    def spared(self) -> str | None:
        """Why it is not erased; None where it is."""
        if self.hold:
            return "on hold"
        return "still going on" if self.ended_at is None else None


@dataclass(frozen=True, slots=True)
class SubjectFinding:
    """What is kept. `confirm` stands for exactly these records: whoever erases sends it back."""

    records: Sequence[SubjectRecord]
    confirm: str

    @property
    def bytes(self) -> int:
        return sum(one.bytes for one in self.records)


@dataclass(frozen=True, slots=True)
class SubjectExport:
    """A ZIP that whoever asked for it deletes."""

    path: Path
    content: StoredMedia
    size_bytes: int
    incidents: int


@dataclass(frozen=True, slots=True)
class Erasure:
    """What went: `incidents` with `files` of `bytes`; `spared` are those on hold or still going on."""

    incidents: int
    files: int
    bytes: int
    spared: Sequence[SubjectRecord]


class SubjectRights(Protocol):
    """All are audited. Raise InvalidInputError for times in the wrong order, and StoreError."""

    async def find(self, query: SubjectQuery, actor: Actor) -> SubjectFinding: ...

    async def export(self, query: SubjectQuery, actor: Actor) -> SubjectExport:
        """Also InvalidInputError for more than the disk has room for."""
        ...

    async def erase(self, query: SubjectQuery, confirm: str, reason: str, actor: Actor) -> Erasure:
        """Also InvalidInputError where `confirm` is not of what is kept now."""
        ...
