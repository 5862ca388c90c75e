"""Owns the summary for the public: what is counted of a month, kept before it is forgotten, and printed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from . import __version__
from .analytics.periods import Period, last_complete, midnight, period_of
from .analytics.public import PublicFigures, public_csv, public_html, public_json
from .analytics.uptime import UptimeTally
from .analytics.words import days_of
from .domain.clock import Clock
from .domain.errors import InvalidInputError, StoreError
from .domain.reporting import ReportFile, ReportFormat, ReportKind, ReportLetter, ReportQuery
from .domain.types import Severity
from .outputs.report_mail import PublicOptions, WriteReport
from .reporting import ReportSite, keeps_texts
from .store.store import Store

_LOG = logging.getLogger(__name__)
LOOK_EVERY_S = 3600.0
_KNOWN_DAYS = 6
"""How far back the event log reaches at least, in whole days."""
_DONE = {
    "copies_for_people_in_the_picture": "subject_export",
    "erasures_for_people_in_the_picture": "subject_erase",
    "incidents_deleted_by_people": "delete",
    "evidence_packages_made": "evidence",
    "accesses_to_unblurred_originals": "original",
}
_TYPES = {ReportFormat.JSON: "application/json", ReportFormat.CSV: "text/csv; charset=utf-8; header=present"}


@dataclass(frozen=True, slots=True)
class _Made:
    at_tick_s: float
    file: ReportFile


class PublicSummaries:
    """See domain.reporting.PublicSummaries. `options` are those in force when it is called."""

    def __init__(
        self, store: Store, site: ReportSite, options: Callable[[], PublicOptions | None], clock: Clock
    ) -> None:
        self._store = store
        self._site = site
        self._options = options
        self._clock = clock
        self._making = asyncio.Lock()
        self._made: dict[tuple[str, str], _Made] = {}

    def served(self) -> bool:
        options = self._options()
        return options is not None and options.serve

    async def make(self, month: date | None, format_: ReportFormat, *, over: bool = False) -> ReportFile:
        """Made at most once an hour, whoever asks how often. Raises InvalidInputError and StoreError."""
        if format_ is ReportFormat.PDF:
            raise InvalidInputError("Not valid: format.", {"format": "html, csv or json"})
        period = self._period(month)
        if over and period.end > self._clock.now():
            # Who asks every hour would learn in which hour something happened.
            raise InvalidInputError("Not valid: month.", {"month": "is not over"})
        key, now = (period.name, str(format_)), self._clock.tick_s()
        async with self._making:
            made = self._made.get(key)
            if made is None or now - made.at_tick_s >= LOOK_EVERY_S:
                self._made = {one: kept for one, kept in self._made.items() if now - kept.at_tick_s < LOOK_EVERY_S}
                figures = await self._figures(period)
                made = self._made[key] = _Made(now, self._printed(figures, format_))
        return made.file

    async def letter(self, query: ReportQuery, formats: Sequence[ReportFormat]) -> ReportLetter:
        period = self._period(query.day)
        figures = await self._figures(period)
        files = tuple(self._printed(figures, format_) for format_ in formats)
        title = f"Summary for the public, {days_of(period)}"
        text = f"{title} ({period.zone})\n\nCounts alone; small ones are hidden. It may be given to everybody.\n"
        return ReportLetter(f"{self._site.instance}: {title}", text, files)

    def writer(self, others: WriteReport) -> WriteReport:
        """What writes letters of every kind."""

        async def write(query: ReportQuery, formats: Sequence[ReportFormat]) -> ReportLetter:
            return await (self.letter if query.kind is ReportKind.PUBLIC else others)(query, formats)

        return write

    async def run(self) -> None:
        """Until cancelled: keeps how long cameras were seen, day by day, before the event log forgets it."""
        while True:
            try:
                await self.keep_watched()
            except StoreError as error:
                _LOG.warning("how long cameras were seen is not kept: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def keep_watched(self) -> None:
        """Of each whole day that the event log still knows and that is not kept yet. Raises StoreError."""
        today = self._clock.now().astimezone(self._site.zone).date()
        for back in range(_KNOWN_DAYS, 0, -1):
            day = today - timedelta(days=back)
            kept = await self._store.figures.watched(_month(day))
            if day.isoformat() not in kept:
                hours, known = await self._watched_on(day)
                if known:
                    await self._store.figures.keep_watched(_month(day), {**kept, day.isoformat(): round(hours, 2)})

    async def _watched_on(self, day: date) -> tuple[float, bool]:
        start, end = (midnight(one, self._site.zone) for one in (day, day + timedelta(days=1)))
        tally, seq = UptimeTally(start, end), 0
        while words := await self._store.figures.camera_words(start, end, seq):
            for word in words:
                tally.add(word)
            seq = words[-1].seq
        seen = tally.finish()
        return sum(one.online_s for one in seen.values()) / 3600, bool(seen)

    def _period(self, month: date | None) -> Period:
        now, zone = self._clock.now(), self._site.zone
        kind = ReportKind.PUBLIC
        period = last_complete(kind, now, zone) if month is None else period_of(kind, month, zone)
        if period.start > now:
            raise InvalidInputError("Not valid: month.", {"month": "has not begun"})
        return period

    async def _figures(self, period: Period) -> PublicFigures:
        store, options = self._store, self._options()
        labels, verdicts, logged = await self._counts(period)
        watched = await store.figures.watched(_month(period.first_day))
        records, oldest = await store.figures.kept()
        storage, names = await store.storage(), self._site.cameras()
        actions = await store.figures.actions(period.start, period.end, tuple(_DONE.values()))
        return PublicFigures(
            period, self._clock.now(), self._site.instance, __version__, len(names), labels, verdicts, logged,
            sum(watched.values()), len(watched), {name: actions[action] for name, action in _DONE.items()},
            records, storage["media_bytes"], oldest, keeps_texts(store.retention.options),
            tuple(sorted(names.values())) if options is not None and options.names else (),
        )  # fmt: skip

    async def _counts(self, period: Period) -> tuple[Mapping[str, int], Mapping[str, int], int]:
        """Alerts by class and by verdict, and what was only logged; also of what retention has taken since."""
        labels: Counter[str] = Counter()
        verdicts: Counter[str] = Counter({"confirmed": 0, "false_alarm": 0, "none": 0})
        logged = 0
        first, last = period.start.date(), period.end.date() + timedelta(days=1)
        for one in await self._store.retention.trends(first, last):
            if not period.start <= datetime.combine(one.day, time(one.hour), UTC) < period.end:
                continue
            if one.severity < Severity.ALERT:
                logged += one.count
                continue
            labels[one.label] += one.count
            verdicts[one.verdict or "none"] += one.count
        return dict(sorted(labels.items())), dict(verdicts), logged

    def _printed(self, figures: PublicFigures, format_: ReportFormat) -> ReportFile:
        name = f"{self._site.instance}-public-{_month(figures.period.first_day)}.{format_}"
        if format_ is ReportFormat.HTML:
            return ReportFile(name, "text/html; charset=utf-8", public_html(figures).encode())
        if format_ is ReportFormat.CSV:
            return ReportFile(name, _TYPES[format_], public_csv(figures).encode())
        text: dict[str, Any] = public_json(figures)
        return ReportFile(name, _TYPES[format_], (json.dumps(text, indent=1, ensure_ascii=False) + "\n").encode())


def _month(day: date) -> str:
    return f"{day:%Y-%m}"
