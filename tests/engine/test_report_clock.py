"""A report that is due is put into the outbox once, over restarts too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.outputs.report_mail import CHANNEL, ReportsOptions, ScheduledReport
from crime_detect_engine.report_clock import ReportClock
from crime_detect_engine.store.store import Store

DUE = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Amsterdam")
DAY_S = 86400.0


async def test_one_a_period_and_recipient_also_over_restarts(tmp_path: Path) -> None:
    clock = ManualClock(DUE)
    options = ReportsOptions(ScheduledReport(("anna@home.example",)))
    for _ in range(3):  # the engine starts again and again
        store = await Store.open(tmp_path, clock, reserve_bytes=0)
        due = ReportClock(lambda: options, ZONE, clock)
        await due.look(store.outbox.add_once)
        await due.look(store.outbox.add_once)
        (delivery,) = await store.outbox.due(CHANNEL, clock.now())
        assert delivery.recipient == "daily 2026-11-22 anna@home.example"
        await store.close()
    store = await Store.open(tmp_path, clock, reserve_bytes=0)
    await store.outbox.mark_sent(delivery.id, None, clock.now())
    clock.advance(DAY_S - 60)
    due = ReportClock(lambda: options, ZONE, clock)
    assert await due.look(store.outbox.add_once) == 0
    clock.advance(60)
    assert await due.look(store.outbox.add_once) == 1
    clock.step(-2 * DAY_S)  # somebody sets the clock back
    await due.look(store.outbox.add_once)
    clock.step(2 * DAY_S)
    assert await due.look(store.outbox.add_once) == 0
    await store.close()


async def test_what_was_missed_for_more_than_a_day_is_not_sent(tmp_path: Path) -> None:
    clock = ManualClock(DUE)
    clock.advance(2 * DAY_S + 3600)
    store = await Store.open(tmp_path, clock, reserve_bytes=0)
    options = ReportsOptions(weekly=ScheduledReport(("anna@home.example",)))
    assert await ReportClock(lambda: options, ZONE, clock).look(store.outbox.add_once) == 0
    await store.close()


async def test_a_report_that_waits_does_not_hold_the_event_log(tmp_path: Path) -> None:
    clock = ManualClock(DUE)
    store = await Store.open(tmp_path, clock, reserve_bytes=0)
    await store.outbox.add_once(CHANNEL, "daily 2026-11-22 anna@home.example")
    await store.append_camera_event("yard", {"state": "live"})
    clock.advance(30 * DAY_S)
    await store.retention.clean()
    assert await store.events_since(0) == []
    await store.close()
