"""Owns how a report comes about: what the store has is counted page by page and printed in a thread."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from . import __version__
from .analytics.html import report_html
from .analytics.periods import Period, period_asked
from .analytics.report import Place, Report, ReportBuilder, report_json
from .analytics.sheets import BOM, COLUMNS, Cell, cells, csv_text, figure_rows
from .analytics.words import conclusion, days_of, title_of
from .domain.accounts import includes
from .domain.clock import Clock
from .domain.errors import StoreError
from .domain.ports import Actor, IncidentQuery, Page, StoredMedia
from .domain.reporting import (
    CameraWord,
    ReportFile,
    ReportFormat,
    ReportLetter,
    ReportQuery,
)
from .domain.types import Incident
from .domain.units import format_duration
from .domain.wire import incident_json, timestamp
from .store.pictures import thumbnail
from .store.retention import UNJUDGED, RetentionOptions
from .store.store import Store

PAGE = 500
MAILED_FOR = Actor("reports by mail", "admin")
_TYPES = {
    ReportFormat.JSON: "application/json",
    ReportFormat.CSV: "text/csv; charset=utf-8; header=present",
    ReportFormat.HTML: "text/html; charset=utf-8",
    ReportFormat.PDF: "application/pdf",
}


class Records(Protocol):
    """What a report reads; `StoredRecords` over the real store."""

    async def incidents(self, query: IncidentQuery) -> Page: ...

    async def acknowledged(self, start: datetime) -> Mapping[str, datetime]: ...

    async def camera_words(self, start: datetime, end: datetime, after_seq: int) -> Sequence[CameraWord]: ...

    async def snapshot(self, incident: Incident, reader: str) -> StoredMedia | None: ...

    async def storage(self) -> Mapping[str, Any]: ...

    def keeps(self) -> RetentionOptions: ...

    async def audit(self, actor: Actor, action: str, target: str, details: Mapping[str, Any]) -> None: ...


class StoredRecords:
    """See Records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def incidents(self, query: IncidentQuery) -> Page:
        return await self._store.incidents(query)

    async def acknowledged(self, start: datetime) -> Mapping[str, datetime]:
        return await self._store.figures.acknowledged(start)

    async def camera_words(self, start: datetime, end: datetime, after_seq: int) -> Sequence[CameraWord]:
        return await self._store.figures.camera_words(start, end, after_seq)

    async def snapshot(self, incident: Incident, reader: str) -> StoredMedia | None:
        return await self._store.media(incident, "snapshot", reader)

    async def storage(self) -> Mapping[str, Any]:
        return await self._store.storage()

    def keeps(self) -> RetentionOptions:
        return self._store.retention.options

    async def audit(self, actor: Actor, action: str, target: str, details: Mapping[str, Any]) -> None:
        await self._store.audit.append(actor, action, target, details)


@dataclass(frozen=True, slots=True)
class ReportSite:
    """What reports say of the place. `cameras`: names for people by id, as they are now."""

    instance: str
    zone: ZoneInfo
    cameras: Callable[[], Mapping[str, str]]
    base_url: str | None = None

    def link(self, incident_id: str) -> str | None:
        return None if self.base_url is None else f"{self.base_url.rstrip('/')}/incidents/{incident_id}"


class Reporter:
    """See domain.reporting.Reporting. Printing takes a core for up to seconds: one report at a time is made."""

    def __init__(self, records: Records, site: ReportSite, clock: Clock) -> None:
        self._records = records
        self._site = site
        self._clock = clock
        self._place = asyncio.Semaphore(1)

    async def make_report(self, query: ReportQuery, format_: ReportFormat, actor: Actor) -> ReportFile:
        if not includes(actor.role, "viewer"):
            query = replace(query, aggregates_only=True, pictures=False)
        period = period_asked(query, self._clock.now(), self._site.zone)
        details = {"format": str(format_), "from": timestamp(period.start), "to": timestamp(period.end)}
        await self._records.audit(actor, "read_report", period.name, details)
        async with self._place:
            report = await self._gather(period, query, actor, pictures=format_ in (ReportFormat.HTML, ReportFormat.PDF))
            return await self._print(report, format_)

    async def letter(self, query: ReportQuery, formats: Sequence[ReportFormat]) -> ReportLetter:
        """The report as it is mailed to people whom the configuration names: all cameras."""
        period = period_asked(query, self._clock.now(), self._site.zone)
        details = {"format": ", ".join(formats), "from": timestamp(period.start), "to": timestamp(period.end)}
        await self._records.audit(MAILED_FOR, "read_report", period.name, details)
        async with self._place:
            report = await self._gather(period, query, MAILED_FOR, pictures=True)
            files = [await self._print(report, format_) for format_ in formats]
        return ReportLetter(
            f"{title_of(report)} {self._site.instance}, {days_of(period)}: {report.figures.alerts} alerts",
            f"{title_of(report)}, {days_of(period)} ({period.zone})\n\n{conclusion(report)}\n\n"
            f"{len(files)} file{'s' if len(files) > 1 else ''} attached.\n",
            tuple(files),
        )

    async def export_incidents(
        self, query: IncidentQuery, format_: ReportFormat, actor: Actor, *, bom: bool = False
    ) -> AsyncIterator[bytes]:
        searched = {
            "format": str(format_), "camera": query.camera, "label": query.label, "from": timestamp(query.start),
            "to": timestamp(query.end), "text": query.text, "min_confidence": query.min_confidence,
            "severity": query.severity and query.severity.wire, "verdict": query.verdict and str(query.verdict),
        }  # fmt: skip
        asked = {key: value for key, value in searched.items() if value is not None}
        await self._records.audit(actor, "export", "incidents", asked)
        return self._exported(query, format_, bom=bom)

    async def _exported(self, query: IncidentQuery, format_: ReportFormat, *, bom: bool) -> AsyncIterator[bytes]:
        names, as_csv, first = self._site.cameras(), format_ is ReportFormat.CSV, True
        yield (f"{BOM if bom else ''}{csv_text([COLUMNS])}" if as_csv else '{"items": [').encode()
        async for incidents in self._pages(query):
            if as_csv:
                yield csv_text(self._cells(one, names) for one in incidents).encode()
            elif incidents:
                text = ",\n".join(json.dumps(incident_json(one), ensure_ascii=False) for one in incidents)
                yield (text if first else f",\n{text}").encode()
                first = False
        if not as_csv:
            yield b'], "next_cursor": null}\n'

    def _cells(self, incident: Incident, names: Mapping[str, str]) -> list[Cell]:
        link = self._site.link(incident.incident_id)
        return cells(incident, names.get(incident.camera, incident.camera), link)

    async def _pages(self, query: IncidentQuery) -> AsyncIterator[Sequence[Incident]]:
        query = replace(query, limit=PAGE, cursor=None)
        while True:
            page = await self._records.incidents(query)
            yield page.items
            if page.next_cursor is None:
                return
            query = replace(query, cursor=page.next_cursor)

    async def _gather(self, period: Period, query: ReportQuery, actor: Actor, *, pictures: bool) -> Report:
        keeps = self._records.keeps()
        names = {camera: name for camera, name in self._site.cameras().items() if actor.may_see(camera)}
        place = Place(
            self._site.instance, names, __version__, self._site.link, lambda one: kept_until(one, keeps)
        )  # fmt: skip
        builder = ReportBuilder(period, query, place, await self._records.acknowledged(period.start))
        async for incidents in self._pages(_search(query, period, actor)):
            builder.add(incidents)
        async for incidents in self._pages(_search(query, period.before(), actor)):
            builder.add_before(incidents)
        seq = 0
        while words := await self._records.camera_words(period.start, period.end, seq):
            builder.add_words(words)
            seq = words[-1].seq
        shown: dict[str, bytes] = {}
        for incident in builder.wanted_pictures() if pictures and query.pictures else ():
            stored = await self._records.snapshot(incident, f"report for {actor.name}"[:64])
            picture = None if stored is None else await asyncio.to_thread(_small, stored)
            if picture is not None:
                shown[incident.incident_id] = picture
        return builder.build(self._clock.now(), self._storage(await self._records.storage(), keeps, actor), shown)

    def _storage(self, storage: Mapping[str, Any], keeps: RetentionOptions, actor: Actor) -> Mapping[str, Any]:
        """Who sees some cameras learns what those take, and nothing of the disk."""
        media: Mapping[str, Mapping[str, int]] = storage["media"]
        own = {camera: sum(kinds.values()) for camera, kinds in media.items() if actor.may_see(camera)}
        shown: dict[str, Any] = {"media_bytes": sum(own.values()), "media": own, "keeps": keeps_texts(keeps)}
        if actor.cameras is None:
            shown |= {"media_quota": storage["media_quota"], "free_bytes": storage["free_bytes"]}
        return shown

    async def _print(self, report: Report, format_: ReportFormat) -> ReportFile:
        data = await asyncio.to_thread(self._printed, report, format_)
        return ReportFile(f"{self._site.instance}-{report.period.name}.{format_}", _TYPES[format_], data)

    def _printed(self, report: Report, format_: ReportFormat) -> bytes:
        if format_ is ReportFormat.HTML:
            return report_html(report).encode()
        if format_ is ReportFormat.PDF:
            from .analytics.pdf import report_pdf  # takes a third of a second, which a start need not

            return report_pdf(report)
        if format_ is ReportFormat.JSON:
            return json.dumps(report_json(report), ensure_ascii=False, indent=1).encode()
        listed = [self._cells(entry.incident, report.place.cameras) for entry in report.entries]
        rows = figure_rows(report) if report.query.aggregates_only else [COLUMNS, *listed]
        return f"{BOM if report.query.bom else ''}{csv_text(rows)}".encode()


def _small(stored: StoredMedia) -> bytes | None:
    """None where the picture is gone, or does not open: the rest of the report is worth having."""
    try:
        return thumbnail(stored.read())
    except (OSError, StoreError):
        return None


def _search(query: ReportQuery, period: Period, actor: Actor) -> IncidentQuery:
    return IncidentQuery(
        camera=query.camera,
        cameras=actor.cameras,
        label=query.label,
        start=period.start,
        end=period.end,
        min_confidence=query.min_confidence,
        verdict=query.verdict,
    )


def kept_until(incident: Incident, keeps: RetentionOptions) -> datetime | None:
    """When retention takes the record; None for what goes on or is on hold."""
    if incident.ended_at is None or incident.hold:
        return None
    verdict = None if incident.verdict is None else str(incident.verdict)
    seconds, _ = keeps.period(incident.severity, incident.label, verdict)
    return incident.ended_at + timedelta(seconds=seconds)


def keeps_texts(keeps: RetentionOptions) -> dict[str, str]:
    """What is kept and for how long, by name."""
    periods = {"incidents": keeps.incidents_s, "below_threshold": keeps.below_threshold_s, **keeps.per_class_s}
    periods |= {"not_judged" if name == UNJUDGED else name: keep for name, keep in keeps.per_verdict_s.items()}
    media = {"snapshots": keeps.snapshots_s, "clips": keeps.clips_s, "originals": keeps.originals_s}
    periods |= {name: seconds for name, seconds in media.items() if seconds is not None}
    return {name: format_duration(seconds) for name, seconds in periods.items()}
