"""Owns the plain words and figures of printed reports."""

from __future__ import annotations

from datetime import datetime, tzinfo

from crime_detect_engine.domain.reporting import MONTHS

from .periods import Period
from .report import Report

REASONS = {
    "below_threshold": "below the threshold",
    "reported_by_a_person": "reported by a person",
    "not_notified": "nobody is told of it",
    "shadow": "trial run (shadow)",
    "schedule": "not armed (schedule)",
    "snooze": "snoozed",
    "cooldown": "told shortly before (cooldown)",
    "privacy": "privacy",
}
VERDICTS = {"confirmed": "Real", "false_alarm": "False alarm", "none": "Not judged"}
SEVERITIES = {"critical": "Critical", "alert": "Alert", "detection": "Logged only"}


def readable(name: str) -> str:
    """`road_accident` → `Road accident`."""
    return name.replace("_", " ").capitalize()


def title_of(report: Report) -> str:
    return f"{report.period.kind.capitalize()} report"


def days_of(period: Period) -> str:
    """`Friday 20 November 2026`, `16 – 22 November 2026`; English, as the pages are."""
    first, last = period.first_day, period.last_day
    if period.kind in MONTHS:
        return f"{first:%B} {first.year}"
    if first == last:
        return f"{first:%A} {first.day} {first:%B} {first.year}"
    start = f"{first.day}" if (first.month, first.year) == (last.month, last.year) else f"{first.day} {first:%B}"
    year = "" if first.year == last.year else f" {first.year}"
    return f"{start}{year} \N{EN DASH} {last.day} {last:%B} {last.year}"


def clock(at: datetime, zone: tzinfo, *, day: bool) -> str:
    """`22:14:05`, or `Fri 20 Nov 22:14:05`; in the site's time zone."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b} {local:%H:%M:%S}" if day else f"{local:%H:%M:%S}"


def share(value: float | None) -> str:
    if value is None:
        return "\N{EN DASH}"
    percent = value * 100
    return f"{percent:.0f} %" if percent in (0, 100) else f"{min(max(percent, 0.1), 99.9):.1f} %"


def number(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else f"{value:.2f}"


def length(seconds: float | None) -> str:
    """`45 s`, `12 min 05 s`, `3 h 20 min`."""
    if seconds is None:
        return "\N{EN DASH}"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    for unit, limit in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count:.0f} bytes"


def kept(report: Report) -> list[tuple[str, str]]:
    """What is stored and for how long, as (what, how much)."""
    storage, zone = report.storage, report.period.zone
    lines = [("Pictures and clips", size(storage["media_bytes"]))]
    if storage.get("media_quota"):
        lines[0] = ("Pictures and clips", f"{size(storage['media_bytes'])} of {size(storage['media_quota'])} allowed")
    if storage.get("free_bytes") is not None:
        lines.append(("Free on the disk", size(storage["free_bytes"])))
    lines += [(f"Kept, {readable(name).lower()}", period) for name, period in storage["keeps"].items()]
    if report.query.aggregates_only:
        return lines
    held = sum(entry.incident.hold for entry in report.entries)
    lines.append(("On hold, kept until released", str(held)))
    until = [entry.kept_until for entry in report.entries if entry.kept_until is not None]
    if until:
        first, last = (at.astimezone(zone) for at in (min(until), max(until)))
        lines.append(("The listed incidents are deleted", f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"))
    return lines


def change(now: int, before: int) -> str:
    """`3 more than before`, `as many as before`."""
    if now == before:
        return "as many as before"
    return f"{abs(now - before)} {'more' if now > before else 'fewer'} than before"


def slot_label(start: datetime, period: Period) -> str:
    """`02`, or `Mon 16`: what stands below a bar."""
    local = start.astimezone(period.zone)
    if period.kind in MONTHS:
        return f"{local.day}"
    return f"{local:%a} {local.day}" if period.days > 1 else f"{local:%H}"


def hours_remark(period: Period) -> str:
    """Says so where the clock was changed: a day has 23 or 25 hours then."""
    usual, whole = 24 * period.days, round(sum((b - a).total_seconds() for a, b in period.slots()) / 3600, 2)
    return "" if whole == usual else f"{whole:g} hours, because the clock was changed"


def conclusion(report: Report) -> str:
    """The report in one sentence."""
    figures = report.figures
    if not figures.total:
        return "Nothing was recorded in this period."
    alerts = f"{figures.alerts} alert{'' if figures.alerts == 1 else 's'}"
    judged = f"{figures.confirmed} real, {figures.false_alarms} false alarm{'' if figures.false_alarms == 1 else 's'}"
    logged = figures.total - figures.alerts
    return f"{alerts} ({judged}, {figures.verdicts['none']} not judged) and {logged} logged below the threshold."
