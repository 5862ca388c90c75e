"""Named sets of rules: what tells a bank from a park (mission row 58)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from crime_detect_engine.decision.policy import step
from crime_detect_engine.decision.profiles import DEFAULT_PROFILE, PROFILES
from crime_detect_engine.decision.state import ARMED, PolicyState
from crime_detect_engine.domain.types import NORMAL, VOCABULARY, Rules, Score, Severity

START = datetime(2026, 3, 1, tzinfo=UTC)


def alerted(rules: Rules, label: str, values: list[float]) -> Severity | None:
    """The highest severity that a run of scores reached with people told, None when nobody was."""
    state, told = PolicyState(), [Severity.DETECTION]
    for index, value in enumerate(values):
        score = Score(
            "c", START + timedelta(seconds=index / 2), index / 2, {NORMAL: 1 - value, label: value}, "m", 1.0
        )  # fmt: skip
        state, alerts = step(rules, state, score, ARMED)
        told += [alert.severity for alert in alerts if alert.notify]
    return max(told) or None


def test_names_of_the_contract() -> None:
    assert set(PROFILES) == {"home", "shop", "bank", "park", "night"}
    assert PROFILES[DEFAULT_PROFILE] == Rules()


@pytest.mark.parametrize("rules", PROFILES.values(), ids=PROFILES.keys())
def test_profiles_can_alert_and_name_known_classes(rules: Rules) -> None:
    assert 0 < rules.votes <= rules.window
    assert {*rules.per_class, *rules.severity} <= set(VOCABULARY)
    assert alerted(rules, "fighting", [0.99] * rules.votes) is not None


def test_bank_hears_what_a_park_lets_pass() -> None:
    short = [0.1, 0.75, 0.75, 0.1]
    assert alerted(PROFILES["bank"], "robbery", short) is Severity.CRITICAL
    assert alerted(PROFILES["home"], "robbery", short) is None
    assert alerted(PROFILES["park"], "fighting", [0.86] * 4 + [0.1] * 4) is None


def test_night_wants_a_weaker_signal_for_longer() -> None:
    assert alerted(PROFILES["night"], "fighting", [0.76] * 4) is Severity.ALERT
    assert alerted(PROFILES["night"], "fighting", [0.99] * 3 + [0.1] * 5) is None


def test_shop_hears_stealing_earlier() -> None:
    assert alerted(PROFILES["shop"], "stealing", [0.7] * 3) is Severity.ALERT
    assert alerted(PROFILES["shop"], "fighting", [0.7] * 3) is None
