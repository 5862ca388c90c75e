"""Owns which incidents the media browser lists: from the engine, or over a broker from what we remember.

Only incidents at or above `alert`. Days are found by asking for the newest incident before each, so that a day of a
thousand incidents costs as little as a day of one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from homeassistant.util import dt as dt_util

from .coordinator import CrimeDetectCoordinator
from .engine.client import EngineClient
from .engine.models import Incident, Severity

DAYS = 31
"""A page of days; older ones follow on the next."""
PAGE = 100
PAGES = 10
"""A day shows PAGE x PAGES incidents of a severity at most."""
_TOLD = (Severity.ALERT, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Days:
    days: list[date]
    """Newest first, in Home Assistant's time zone."""
    more: bool


@dataclass(frozen=True, slots=True)
class OfDay:
    incidents: list[Incident]
    """Newest first."""
    more: bool


async def async_days(coordinator: CrimeDetectCoordinator, camera: str, before: date | None) -> Days:
    """Days with incidents, those before `before` only. Raises EngineError."""
    if (client := coordinator.link.client) is None:
        known = {_day_of(one) for one in coordinator.history.newest(camera)}
        days = sorted((day for day in known if before is None or day < before), reverse=True)
        return Days(days[:DAYS], len(days) > DAYS)
    found: list[date] = []
    while (newest := await _newest(client, camera, before)) is not None:
        if len(found) == DAYS:
            return Days(found, True)
        before = _day_of(newest)
        found.append(before)
    return Days(found, False)


async def async_incidents(coordinator: CrimeDetectCoordinator, camera: str, day: date) -> OfDay:
    """Raises EngineError."""
    if (client := coordinator.link.client) is None:
        return OfDay([one for one in coordinator.history.newest(camera) if _day_of(one) == day], False)
    since, until = _start(day), _start(day + timedelta(days=1)) - timedelta(milliseconds=1)
    both = await asyncio.gather(*(_all(client, camera, severity, since, until) for severity in _TOLD))
    incidents = [incident for found, _ in both for incident in found]
    incidents.sort(key=lambda one: (one.started_at, one.incident_id), reverse=True)
    return OfDay(incidents, any(more for _, more in both))


async def _newest(client: EngineClient, camera: str, before: date | None) -> Incident | None:
    until = None if before is None else _text(_start(before) - timedelta(milliseconds=1))
    pages = await asyncio.gather(
        *(client.incidents(camera=camera, severity=_name(severity), until=until, limit=1) for severity in _TOLD)
    )
    found = [incident for page, _ in pages for incident in page]
    return max(found, key=lambda one: one.started_at, default=None)


async def _all(
    client: EngineClient, camera: str, severity: Severity, since: datetime, until: datetime
) -> tuple[list[Incident], bool]:
    found: list[Incident] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page, cursor = await client.incidents(
            camera=camera,
            severity=_name(severity),
            since=_text(since),
            until=_text(until),
            cursor=cursor,
            limit=PAGE,
        )
        found += page
        if cursor is None:
            return found, False
    return found, True


def _day_of(incident: Incident) -> date:
    return dt_util.as_local(incident.started_at).date()


def _start(day: date) -> datetime:
    return dt_util.as_utc(datetime.combine(day, time(), dt_util.get_default_time_zone()))


def _text(at: datetime) -> str:
    """As the engine writes times: its answers and our limits compare as text, too."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _name(severity: Severity) -> str:
    return severity.name.lower()
