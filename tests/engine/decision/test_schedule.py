"""The weekly schedule: nights over midnight, weekends, and the two nights a year on which the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import voluptuous as vol
from crime_detect_engine.decision.schedule import SCHEMA, ScheduleWindow, is_open, parse_days
from hypothesis import given
from hypothesis import strategies as st

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


def window(days: str, start: str, end: str) -> ScheduleWindow:
    built: ScheduleWindow = SCHEMA({"days": days, "from": start, "to": end})
    return built


def test_no_windows_is_always_armed() -> None:
    assert is_open((), local("2026-03-04T12:00"), AMSTERDAM)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-06T21:59:59", False),  # a Friday
        ("2026-03-06T22:00", True),
        ("2026-03-07T05:59:59", True),
        ("2026-03-07T06:00", False),
        ("2026-03-07T22:00", False),  # Saturday evening begins no window
        ("2026-03-08T03:00", False),
        ("2026-03-09T03:00", False),  # Monday's small hours belong to Sunday
        ("2026-03-09T22:00", True),
    ],
)
def test_night_over_midnight_belongs_to_the_day_it_begins(at: str, expected: bool) -> None:
    assert is_open((window("mon-fri", "22:00", "06:00"),), local(at), AMSTERDAM) is expected


def test_whole_days() -> None:
    weekend = SCHEMA({"days": "sat,sun"})
    assert is_open((weekend,), local("2026-03-07T00:00"), AMSTERDAM)
    assert is_open((weekend,), local("2026-03-08T23:59"), AMSTERDAM)
    assert not is_open((weekend,), local("2026-03-09T00:00"), AMSTERDAM)


def test_the_place_decides_not_the_server() -> None:
    night = (window("daily", "22:00", "06:00"),)
    at = datetime(2026, 7, 1, 20, 30, tzinfo=UTC)
    assert is_open(night, at, AMSTERDAM)
    assert not is_open(night, at, ZoneInfo("America/New_York"))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)])
def test_night_of_a_clock_change_is_an_hour_shorter_or_longer(day: str, hours: int) -> None:
    begin = local(f"{day}T12:00")
    minutes = [begin + timedelta(minutes=step) for step in range(24 * 60)]
    night = (window("daily", "22:00", "06:00"),)
    assert sum(is_open(night, at, AMSTERDAM) for at in minutes) == hours * 60


def test_hour_that_the_clock_skips_is_never_open_and_the_repeated_one_twice() -> None:
    early = (window("sun", "02:00", "03:00"),)
    spring = [local("2026-03-29T00:00") + timedelta(minutes=step) for step in range(300)]
    autumn = [local("2026-10-25T00:00") + timedelta(minutes=step) for step in range(360)]
    assert sum(is_open(early, at, AMSTERDAM) for at in spring) == 0
    assert sum(is_open(early, at, AMSTERDAM) for at in autumn) == 120


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat,sun", {5, 6}),
        ("fri-mon", {4, 5, 6, 0}),
        ("Wed", {2}),
        ("daily", set(range(7))),
    ],
)
def test_days_as_people_write_them(text: str, days: set[int]) -> None:
    assert parse_days(text) == days
    assert parse_days(text.split(",")) == days


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": "monday"},
        {"days": "mon-"},
        {"days": ""},
        {"days": []},
        {"days": "mon", "from": "22:00"},
        {"days": "mon", "from": "25:00", "to": "26:00"},
        {"days": "mon", "from": "22:60", "to": "23:00"},
        {"days": "mon", "from": 1320, "to": 360},
        {"days": "mon", "from": "08:00", "to": "08:00"},
        {"day": "mon"},
    ],
)
def test_wrong_windows_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(vol.Invalid):
        SCHEMA(wrong)


@given(st.integers(0, 1439), st.integers(1, 1440), st.integers(0, 2 * 365 * 24 * 60))
def test_window_and_its_opposite_share_the_day(start: int, end: int, minutes: int) -> None:
    """Every minute of the week is in the daily window or in the one from its end to its start, never in both."""
    if start == end % 1440:
        return
    here = ScheduleWindow(start=start, end=end)
    there = ScheduleWindow(start=end % 1440, end=start or 1440)
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert is_open((here,), moment, AMSTERDAM) != is_open((there,), moment, AMSTERDAM)
