"""A camera was seen as long as somebody said so; what nobody said is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from crime_detect_engine.analytics.uptime import MAX_OUTAGES, UptimeTally
from crime_detect_engine.domain.reporting import CameraWord

START = datetime(2026, 11, 20, tzinfo=UTC)
END = START + timedelta(hours=24)


def tally(states: list[tuple[int, str]]) -> UptimeTally:
    """`states`: (minute, state) of one camera."""
    made = UptimeTally(START, END)
    for seq, (minute, state) in enumerate(states):
        made.add(CameraWord(seq, "yard", START + timedelta(minutes=minute), state))
    return made


def test_an_outage_is_as_long_as_the_camera_was_away() -> None:
    uptime = tally([(m, "lost" if 10 <= m < 25 else "live") for m in range(60)]).finish()["yard"]
    assert [(one.start, one.end) for one in uptime.outages] == [
        (START + timedelta(minutes=10), START + timedelta(minutes=25))
    ]
    assert uptime.online_s == pytest.approx(44 * 60 + 150 - 0, abs=61)
    assert uptime.share == pytest.approx(uptime.online_s / uptime.known_s)


def test_hours_in_which_the_engine_was_off_are_neither_up_nor_down() -> None:
    uptime = tally([(0, "live"), (1, "live"), (600, "live"), (601, "live")]).finish()["yard"]
    assert uptime.known_s == pytest.approx(60 + 150 + 60 + 150)
    assert uptime.share == 1.0
    assert uptime.outage_count == 0


def test_what_somebody_paused_is_no_outage() -> None:
    uptime = tally([(m, "paused" if m >= 5 else "live") for m in range(10)]).finish()["yard"]
    assert uptime.share == 1.0
    assert uptime.paused_s > 0
    assert not uptime.outages


def test_a_camera_that_is_away_at_the_end_is_not_forgotten() -> None:
    uptime = tally([(24 * 60 - 2, "live"), (24 * 60 - 1, "lost")]).finish()["yard"]
    assert uptime.outages[0].end == END


def test_a_flapping_camera_is_counted_without_end_and_listed_to_a_limit() -> None:
    uptime = tally([(m, ("live", "lost")[m % 2]) for m in range(24 * 60)]).finish()["yard"]
    assert uptime.outage_count == 720
    assert len(uptime.outages) == MAX_OUTAGES
    assert uptime.share == pytest.approx(0.5, abs=0.01)
