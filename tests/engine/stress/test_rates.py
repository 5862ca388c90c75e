"""Owns the proof that rates count unique time and that few hours leave a wide bound."""

from __future__ import annotations

import pytest
from crime_detect_engine.stress.rates import alarm_rates, upper_bound


def test_no_alarm_in_a_day_leaves_three_a_day_open() -> None:
    rates = alarm_rates(0, 86_400)
    assert rates["per_day"] == 0
    assert rates["per_day_bound_95"] == pytest.approx(3.0, abs=0.01)
    assert alarm_rates(0, 3600)["per_day_bound_95"] == pytest.approx(72, abs=0.2)


def test_rates_of_some_alarms() -> None:
    rates = alarm_rates(4, 7200)
    assert (rates["per_hour"], rates["per_day"], rates["unique_hours"]) == (2.0, 48.0, 2.0)
    assert rates["per_unique_minute"] == pytest.approx(4 / 120, rel=0.01)
    # Garwood's exact bound for 4 events.
    assert rates["per_day_bound_95"] == pytest.approx(9.154 * 12, rel=0.001)


def test_without_footage_there_is_no_rate() -> None:
    rates = alarm_rates(0, 0.0)
    assert rates["per_day"] is None
    assert rates["per_day_bound_95"] is None


@pytest.mark.parametrize(("count", "bound"), [(0, 2.996), (1, 4.744), (10, 16.962), (200, 225.0)])
def test_the_bound_is_exact(count: int, bound: float) -> None:
    assert upper_bound(count) == pytest.approx(bound, rel=0.003)
