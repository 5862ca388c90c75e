"""Reports that are mailed: when each is due, what is refused in the file, and what a real server gets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import voluptuous as vol
from aiosmtpd.controller import Controller
from crime_detect_engine.domain.clock import ManualClock, SystemClock
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import NO_EVENT, Delivery
from crime_detect_engine.domain.reporting import ReportFile, ReportFormat, ReportKind, ReportLetter, ReportQuery
from crime_detect_engine.domain.types import ChangeType, IncidentChanged
from crime_detect_engine.outputs.channel import Outgoing, Permanent, Retry, Sent
from crime_detect_engine.outputs.email import EmailOptions
from crime_detect_engine.outputs.report_mail import (
    SCHEMA,
    PublicOptions,
    ReportChannel,
    ReportsOptions,
    ScheduledReport,
    due_reports,
    last_due,
)

from tests.fakes import NOON
from tests.rig.mosquitto import free_port

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
ANNA = "anna@home.example"
BOTH = ReportsOptions(ScheduledReport((ANNA,)), ScheduledReport((ANNA, "bob@home.example")))


class Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
        return self.answer


@pytest.fixture
async def smtp() -> AsyncIterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield mailbox, int(controller.port)
    controller.stop()


async def letter(query: ReportQuery, formats: Sequence[ReportFormat]) -> ReportLetter:
    files = [ReportFile(f"home-{query.kind}-{query.day}.{one}", f"text/{one}; x=y", b"\x00data") for one in formats]
    return ReportLetter("Daily report\nBcc: evil@example.org", "8 alerts\n", tuple(files))


async def refuse(query: ReportQuery, formats: Sequence[ReportFormat]) -> ReportLetter:
    raise StoreError("the database is locked")


def outgoing(recipient: str) -> Outgoing:
    async def nothing() -> bytes | None:
        return None

    delivery = Delivery(1, "report", recipient, NO_EVENT, None, NOON, 0, None, None)
    return Outgoing(delivery, IncidentChanged(NO_EVENT, ChangeType.UPDATE, None, None, NOON), 0.0, nothing)


def channel(port: int, options: ReportsOptions = BOTH, write: Any = letter) -> ReportChannel:
    mail = EmailOptions("127.0.0.1", port, "cam@home.example", ("x@home.example",), "none")
    return ReportChannel(mail, lambda: options, write, SystemClock())


async def test_the_mail_has_the_files_and_an_id_that_names_period_and_recipient(smtp: tuple[Mailbox, int]) -> None:
    mailbox, port = smtp
    assert isinstance(await channel(port).send(outgoing(f"daily 2026-11-20 {ANNA}")), Sent)
    await channel(port).send(outgoing(f"daily 2026-11-20 {ANNA}"))
    mail, again = mailbox.mails
    assert mail["To"] == ANNA
    assert mail["Bcc"] is None
    assert mail["Message-ID"] == again["Message-ID"] == "<report.daily.2026-11-20.anna.home.example@home.example>"
    assert [part.get_filename() for part in mail.iter_attachments()] == [
        "home-daily-2026-11-20.html", "home-daily-2026-11-20.pdf",
    ]  # fmt: skip
    body = mail.get_body(("plain",))
    assert body is not None
    assert "8 alerts" in body.get_content()


@pytest.mark.parametrize(
    "recipient", ["weekly 2026-11-16 eve@home.example", "what is this", "daily 2026-11-20 bob@home.example"]
)  # fmt: skip
async def test_who_is_no_longer_configured_gets_nothing(smtp: tuple[Mailbox, int], recipient: str) -> None:
    mailbox, port = smtp
    assert isinstance(await channel(port).send(outgoing(recipient)), Permanent)
    assert not mailbox.mails


async def test_a_store_that_refuses_and_a_server_that_is_busy_are_tried_again(smtp: tuple[Mailbox, int]) -> None:
    mailbox, port = smtp
    assert isinstance(await channel(port, write=refuse).send(outgoing(f"daily 2026-11-20 {ANNA}")), Retry)
    mailbox.answer = "452 disk full"
    assert isinstance(await channel(port).send(outgoing(f"daily 2026-11-20 {ANNA}")), Retry)


def test_each_is_due_at_its_time_and_about_the_last_period_that_is_over() -> None:
    early = datetime(2026, 11, 23, 5, 59, tzinfo=UTC)  # Monday 06:59 in Amsterdam
    assert list(due_reports(BOTH, early, AMSTERDAM)) == [f"daily 2026-11-21 {ANNA}"]
    seven = early + timedelta(minutes=1)
    assert list(due_reports(BOTH, seven, AMSTERDAM)) == [
        f"daily 2026-11-22 {ANNA}", f"weekly 2026-11-16 {ANNA}", "weekly 2026-11-16 bob@home.example",
    ]  # fmt: skip
    late = early + timedelta(hours=23, minutes=59)
    assert f"weekly 2026-11-16 {ANNA}" in list(due_reports(BOTH, late, AMSTERDAM))
    assert list(due_reports(BOTH, late + timedelta(minutes=2), AMSTERDAM)) == [f"daily 2026-11-23 {ANNA}"]


def test_a_weekly_report_on_another_day_is_about_the_last_week_that_is_over() -> None:
    options = ReportsOptions(weekly=ScheduledReport((ANNA,), day=2))
    wednesday = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert list(due_reports(options, wednesday, AMSTERDAM)) == [f"weekly 2026-11-16 {ANNA}"]


@pytest.mark.parametrize(
    ("day", "at", "due"),
    [
        ((2026, 3, 29), time(2, 30), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # that half hour is skipped
        ((2026, 10, 25), time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # and that one comes twice
    ],
)
def test_a_clock_change_neither_loses_nor_repeats_a_report(day: tuple[int, int, int], at: time, due: datetime) -> None:
    scheduled = ScheduledReport((ANNA,), at)
    start = datetime(*day, tzinfo=UTC) - timedelta(hours=12)
    seen = {
        last_due(ReportKind.DAILY, scheduled, start + timedelta(minutes=10 * step), AMSTERDAM)[0]
        for step in range(6 * 36)
    }
    assert due in seen
    assert len([one for one in seen if one.astimezone(AMSTERDAM).date() == due.astimezone(AMSTERDAM).date()]) == 1


def test_every_period_of_a_year_is_reported_once() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    keys: list[str] = []
    for _ in range(366 * 48):
        keys += [key for key in due_reports(BOTH, clock.now(), AMSTERDAM) if key not in keys[-9:]]
        clock.advance(1800)
    daily = [key for key in keys if key.startswith("daily")]
    assert len(daily) == len(set(daily)) == 367
    assert len([key for key in keys if key.startswith("weekly") and ANNA in key]) == 52


def test_what_the_file_says_becomes_options() -> None:
    weekly = {"day": "fri", "at": "18:30", "to": ANNA, "format": "pdf", "pictures": False}
    options = SCHEMA({"daily": {}, "weekly": weekly})
    assert options == ReportsOptions(None, ScheduledReport((ANNA,), time(18, 30), (ReportFormat.PDF,), False, 4))


@pytest.mark.parametrize(
    ("daily", "words"),
    [
        ({"at": "25:00", "to": ANNA}, "time of day"),
        ({"at": 420, "to": ANNA}, "time of day"),
        ({"to": []}, "at least 1"),
        ({"to": "nobody"}, "e-mail address"),
        ({"to": ANNA, "format": ["docx"]}, "json, csv, html, pdf"),
        ({"to": ANNA, "day": "mon"}, "extra keys"),
        ({"at": "07:00"}, "required key"),
    ],
)
def test_what_is_not_allowed_is_said(daily: dict[str, Any], words: str) -> None:
    with pytest.raises(vol.Invalid, match=words):
        SCHEMA({"daily": daily})


def test_a_month_is_due_on_its_first_day_after_it() -> None:
    options = ReportsOptions(monthly=ScheduledReport((ANNA,)), public=PublicOptions((ANNA,), time(8)))
    zone = ZoneInfo("Europe/Amsterdam")
    assert list(due_reports(options, datetime(2026, 11, 1, 6, 30, tzinfo=UTC), zone)) == [f"monthly 2026-10-01 {ANNA}"]
    later = list(due_reports(options, datetime(2026, 11, 1, 7, 30, tzinfo=UTC), zone))
    assert later == [f"monthly 2026-10-01 {ANNA}", f"public 2026-10-01 {ANNA}"]
    assert not list(due_reports(options, datetime(2026, 11, 3, 7, tzinfo=UTC), zone))
    assert list(due_reports(options, datetime(2027, 1, 1, 6, 30, tzinfo=UTC), zone)) == [f"monthly 2026-12-01 {ANNA}"]


def test_every_month_of_a_year_is_reported_once() -> None:
    options, zone = ReportsOptions(monthly=ScheduledReport((ANNA,))), ZoneInfo("America/New_York")
    seen = {
        key
        for hour in range(0, 366 * 24, 12)
        for key in due_reports(options, datetime(2026, 1, 2, tzinfo=UTC) + timedelta(hours=hour), zone)
    }
    assert len(seen) == 13, "December before, and each of the twelve"


async def test_the_summary_for_everybody_is_mailed_to_whom_the_configuration_names(smtp: tuple[Mailbox, int]) -> None:
    mailbox, port = smtp
    options = SCHEMA({"public": {"to": ANNA, "format": ["html", "csv"], "serve": True}})
    assert isinstance(await channel(port, options).send(outgoing(f"public 2026-10-01 {ANNA}")), Sent)
    assert len(list(mailbox.mails[0].iter_attachments())) == 2
    assert options.mailed
    assert not SCHEMA({"public": {"serve": True}}).mailed
    with pytest.raises(vol.Invalid, match="html, csv or json"):
        SCHEMA({"public": {"to": ANNA, "format": "pdf"}})
