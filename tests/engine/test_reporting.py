"""Reports over a real store: what is in it, who may see it, and that ten thousand incidents are no burden."""

from __future__ import annotations

import asyncio
import io
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from aiosmtpd.controller import Controller
from crime_detect_engine.domain.clock import ManualClock, SystemClock
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.reporting import ReportFormat, ReportKind, ReportQuery
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity, Verdict
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.outputs.email import EmailOptions
from crime_detect_engine.outputs.outbox import Outbox
from crime_detect_engine.outputs.report_mail import CHANNEL, ReportChannel, ReportsOptions, ScheduledReport
from crime_detect_engine.report_clock import ReportClock
from crime_detect_engine.reporting import Reporter, ReportSite, StoredRecords
from crime_detect_engine.store.pictures import encode_jpeg
from crime_detect_engine.store.store import Store
from crime_detect_engine.store.tables import incidents
from pypdf import PdfReader
from sqlalchemy import insert, select

from tests.rig.mosquitto import free_port

MORNING = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
ADMIN = Actor("anna", "admin")
GARDENER = Actor("gardener", "viewer", frozenset({"yard"}))
DAILY = ReportQuery(ReportKind.DAILY)
JPEG = encode_jpeg(np.full((360, 640, 3), 90, np.uint8))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MORNING)


@pytest.fixture
async def store(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "data", clock, reserve_bytes=0)
    yield store
    await store.close()


@pytest.fixture
def reporter(store: Store, clock: ManualClock) -> Reporter:
    names = {"yard": "Yard", "shed": "<b>Shed</b>"}
    return Reporter(StoredRecords(store), ReportSite("home", ZoneInfo("Europe/Amsterdam"), lambda: names), clock)


async def write(store: Store, at: datetime = NIGHT, camera: str = "yard", picture: bytes | None = JPEG) -> str:
    score = Score(camera, at, 1.0, {"normal": 0.1, "fighting": 0.9}, "demo", 5.0)
    severity = Severity.ALERT
    alert = Alert(
        ulid(at, camera), camera, ChangeType.NEW, "fighting", 0.9, 0.8, severity, True, None, at, at, (score,), True
    )
    await store.write(alert, picture)
    await store.write(replace(alert, type=ChangeType.END, at=at + timedelta(seconds=9), scores=()), None)
    return alert.incident_id


async def fill(store: Store, count: int) -> None:
    """As many incidents of the day as copies of one row."""
    incident_id = await write(store)

    def copy(connection: Any) -> None:
        row = dict(connection.execute(select(incidents)).mappings().one())
        rows = [
            row | {"incident_id": ulid(NIGHT, str(n)), "started_at": NIGHT + timedelta(seconds=n), "stem": str(n)}
            for n in range(count - 1)
        ]
        connection.execute(insert(incidents), rows)

    await store._database.write(copy)
    assert (await store.incident(incident_id)).camera == "yard"


async def json_of(reporter: Reporter, actor: Actor = ADMIN, query: ReportQuery = DAILY) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((await reporter.make_report(query, ReportFormat.JSON, actor)).data)
    return read


async def test_what_people_and_cameras_did_is_in_it(store: Store, reporter: Reporter, clock: ManualClock) -> None:
    incident_id = await write(store)
    clock.step((NIGHT - MORNING).total_seconds() + 45)
    await store.acknowledge(incident_id, True, ADMIN)
    for minute in range(10):
        await store.append_camera_event("yard", {"state": "lost" if minute in (4, 5) else "live"})
        clock.step(60)
    clock.step((MORNING - clock.now()).total_seconds())
    await store.set_verdict(incident_id, Verdict.FALSE_ALARM, ADMIN)
    await store.hold(incident_id, True, ADMIN)
    told = await json_of(reporter)
    assert told["response_time"]["median_s"] == 45.0
    assert told["totals"]["false_alarms"] == 1
    assert told["uptime"]["yard"]["outage_count"] == 1
    assert told["uptime"]["yard"]["known_s"] == 9 * 60 + 150
    assert told["storage"]["keeps"]["incidents"] == "30d"
    (one,) = told["incidents"]
    assert (one["hold"], one["kept_until"]) == (True, None)
    await store.hold(incident_id, False, ADMIN)
    (one,) = (await json_of(reporter))["incidents"]
    assert one["kept_until"] == "2026-12-20T01:30:09.000Z"


async def test_reports_and_pictures_in_them_are_audited(store: Store, reporter: Reporter) -> None:
    incident_id = await write(store)
    page = (await reporter.make_report(DAILY, ReportFormat.HTML, GARDENER)).data.decode()
    assert "data:image/jpeg;base64," in page
    (entry,) = await store.audit.list(1)
    assert (entry.actor, entry.action, entry.target) == ("gardener", "read_report", "daily-2026-11-20")
    assert "report for gardener" in [one.actor for one in await store.media_log(incident_id)]
    without = await reporter.make_report(replace(DAILY, pictures=False), ReportFormat.HTML, ADMIN)
    assert b"data:image" not in without.data


async def test_a_limited_reader_learns_nothing_of_other_cameras(store: Store, reporter: Reporter) -> None:
    await write(store, camera="shed")
    await store.append_camera_event("shed", {"state": "live"})
    for form in ReportFormat:
        file = await reporter.make_report(DAILY, form, GARDENER)
        text = file.data
        if form is ReportFormat.PDF:
            text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(file.data)).pages).encode()
        assert b"hed" not in text.replace(b"scheduled", b"").replace(b"reached", b""), form
    assert (await json_of(reporter, GARDENER))["storage"].keys() == {"media_bytes", "media", "keeps"}


@pytest.mark.parametrize("form", list(ReportFormat))
async def test_ten_thousand_incidents_are_reported_in_bounded_memory(
    form: ReportFormat, store: Store, reporter: Reporter
) -> None:
    await fill(store, 10_000)
    tracemalloc.start()
    file = await reporter.make_report(DAILY, form, ADMIN)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000_000
    assert len(file.data) < 10_000_000
    if form is ReportFormat.JSON:
        assert json.loads(file.data)["totals"]["alerts"] == 10_000
    if form is ReportFormat.CSV:
        assert file.data.count(b"\r\n") == 10_001


async def test_an_export_of_ten_thousand_holds_one_page_at_a_time(store: Store, reporter: Reporter) -> None:
    await fill(store, 10_000)
    size = rows = 0
    tracemalloc.start()
    async for chunk in await reporter.export_incidents(IncidentQuery(), ReportFormat.CSV, ADMIN):
        size, rows = max(size, len(chunk)), rows + chunk.count(b"\r\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 10_001
    assert size < 500_000
    assert peak < 30_000_000


async def test_the_outbox_mails_a_report_through_a_real_server(store: Store, reporter: Reporter) -> None:
    """The clock of the place says that one is due; the server is busy at first, and gets it once."""
    mails: list[Any] = []
    answers = ["452 disk full"]

    class Mailbox:
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            if answers:
                return answers.pop()
            mails.append(message_from_bytes(envelope.content, policy=policy.default))
            return "250 OK"

    clock = SystemClock()
    options = ReportsOptions(ScheduledReport(("anna@home.example",), formats=(ReportFormat.PDF, ReportFormat.CSV)))
    controller = Controller(Mailbox(), hostname="127.0.0.1", port=free_port())
    async with AsyncExitStack() as stack:
        controller.start()
        stack.callback(controller.stop)
        mail = EmailOptions("127.0.0.1", int(controller.port), "cam@home.example", (), "none")
        channel = ReportChannel(mail, lambda: options, reporter.letter, clock)
        outbox = Outbox(store.outbox, {CHANNEL: channel}, clock)
        due = ReportClock(lambda: options, ZoneInfo("UTC"), clock)
        assert await due.look(store.outbox.add_once) == 1
        outbox.start()
        stack.push_async_callback(outbox.stop)
        await until(lambda: bool(mails))
        assert await due.look(store.outbox.add_once) == 0
        async with asyncio.timeout(60):  # the server has it before the outbox knows
            while await store.outbox.due(CHANNEL, clock.now() + timedelta(days=2)):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
    (mail_got,) = mails
    files = {part.get_content_type(): part.get_content() for part in mail_got.iter_attachments()}
    assert "Daily report" in PdfReader(io.BytesIO(files["application/pdf"])).pages[0].extract_text()
    assert files["text/csv"].lstrip("\ufeff").startswith("incident_id,")
    assert "Daily report home" in mail_got["Subject"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 the condition is not an event of this loop
            await asyncio.sleep(0.02)
