"""Owns incidents and reports as the tests of the analytics need them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.analytics.periods import period_of
from crime_detect_engine.analytics.report import Place, Report, ReportBuilder
from crime_detect_engine.domain.reporting import ReportKind, ReportQuery
from crime_detect_engine.domain.types import Incident, IncidentSource, ModelRef, Severity
from crime_detect_engine.domain.ulid import ulid

ZONE = ZoneInfo("Europe/Amsterdam")
NIGHT = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
STORAGE = {
    "media_bytes": 1_500_000, "media_quota": 20 * 10**9, "free_bytes": 5 * 10**9, "media": {"yard": 1_500_000},
    "keeps": {"incidents": "30d"},
}  # fmt: skip

MakeIncident = Callable[..., Incident]
MakeReport = Callable[..., Report]


@pytest.fixture
def incident() -> MakeIncident:
    """An alert at the yard, on Friday 20 November 2026 at 02:30 in Amsterdam."""

    def make(**changes: Any) -> Incident:
        at = changes.pop("started_at", NIGHT)
        values: dict[str, Any] = {
            "camera": "yard", "source": IncidentSource.MODEL, "label": "fighting", "confidence": 0.91,
            "threshold": 0.8, "severity": Severity.ALERT, "notify": True, "suppressed_by": None, "started_at": at,
            "ended_at": at + timedelta(seconds=9), "model": ModelRef("demo", "1"),
        }  # fmt: skip
        values |= changes
        values.setdefault("incident_id", ulid(at, values["camera"], values["label"], repr(changes)))
        return Incident(**values)

    return make


@pytest.fixture
def report() -> MakeReport:
    """A report over incidents, of the day of NIGHT unless told otherwise."""

    def make(
        incidents: Sequence[Incident] = (),
        before: Sequence[Incident] = (),
        *,
        kind: ReportKind = ReportKind.DAILY,
        day: date = date(2026, 11, 20),
        zone: ZoneInfo = ZONE,
        cameras: dict[str, str] | None = None,
        acknowledged: dict[str, datetime] | None = None,
        pictures: dict[str, bytes] | None = None,
        **query: Any,
    ) -> Report:
        names = {"yard": "Yard", "shed": "Shed"} if cameras is None else cameras
        place = Place("home", names, "0.0.0", lambda one: f"https://home.example/incidents/{one}")
        builder = ReportBuilder(period_of(kind, day, zone), ReportQuery(kind, day, **query), place, acknowledged or {})
        builder.add(incidents)
        builder.add_before(before)
        return builder.build(NIGHT + timedelta(days=1), STORAGE, pictures or {})

    return make
