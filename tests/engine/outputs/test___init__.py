"""Tests who is told of what, and that the `alerts` section gives exactly the configured channels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import voluptuous as vol
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.types import ChangeType, IncidentChanged, Severity
from crime_detect_engine.outputs import SCHEMA, AlertOptions, build_channels, deliveries_for, targets_of_a_test
from crime_detect_engine.outputs.message import Site

from tests.fakes import NOON, FakeEngine

SMS = {"account_sid": "AC1", "auth_token": "t", "from": "+15005550006", "to": ["+31612345678", "+31612345679"]}
MAIL = {"host": "mail.example", "from": "cam@home.example", "to": ["me@home.example"], "labels": ["robbery"]}
HOOK = {"url": "https://hooks.example/x", "name": "siren", "events": ["new", "end", "deleted"]}


@pytest.fixture
def alerts() -> AlertOptions:
    options = SCHEMA({"sms": SMS, "email": MAIL, "webhook": [HOOK], "push": []})
    assert isinstance(options, AlertOptions)
    return options


def test_everybody_is_told_of_what_concerns_them(engine: FakeEngine, alerts: AlertOptions) -> None:
    fight = engine.open_incident(label="fighting")
    robbery = replace(fight, label="robbery")
    phones = [("sms", "+31612345678"), ("sms", "+31612345679")]
    broker, hook, letter = ("mqtt", "front_door"), ("webhook", "siren"), ("email", "me@home.example")

    def told(kind: ChangeType, before: object, after: object, *, mqtt: bool = True) -> list[tuple[str, str]]:
        event = IncidentChanged(1, kind, before, after, NOON)  # type: ignore[arg-type]
        return list(deliveries_for(event, alerts, mqtt=mqtt))

    assert told(ChangeType.NEW, None, fight) == [broker, *phones, hook]
    assert told(ChangeType.NEW, None, robbery) == [broker, *phones, letter, hook]
    assert told(ChangeType.UPDATE, fight, replace(fight, confidence=0.99)) == [broker]
    assert told(ChangeType.UPDATE, fight, replace(fight, severity=Severity.CRITICAL)) == [broker, *phones]
    assert told(ChangeType.NEW, None, replace(fight, notify=False)) == [broker, hook]
    assert told(ChangeType.END, fight, replace(fight, ended_at=NOON)) == [broker, hook]
    assert told(ChangeType.DELETED, fight, None, mqtt=False) == [hook]


def test_only_what_is_configured_becomes_a_channel(alerts: AlertOptions, clock: ManualClock) -> None:
    assert set(build_channels(alerts, Site(), clock, ("u", "e"))) == {"sms", "email", "webhook"}
    nothing = SCHEMA({"sms": {}, "email": {}, "webhook": [], "push": []})
    assert build_channels(nothing, Site(), clock, ("u", "e")) == {}
    assert list(targets_of_a_test(nothing, mqtt=False)) == []
    assert ("webhook", "siren") in targets_of_a_test(alerts, mqtt=True)


@pytest.mark.parametrize(
    "wrong", [{"push": ["x"]}, {"webhook": [HOOK, HOOK]}, {"sms": {**SMS, "to": []}}, {"smoke": {}}]
)
def test_what_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(vol.Invalid):
        SCHEMA(wrong)
