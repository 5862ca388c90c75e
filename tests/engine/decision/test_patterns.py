"""Somebody lingers, and then something happens: connected for minutes, then forgotten."""

from __future__ import annotations

import pytest
import voluptuous as vol
from crime_detect_engine.decision.patterns import SCHEMA, PatternOptions, PatternState, lingered, observe, raised
from crime_detect_engine.domain.types import Rules, Severity

ON = PatternOptions(enabled=True, linger_s=30.0, within_s=120.0)


def follow(stays: dict[float, list[tuple[float, str | None]]]) -> PatternState:
    state = PatternState()
    for tick_s, who in stays.items():
        state = observe(ON, state, tick_s, who)
    return state


def test_who_only_passes_by_is_not_remembered() -> None:
    assert lingered(ON, follow({0.0: [(1.0, None)], 10.0: [(11.0, "yard")]}), 12.0) is None


def test_an_act_minutes_after_somebody_lingered_is_connected_with_it() -> None:
    state = follow({0.0: [(1.0, None)], 40.0: [(41.0, "yard")], 60.0: []})
    assert lingered(ON, state, 100.0) == "somebody lingered in yard for 41 s, until 60 s before"
    assert lingered(ON, state, 161.0) is None


def test_while_somebody_lingers_it_says_until_now() -> None:
    state = follow({40.0: [(41.0, None), (3.0, "yard")]})
    assert lingered(ON, state, 40.5) == "somebody lingered for 41 s, until now"


def test_the_state_is_calm_again_after_a_while() -> None:
    assert follow({40.0: [(41.0, "yard")], 300.0: []}) == PatternState()


def test_off_by_default() -> None:
    state = follow({40.0: [(41.0, "yard")]})
    assert lingered(PatternOptions(), state, 41.0) is None


def test_a_raised_class_is_critical_and_no_other() -> None:
    rules = raised(Rules(severity={"running": Severity.ALERT}), "trespassing")
    assert rules.severity == {"running": Severity.ALERT, "trespassing": Severity.CRITICAL}


def test_settings_as_people_write_them() -> None:
    assert SCHEMA({"enabled": True, "linger": "20s", "within": "5m"}) == PatternOptions(True, 20.0, 300.0)
    for wrong in ({"linger": "1s"}, {"within": "2h"}, {"enabled": 1}):
        with pytest.raises(vol.Invalid):
            SCHEMA(wrong)
