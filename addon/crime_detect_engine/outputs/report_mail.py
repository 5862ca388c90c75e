"""Owns reports by mail: who gets which, when one is due, and how it is sent through the outbox."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import InvalidInputError, StoreError
from crime_detect_engine.domain.reporting import MONTHS, ReportFormat, ReportKind, ReportLetter, ReportQuery

from .channel import Channel, Outcome, Outgoing, Permanent, Retry
from .email import EmailOptions, submit
from .schema import list_of, mail_address

CHANNEL = "report"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LATE = timedelta(days=1)
_KEY = re.compile(r"(daily|weekly|monthly|public) (\d{4}-\d\d-\d\d) (\S+)")


@dataclass(frozen=True, slots=True)
class ScheduledReport:
    """`at` by the clock on the wall; `day` (0 is Monday) only of the weekly one."""

    to: tuple[str, ...]
    at: time = time(7)
    formats: tuple[ReportFormat, ...] = (ReportFormat.HTML, ReportFormat.PDF)
    pictures: bool = True
    day: int = 0


@dataclass(frozen=True, slots=True)
class PublicOptions(ScheduledReport):
    """The summary for everybody: mailed to `to`, and with `serve` given without sign-in to who asks.

    `names`: whether the cameras' names are told."""

    to: tuple[str, ...] = ()
    formats: tuple[ReportFormat, ...] = (ReportFormat.HTML,)
    serve: bool = False
    names: bool = False


@dataclass(frozen=True, slots=True)
class ReportsOptions:
    """The `reports` section of the configuration; None is not sent."""

    daily: ScheduledReport | None = None
    weekly: ScheduledReport | None = None
    monthly: ScheduledReport | None = None
    public: PublicOptions | None = None

    def of(self, kind: ReportKind) -> ScheduledReport | None:
        found: ScheduledReport | None = getattr(self, kind)
        return found

    @property
    def mailed(self) -> bool:
        return any(one is not None and one.to for one in map(self.of, ReportKind))


def _clock_time(value: object) -> time:
    if isinstance(value, str) and re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", value):
        hour, _, minute = value.partition(":")
        return time(int(hour), int(minute))
    raise vol.Invalid('expected a time of day in quotes, like "07:00"')


def _day(value: object) -> int:
    if value not in DAYS:
        raise vol.Invalid(f"expected a day of the week: {', '.join(DAYS)}")
    return DAYS.index(str(value))


def _format(value: object) -> str:
    if value not in tuple(ReportFormat):
        raise vol.Invalid(f"expected {', '.join(ReportFormat)}")
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def _options(value: Mapping[str, Any]) -> dict[str, Any]:
    options = {key: item for key, item in value.items() if key != "format"}
    if "format" in value:
        options["formats"] = tuple(ReportFormat(one) for one in value["format"])
    return options


def _build(value: Mapping[str, Any]) -> ScheduledReport:
    return ScheduledReport(**_options(value))


def _public_format(value: object) -> str:
    if value == ReportFormat.PDF:
        raise vol.Invalid("the summary for everybody is html, csv or json")
    return _format(value)


_KEYS = {
    vol.Required("to"): list_of(mail_address, at_least=1),
    "at": _clock_time,
    "format": list_of(_format, at_least=1),
    "pictures": _flag,
}


_PUBLIC = {
    "to": list_of(mail_address),
    "at": _clock_time,
    "format": list_of(_public_format, at_least=1),
    "serve": _flag,
    "names": _flag,
}


def _maybe(schema: vol.All) -> Any:
    return lambda value: None if value in (None, {}) else schema(value)


SCHEMA = vol.All(
    vol.Schema(
        {
            "daily": _maybe(vol.All(vol.Schema(_KEYS), _build)),
            "weekly": _maybe(vol.All(vol.Schema({**_KEYS, "day": _day}), _build)),
            "monthly": _maybe(vol.All(vol.Schema(_KEYS), _build)),
            "public": _maybe(vol.All(vol.Schema(_PUBLIC), lambda value: PublicOptions(**_options(value)))),
        }
    ),
    lambda value: ReportsOptions(**value),
)
"""Yields ReportsOptions."""


def last_due(kind: ReportKind, options: ScheduledReport, now: datetime, zone: tzinfo) -> tuple[datetime, date]:
    """When the last one was to be sent, and a day of the period that it is about: the last that was over then.

    Where the clock skips the time, it is due an hour later; where it comes twice, at the first.
    """
    local = now.astimezone(zone)
    day, step = local.date(), timedelta(days=1)
    if kind is ReportKind.WEEKLY:
        day, step = day - timedelta(days=(local.weekday() - options.day) % 7), timedelta(days=7)
    elif kind in MONTHS:
        day = day.replace(day=1)
    if datetime.combine(day, options.at, zone).timestamp() > now.timestamp():
        day = (day - step).replace(day=1) if kind in MONTHS else day - step
    return datetime.combine(day, options.at, zone).astimezone(now.tzinfo), day - step


def due_reports(options: ReportsOptions, now: datetime, zone: tzinfo) -> Iterator[str]:
    """Recipient keys of what was to be sent within the last day: what an engine that was off has missed is among it."""
    for kind in ReportKind:
        scheduled = options.of(kind)
        if scheduled is None:
            continue
        at, day = last_due(kind, scheduled, now, zone)
        if now - at < _LATE:
            first = day - timedelta(days=day.weekday()) if kind is ReportKind.WEEKLY else day
            first = day.replace(day=1) if kind in MONTHS else first
            yield from (f"{kind} {first.isoformat()} {address}" for address in scheduled.to)


WriteReport = Callable[[ReportQuery, Sequence[ReportFormat]], Awaitable[ReportLetter]]


class ReportChannel(Channel):
    """A channel of its own: a report that a server refuses holds no alert up. It is made anew whenever it is sent."""

    name = CHANNEL

    def __init__(
        self, mail: EmailOptions, options: Callable[[], ReportsOptions], write: WriteReport, clock: Clock
    ) -> None:
        self._mail = mail
        self._options = options
        self._write = write
        self._clock = clock

    async def send(self, outgoing: Outgoing) -> Outcome:
        key = _KEY.fullmatch(outgoing.delivery.recipient)
        if key is None:
            return Permanent("not a report")
        kind, day, address = ReportKind(key[1]), date.fromisoformat(key[2]), key[3]
        scheduled = self._options().of(kind)
        if scheduled is None or address not in scheduled.to:
            return Permanent("this report is no longer configured for this address")
        query = ReportQuery(kind, day, pictures=scheduled.pictures, bom=True)
        try:
            letter = await self._write(query, scheduled.formats)
        except InvalidInputError as error:
            return Permanent(str(error))
        except StoreError as error:
            return Retry(f"the report cannot be made: {error}")
        return await submit(self._mail, self._compose(letter, address, f"{kind}.{day}"), address)

    def _compose(self, letter: ReportLetter, address: str, reference: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = Address("crime_detect", addr_spec=self._mail.sender)
        message["To"] = address
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(self._clock.now())
        domain = self._mail.sender.rpartition("@")[2]
        message["Message-ID"] = f"<report.{reference}.{address.replace('@', '.')}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        for file in letter.files:
            main, _, sub = file.media_type.partition(";")[0].partition("/")
            params = {"charset": "utf-8"} if main == "text" else {}
            message.add_attachment(file.data, maintype=main, subtype=sub, filename=file.name, params=params)
        return message


def report_channel(
    options: Callable[[], ReportsOptions], write: WriteReport, clock: Clock
) -> Callable[[EmailOptions], ReportChannel]:
    """For `build_channels`, which knows the mail server."""
    return lambda mail: ReportChannel(mail, options, write, clock)
