"""Owns the weekly schedule: when a camera is armed, by the wall clock of the place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

import voluptuous as vol

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = frozenset(range(7))
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class ScheduleWindow:
    """From `start` to before `end`, in minutes of the local day; over midnight when `end` is not after `start`.

    `days` (Monday is 0) are those on which the window begins: Friday 22:00–06:00 covers Saturday's small hours.
    """

    days: frozenset[int] = EVERY_DAY
    start: int = 0
    end: int = DAY_MINUTES

    def covers(self, local: datetime) -> bool:
        """Wall time alone decides: a night with a clock change is an hour shorter or longer."""
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday(), (local - timedelta(days=1)).weekday()
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or (yesterday in self.days and minute < self.end)


def is_open(windows: Sequence[ScheduleWindow], at: datetime, zone: tzinfo) -> bool:
    """Whether a camera is armed at `at` (aware); without windows it always is."""
    if not windows:
        return True
    local = at.astimezone(zone)
    return any(window.covers(local) for window in windows)


def parse_days(value: object) -> frozenset[int]:
    """`mon-fri`, `sat,sun`, `fri-mon`, `daily` or a list of those. Raises Invalid with what is allowed."""
    parts = value if isinstance(value, list) else str(value).split(",")
    days: set[int] = set()
    for part in parts:
        text = str(part).strip().lower()
        if text in {"daily", "all"}:
            days |= EVERY_DAY
            continue
        first, dash, last = (name.strip() for name in text.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise vol.Invalid(f"expected days like mon-fri or sat,sun ({', '.join(DAYS)} or daily)")
        begin, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7
        days |= {(begin + step) % 7 for step in range(length + 1)}
    if not days:
        raise vol.Invalid("expected at least one day, like mon-fri")
    return frozenset(days)


def parse_time(value: object) -> int:
    """Minutes of the day of `22:00`; `24:00` is the end of the day. Raises Invalid with what is allowed."""
    match = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*", value) if isinstance(value, str) else None
    minutes = int(match[1]) * 60 + int(match[2]) if match else -1
    if match is None or int(match[2]) > 59 or not 0 <= minutes <= DAY_MINUTES:
        raise vol.Invalid('expected a time in quotes from "00:00" to "24:00"')
    return minutes


def _build(value: dict[str, Any]) -> ScheduleWindow:
    if ("from" in value) != ("to" in value):
        raise vol.Invalid("from and to belong together; leave both out for whole days")
    window = ScheduleWindow(value.get("days", EVERY_DAY), value.get("from", 0), value.get("to", DAY_MINUTES))
    if window.start == window.end:
        raise vol.Invalid("from and to are the same time; leave both out for whole days")
    return window


SCHEMA = vol.All(vol.Schema({"days": parse_days, "from": parse_time, "to": parse_time}), _build)
"""Yields ScheduleWindow."""
