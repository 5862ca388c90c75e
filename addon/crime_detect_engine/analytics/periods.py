"""Owns days, weeks and months in the site's time zone: where they begin and end, also when the clock is changed."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.reporting import MONTHS, ReportKind, ReportQuery

_HOUR = timedelta(hours=1)
_FIRST_YEAR, _LAST_YEAR = 1990, 9990


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to, not including, `end`; both UTC. `first_day` to `last_day` are days of `zone`."""

    kind: ReportKind
    first_day: date
    last_day: date
    start: datetime
    end: datetime
    zone: tzinfo

    @property
    def hours(self) -> float:
        """23 or 25 for a day on which the clock is changed."""
        return (self.end - self.start).total_seconds() / 3600

    @property
    def days(self) -> int:
        return (self.last_day - self.first_day).days + 1

    @property
    def name(self) -> str:
        """`daily-2026-11-20`."""
        return f"{self.kind}-{self.first_day.isoformat()}"

    def before(self) -> Period:
        """The day, week or month before; where this one is cut, so is that, at the same time of day."""
        whole = period_of(self.kind, self.first_day - timedelta(days=1), self.zone)
        back = self.first_day - whole.first_day
        cut = self.end < midnight(self.last_day + timedelta(days=1), self.zone)
        end = min(_back(self.end, back, self.zone), whole.end) if cut else whole.end
        return replace(whole, start=min(_back(self.start, back, self.zone), end), end=end)

    def slots(self) -> Iterator[tuple[datetime, datetime]]:
        """The hours of a day, else the days: (start, end) in UTC, as many as there really are."""
        if self.kind is ReportKind.DAILY:
            at = midnight(self.first_day, self.zone)
            last = midnight(self.first_day + timedelta(days=1), self.zone)
            while at < last:
                yield at, min(at + _HOUR, last)
                at += _HOUR
            return
        for offset in range(self.days):
            day = self.first_day + timedelta(days=offset)
            yield midnight(day, self.zone), midnight(day + timedelta(days=1), self.zone)


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins, in UTC; where midnight is skipped, the day begins with the hour after."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _back(at: datetime, back: timedelta, zone: tzinfo) -> datetime:
    local = at.astimezone(zone)
    return (local.replace(tzinfo=None) - back).replace(tzinfo=zone, fold=local.fold).astimezone(UTC)


def period_of(kind: ReportKind, day: date, zone: tzinfo) -> Period:
    """The day, or the week from Monday to Sunday or the month that it is part of.

    Raises InvalidInputError far from our times.
    """
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InvalidInputError("Not valid: date.", {"date": f"a year from {_FIRST_YEAR} to {_LAST_YEAR}"})
    first = last = day
    if kind is ReportKind.WEEKLY:
        first = day - timedelta(days=day.weekday())
        last = first + timedelta(days=6)
    elif kind in MONTHS:
        first = day.replace(day=1)
        last = day.replace(day=monthrange(day.year, day.month)[1])
    return Period(kind, first, last, midnight(first, zone), midnight(last + timedelta(days=1), zone), zone)


def last_complete(kind: ReportKind, now: datetime, zone: tzinfo) -> Period:
    """Yesterday, or the week or month before this one."""
    this = period_of(kind, now.astimezone(zone).date(), zone)
    return period_of(kind, this.first_day - timedelta(days=1), zone)


def period_asked(query: ReportQuery, now: datetime, zone: tzinfo) -> Period:
    """Raises InvalidInputError when `start` and `end` leave nothing of it."""
    whole = last_complete(query.kind, now, zone) if query.day is None else period_of(query.kind, query.day, zone)
    start, end = max(query.start or whole.start, whole.start), min(query.end or whole.end, whole.end)
    if start >= end:
        raise InvalidInputError("Not valid: from, to.", {"from": f"nothing of the {query.kind} period is between them"})
    return replace(whole, start=start, end=end)
