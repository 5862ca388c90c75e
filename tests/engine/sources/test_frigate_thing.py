"""One object over time: its way, its speed, how long it is there, and what it is called."""

from __future__ import annotations

from dataclasses import replace

import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.sources.frigate_messages import Sighting
from crime_detect_engine.sources.frigate_thing import FrigateThing

ASPECT = 2.0
FRIGATE_S = 5_000_000.0
"""What Frigate's clock says: nothing of ours."""


def at(seconds: float, left: float = 0.4, **changes: object) -> Sighting:
    """A person 0.2 high whose left side is at `left`, so many seconds after Frigate began to follow it."""
    begin = Sighting("a", "yard", "person", 0.8, Box(left, 0.5, left + 0.1, 0.7), FRIGATE_S, FRIGATE_S + seconds)
    return replace(begin, **changes)  # type: ignore[arg-type]


def test_how_long_it_is_there_counts_from_when_frigate_began_to_follow_it() -> None:
    thing = FrigateThing(7, at(6.0), 100.0)
    shown = thing.shown(101.0, ASPECT)
    assert (shown.id, shown.label, shown.box) == (7, "person", Box(0.4, 0.5, 0.5, 0.7))
    assert (shown.first_tick_s, shown.last_tick_s, shown.dwell_s) == (94.0, 101.0, 7.0)
    assert shown.attributes == {"frigate_id": "a"}
    assert thing.shown(160.0, ASPECT).dwell_s == 66.0, "Frigate has not said that it went"


def test_speed_is_in_own_heights_a_second_whatever_the_shape_of_the_picture() -> None:
    thing = FrigateThing(1, at(0.0, left=0.2), 100.0)
    thing.see(at(2.0, left=0.4), 102.0)
    assert thing.shown(102.0, ASPECT).speed == pytest.approx(0.2 * ASPECT / 2.0 / 0.2)


def test_somebody_of_whom_nothing_new_is_said_or_who_stands_is_not_running() -> None:
    thing = FrigateThing(1, at(0.0, left=0.2), 100.0)
    thing.see(at(2.0, left=0.4), 102.0)
    assert thing.shown(110.0, ASPECT).speed == 0.0
    thing.see(at(12.0, left=0.41, stationary=True), 112.0)
    assert thing.shown(112.0, ASPECT).speed == 0.0
    again = FrigateThing(1, at(0.0, left=0.2), 100.0)
    again.see(at(60.0, left=0.8), 160.0)
    assert again.shown(160.0, ASPECT).speed == 0.0, "a minute apart, nobody knows how it went"


def test_the_path_takes_in_what_frigate_says_of_the_way_in_between() -> None:
    way = ((FRIGATE_S + 1.0, 0.3, 0.7), (FRIGATE_S + 3.0, 0.35, 0.7))
    thing = FrigateThing(1, at(4.0, path=way), 104.0)
    longer = (*way, (FRIGATE_S + 6.0, 0.5, 0.7))
    thing.see(at(8.0, left=0.6, path=longer), 108.5)
    path = thing.shown(109.0, ASPECT).path
    assert [(round(x, 2), round(tick_s, 1)) for tick_s, x, _ in path] == [
        (0.3, 101.0), (0.35, 103.0), (0.45, 104.0), (0.5, 106.5), (0.65, 108.5), (0.65, 109.0),
    ]  # fmt: skip


def test_path_is_thinned_bounded_and_goes_forward() -> None:
    thing = FrigateThing(1, at(0.0), 0.0)
    for step in range(1, 20_000):
        thing.see(at(step / 5, left=0.4 + (step % 7) / 100), step / 5)
    path = thing.shown(4000.0, ASPECT).path
    assert len(path) <= 601
    assert list(path) == sorted(path)


def test_news_that_come_out_of_order_do_not_move_it_back() -> None:
    thing = FrigateThing(1, at(4.0, left=0.6), 104.0)
    thing.see(at(3.0, left=0.1, identity="Eve"), 104.5)
    shown = thing.shown(105.0, ASPECT)
    assert shown.box.left == 0.6
    assert shown.identity == "Eve"


def test_what_was_learnt_stays() -> None:
    thing = FrigateThing(1, at(0.0, identity="Eve", plate="AB12", plate_score=0.9), 100.0)
    thing.see(at(1.0), 101.0)
    thing.learn(None, {"helmet": "yes"})
    shown = thing.shown(101.0, ASPECT)
    assert shown.identity == "Eve"
    assert shown.attributes == {"frigate_id": "a", "plate": "AB12", "plate_score": 0.9, "helmet": "yes"}


def test_confidence_is_smoothed() -> None:
    thing = FrigateThing(1, at(0.0, score=0.5), 100.0)
    thing.see(at(1.0, score=1.0), 101.0)
    assert 0.5 < thing.shown(101.0, ASPECT).confidence < 0.9


def test_a_wrong_clock_of_frigate_makes_nobody_stay_for_years() -> None:
    thing = FrigateThing(1, at(0.0, start_s=0.0), 100.0)
    assert thing.shown(100.0, ASPECT).dwell_s <= 86_400
