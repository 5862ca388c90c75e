from __future__ import annotations

from itertools import pairwise

import pytest
from crime_detect_engine.sources.timing import StreamTime
from hypothesis import given
from hypothesis import strategies as st

times = st.lists(st.tuples(st.one_of(st.none(), st.floats(-1e6, 1e6)), st.floats(0, 5)), min_size=1, max_size=60)


@given(times, st.booleans())
def test_time_never_goes_back_and_is_never_in_the_future(steps: list[tuple[float | None, float]], live: bool) -> None:
    clock, arrival_s, last = StreamTime(live=live), 0.0, (-1.0, -1.0)
    for pts_s, pause_s in steps:
        arrival_s += pause_s
        moment = clock.advance(pts_s, arrival_s)
        assert (moment.stream_s, moment.tick_s) >= (last[0], last[1])
        assert moment.stream_s >= last[0]
        assert moment.tick_s <= arrival_s + 1e-9
        last = (moment.stream_s, moment.tick_s)


def test_jitter_on_the_network_does_not_change_the_spacing() -> None:
    clock = StreamTime(live=True)
    ticks = [
        clock.advance(n * 0.1, n * 0.1 + late_s).tick_s for n, late_s in enumerate([0, 0.08, 0.01, 0.05, 0.0, 0.09])
    ]
    assert [b - a for a, b in pairwise(ticks)] == pytest.approx([0.1] * 5, abs=0.001)


@pytest.mark.parametrize("jump_s", [-500.0, -3.0, 3600.0])
def test_a_jump_of_the_timestamps_is_a_cut_and_not_a_gap(jump_s: float) -> None:
    clock = StreamTime(live=True)
    clock.advance(1000.0, 0.0)
    before = clock.advance(1000.04, 0.04)
    after = clock.advance(1000.08 + jump_s, 0.08)
    assert after.cut
    assert after.stream_s - before.stream_s < 0.1


def test_a_real_gap_stays_a_gap() -> None:
    clock = StreamTime(live=True)
    clock.advance(0.0, 0.0)
    moment = clock.advance(3.0, 3.0)
    assert (moment.stream_s, moment.cut) == (3.0, False)


def test_missing_timestamps_follow_the_clock_and_join_the_real_ones() -> None:
    clock = StreamTime(live=True)
    stream = [clock.advance(pts, n * 0.1).stream_s for n, pts in enumerate([None, None, 90.0, 90.1, None])]
    assert stream == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_lag_is_measured_against_the_best_seen_and_forgiven_when_the_sender_slept() -> None:
    clock = StreamTime(live=True)
    clock.advance(0.0, 0.0)
    clock.advance(0.1, 3.1)
    assert clock.lag_s(0.2, 3.2) == pytest.approx(3.0, abs=0.01)
    clock.forgive_lag()
    clock.advance(0.2, 3.2)
    assert clock.lag_s(0.3, 3.3) == pytest.approx(0.0, abs=0.01)
