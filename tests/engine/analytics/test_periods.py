"""Days and weeks begin and end where people of the place say, also when the clock is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.analytics.periods import last_complete, midnight, period_asked, period_of
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.reporting import ReportKind, ReportQuery

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAILY, WEEKLY = ReportKind.DAILY, ReportKind.WEEKLY


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 11, 20), "Europe/Amsterdam", 24),
        (date(2026, 3, 29), "Europe/Amsterdam", 23),
        (date(2026, 10, 25), "Europe/Amsterdam", 25),
        (date(2026, 9, 6), "America/Santiago", 23),  # midnight itself is skipped
        (date(2026, 4, 5), "Australia/Lord_Howe", 24.5),
        (date(2026, 11, 1), "America/Havana", 25),  # the hour after midnight comes twice
        (date(2026, 11, 20), "UTC", 24),
    ],
)
def test_a_day_is_as_long_as_it_was_there(day: date, zone: str, hours: float) -> None:
    period = period_of(DAILY, day, ZoneInfo(zone))
    slots = list(period.slots())
    assert period.hours == hours
    assert slots[0][0] == period.start
    assert slots[-1][1] == period.end
    assert all(end == start for (_, end), (start, _) in pairwise(slots))
    assert all(start.astimezone(period.zone).date() == day for start, _ in slots)


def test_a_day_ends_where_the_next_begins_all_year_round() -> None:
    day = date(2026, 1, 1)
    while day.year == 2026:
        period = period_of(DAILY, day, AMSTERDAM)
        day = date.fromordinal(day.toordinal() + 1)
        assert period_of(DAILY, day, AMSTERDAM).start == period.end


def test_a_week_goes_from_monday_to_sunday() -> None:
    week = period_of(WEEKLY, date(2026, 10, 25), AMSTERDAM)  # a Sunday, on which the clock goes back
    assert (week.first_day, week.last_day) == (date(2026, 10, 19), date(2026, 10, 25))
    assert week.hours == 7 * 24 + 1
    assert len(list(week.slots())) == 7
    assert week.before().end == week.start


def test_the_last_that_is_over_is_told_in_the_zone_of_the_site() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # half past midnight in Amsterdam
    assert last_complete(DAILY, late, AMSTERDAM).first_day == date(2026, 11, 20)
    assert last_complete(DAILY, late, ZoneInfo("UTC")).first_day == date(2026, 11, 19)
    assert last_complete(WEEKLY, late, AMSTERDAM).first_day == date(2026, 11, 9)


def test_what_is_cut_is_compared_with_the_same_hours_before() -> None:
    start, end = datetime(2026, 3, 30, 6, tzinfo=UTC), datetime(2026, 3, 30, 7, tzinfo=UTC)
    period = period_asked(ReportQuery(DAILY, date(2026, 3, 30), start, end), end, AMSTERDAM)
    before = period.before()  # in summer time too, since the change was at two in that night
    assert (before.start, before.end) == (datetime(2026, 3, 29, 6, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC))
    assert before.first_day == date(2026, 3, 29)


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
def test_a_day_beyond_all_calendars_is_refused(day: date) -> None:
    with pytest.raises(InvalidInputError):
        period_asked(ReportQuery(WEEKLY, day), datetime(2026, 1, 1, tzinfo=UTC), AMSTERDAM)


def test_a_month_is_as_long_as_it_is_and_follows_the_one_before() -> None:
    zone = ZoneInfo("Europe/Amsterdam")
    march = period_of(ReportKind.MONTHLY, date(2026, 3, 17), zone)
    assert (march.first_day, march.last_day, march.hours) == (date(2026, 3, 1), date(2026, 3, 31), 31 * 24 - 1)
    assert march.name == "monthly-2026-03-01"
    assert len(list(march.slots())) == 31
    february = march.before()
    assert (february.start, february.end) == (midnight(date(2026, 2, 1), zone), march.start)
    assert february.before().end == february.start
    assert last_complete(ReportKind.MONTHLY, midnight(date(2026, 4, 1), zone), zone) == march


def test_a_month_that_is_cut_is_compared_with_as_much_of_the_one_before() -> None:
    zone = ZoneInfo("UTC")
    query = ReportQuery(ReportKind.MONTHLY, date(2026, 3, 1), end=datetime(2026, 3, 31, tzinfo=zone))
    before = period_asked(query, datetime(2026, 4, 5, tzinfo=zone), zone).before()
    assert before.end == datetime(2026, 3, 1, tzinfo=zone), "February has no 30 days"
