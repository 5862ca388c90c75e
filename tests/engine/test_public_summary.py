"""The summary for everybody over a real store: what is counted, what is remembered, what is mailed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.reporting import ReportFormat, ReportKind, ReportQuery
from crime_detect_engine.domain.types import Alert, ChangeType, Severity, Verdict
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.outputs.report_mail import PublicOptions
from crime_detect_engine.public_summary import PublicSummaries
from crime_detect_engine.reporting import ReportSite
from crime_detect_engine.store.store import Store

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
ANNA = Actor("anna", "admin")
SITE = ReportSite("home", ZoneInfo("Europe/Amsterdam"), lambda: {"yard": "Yard", "gate": "Gate"})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path, clock)
    yield store
    await store.close()


@pytest.fixture
def summaries(store: Store, clock: ManualClock) -> PublicSummaries:
    return PublicSummaries(store, SITE, lambda: PublicOptions(serve=True), clock)


@pytest.fixture
def add(store: Store) -> Callable[..., Any]:
    async def add(at: datetime, label: str = "fighting", severity: Severity = Severity.ALERT) -> str:
        incident_id = ulid(at, "yard", label)
        for kind, moment in ((ChangeType.NEW, at), (ChangeType.END, at + timedelta(seconds=9))):
            await store.write(
                Alert(incident_id, "yard", kind, label, 0.9, 0.8, severity, True, None, at, moment, (), False), None
            )
        return incident_id

    return add


async def read(summaries: PublicSummaries, month: date | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((await summaries.make(month, ReportFormat.JSON)).data)
    return found


async def test_a_month_is_counted_by_the_clock_of_the_place(
    summaries: PublicSummaries, add: Callable[..., Any], store: Store
) -> None:
    for hour in range(6):
        last = await add(datetime(2026, 10, 14, hour, tzinfo=UTC))
    await store.set_verdict(last, Verdict.FALSE_ALARM, ANNA)
    await add(datetime(2026, 9, 30, 22, 30, tzinfo=UTC), "robbery")
    await add(datetime(2026, 10, 31, 23, 30, tzinfo=UTC), "vandalism")
    await add(datetime(2026, 10, 20, tzinfo=UTC), severity=Severity.DETECTION)
    summary = await read(summaries)
    assert summary["month"] == "2026-10"
    assert set(summary["alerts_by_class"]) == {"fighting", "robbery"}, "October begins at 22:00 UTC in Amsterdam"
    assert summary["alerts"] == 7
    assert summary["logged_below_threshold"] == "<5"
    assert summary["cameras"] == 2
    assert "camera_names" not in summary


async def test_what_retention_took_is_counted_all_the_same(
    summaries: PublicSummaries, add: Callable[..., Any], store: Store, clock: ManualClock
) -> None:
    for hour in range(6):
        await add(datetime(2026, 10, 1, hour, tzinfo=UTC))
    clock.advance(40 * 86400.0)
    await store.retention.clean()
    summary = await read(summaries, date(2026, 10, 1))
    assert summary["alerts"] == 6
    assert summary["kept"]["records"] == 0


async def test_what_people_did_is_counted(summaries: PublicSummaries, store: Store) -> None:
    for action in ("subject_export", *["subject_erase"] * 6, "original"):
        await store.audit.append(ANNA, action, "somebody", {})
    done = (await read(summaries, date(2026, 11, 1)))["done_by_people"]
    assert done["erasures_for_people_in_the_picture"] == 6
    assert done["copies_for_people_in_the_picture"] == done["accesses_to_unblurred_originals"] == "<5"
    assert done["evidence_packages_made"] == 0


async def test_hours_watched_outlive_the_event_log(
    summaries: PublicSummaries, store: Store, clock: ManualClock
) -> None:
    for _ in range(61):
        await store.append_camera_event("yard", {"state": "live"})
        clock.advance(60.0)
    clock.advance(86400.0)
    await summaries.keep_watched()
    await store._database.write(lambda c: c.exec_driver_sql("DELETE FROM events"))
    await summaries.keep_watched()
    summary = await read(summaries, date(2026, 11, 1))
    assert (summary["hours_watched"], summary["days_known"]) == (1, 1)


async def test_who_asks_again_costs_nothing(
    summaries: PublicSummaries, add: Callable[..., Any], clock: ManualClock
) -> None:
    before = await read(summaries)
    await add(datetime(2026, 10, 14, tzinfo=UTC))
    assert await read(summaries) == before
    clock.advance(3601.0)
    assert (await read(summaries))["alerts"] == "<5"


async def test_what_cannot_be_told_is_refused(summaries: PublicSummaries) -> None:
    with pytest.raises(InvalidInputError, match="month"):
        await summaries.make(date(2027, 1, 1), ReportFormat.JSON)
    assert await summaries.make(date(2026, 11, 1), ReportFormat.JSON)
    with pytest.raises(InvalidInputError, match="month"):
        await summaries.make(date(2026, 11, 1), ReportFormat.JSON, over=True)
    with pytest.raises(InvalidInputError, match="format"):
        await summaries.make(None, ReportFormat.PDF)


async def test_the_letter_is_of_the_month_that_is_over(summaries: PublicSummaries) -> None:
    async def others(query: ReportQuery, formats: object) -> Any:
        return query.kind

    write = summaries.writer(others)
    letter = await write(ReportQuery(ReportKind.PUBLIC, date(2026, 10, 1)), (ReportFormat.HTML, ReportFormat.CSV))
    assert "October 2026" in letter.subject
    assert [file.name for file in letter.files] == ["home-public-2026-10.html", "home-public-2026-10.csv"]
    assert await write(ReportQuery(ReportKind.DAILY), ()) is ReportKind.DAILY  # type: ignore[comparison-overlap]
