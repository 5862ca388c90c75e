"""Who guesses waits, whom somebody else would lock out does not, and the audit is not flooded."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.web.guessing import (
    FOLDED_S,
    FREE_TRIES,
    LINES_AN_HOUR,
    LONGEST_DELAY_S,
    MAX_FAILURES,
    AccountLimit,
    FailureLimit,
    FailureLog,
)

from tests.fakes import NOON


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def test_somebody_elsewhere_cannot_lock_a_person_out_of_a_place_they_know(clock):
    limit = AccountLimit(clock)
    limit.succeed("ana", "10.0.0.5")
    for number in range(100):
        limit.count("ana", f"203.0.113.{number}")
    assert limit.wait_s("ana", "203.0.113.9") > 0
    assert limit.wait_s("ana", "198.51.100.7") > 0, "new addresses wait together: there are many of them"
    assert limit.wait_s("ana", "10.0.0.5") == 0
    for _ in range(FREE_TRIES):
        limit.count("ana", "10.0.0.5")
    assert limit.wait_s("ana", "10.0.0.5") > 0, "nor is a known place a place to guess from"


def test_who_signs_in_from_many_places_is_not_taken_for_a_guesser(clock):
    limit = AccountLimit(clock)
    for number in range(FREE_TRIES * 3):
        assert limit.wait_s("ana", f"10.0.0.{number}") == 0
        limit.count("ana", f"10.0.0.{number}")
        limit.succeed("ana", f"10.0.0.{number}")


def test_the_wait_grows_and_has_an_end(clock):
    limit = AccountLimit(clock)
    waits = []
    for _ in range(40):
        limit.count("ana", "10.0.0.5")
        waits.append(limit.wait_s("ana", "10.0.0.5"))
    assert waits[: FREE_TRIES - 1] == [0.0] * (FREE_TRIES - 1)
    assert waits[FREE_TRIES - 1 :] == sorted(waits[FREE_TRIES - 1 :])
    assert waits[-1] == LONGEST_DELAY_S
    clock.advance(LONGEST_DELAY_S)
    assert limit.wait_s("ana", "10.0.0.5") == 0


def test_one_network_is_one_address(clock):
    limit = FailureLimit(clock)
    for number in range(MAX_FAILURES):
        limit.count(f"2001:db8::{number:x}")
    assert limit.wait_s("2001:db8::ffff") > 0
    assert limit.wait_s("2001:db8:0:1::1") == 0


def test_a_flood_is_told_of_in_a_bounded_number_of_lines(clock):
    log = FailureLog(clock)
    told = [log.count("ana", "10.0.0.5") for _ in range(500)]
    assert told == [1] + [0] * 499
    clock.advance(FOLDED_S)
    assert log.count("ana", "10.0.0.5") == 500
    lines = sum(log.count(f"name{number}", "10.0.0.5") > 0 for number in range(5000))
    assert lines <= LINES_AN_HOUR
    clock.advance(3600)
    assert log.count("another", "10.0.0.6") == 1
