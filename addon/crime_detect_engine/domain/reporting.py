"""Owns what a report is asked by, what it is made of, and how it is handed over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from .types import Verdict

if TYPE_CHECKING:
    from .administration import Actor
    from .ports import IncidentQuery


class ReportKind(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    PUBLIC = "public"
    """The summary of a month for everybody: counts alone, small ones hidden."""


MONTHS = (ReportKind.MONTHLY, ReportKind.PUBLIC)
REPORTS = (ReportKind.DAILY, ReportKind.WEEKLY, ReportKind.MONTHLY)
"""Those with incidents in them, which are asked for by role and filter."""


class ReportFormat(StrEnum):
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """`day` is any day of the period in the site's time zone; None is the last period that is over.

    `start` and `end` cut the period; the other fields are those of a search for incidents.
    """

    kind: ReportKind
    day: date | None = None
    start: datetime | None = None
    end: datetime | None = None
    camera: str | None = None
    label: str | None = None
    min_confidence: float | None = None
    verdict: Verdict | None = None
    pictures: bool = True
    """Whether HTML and PDF have small pictures of incidents in them."""
    bom: bool = False
    """Whether CSV begins with the mark by which Excel knows UTF-8."""
    aggregates_only: bool = False
    """Counts and no single incident, which is all that an analyst gets whatever they ask for."""


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report as a file: `name` is safe in headers and on disks."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ReportLetter:
    """A report as it is mailed."""

    subject: str
    text: str
    files: tuple[ReportFile, ...]


@dataclass(frozen=True, slots=True)
class CameraWord:
    """What a camera's state was said to be at a time, for reports; `seq` of the event."""

    seq: int
    camera: str
    at: datetime
    state: str


class Reporting(Protocol):
    """What people and programs may ask of reports; both are audited and show the actor's own cameras only."""

    async def make_report(self, query: ReportQuery, format_: ReportFormat, actor: Actor) -> ReportFile:
        """Raises InvalidInputError for a period that cannot be reported on."""
        ...

    async def export_incidents(
        self, query: IncidentQuery, format_: ReportFormat, actor: Actor, *, bom: bool = False
    ) -> AsyncIterator[bytes]:
        """Everything that a search finds, as CSV or JSON, newest first, a page at a time; audited before the first."""
        ...


class PublicSummaries(Protocol):
    """What everybody may know."""

    def served(self) -> bool:
        """Whether the configuration gives it to everybody who asks."""
        ...

    async def make(self, month: date | None, format_: ReportFormat, *, over: bool = False) -> ReportFile:
        """`month` is any day of it; None is the last that is over, and with `over` no other is told.

        Raises InvalidInputError and StoreError.
        """
        ...
