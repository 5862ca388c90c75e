"""Who is told of an incident, when and how loud."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.crime_detect.engine.models import Incident, Severity
from custom_components.crime_detect.notifications.recipients import (
    Button,
    Context,
    Critical,
    Occasion,
    Recipient,
    Told,
    Why,
    decide,
    is_night,
)
from tests.integration.fake_engine import golden

HOME = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 11, 21, 15, 0, tzinfo=HOME)
NIGHT = NOW.replace(hour=3)


def incident(**changes: Any) -> Incident:
    return Incident.from_json(golden("message_new")["after"] | changes)


def recipient(**data: Any) -> Recipient:
    return Recipient.from_data("anna", {"name": "Anna", "action": "mobile_app_anna"} | data)


def why(
    who: Recipient, about: Incident | None = None, occasion: Occasion = Occasion.NEW, at: datetime = NOW, **context: Any
) -> Why:
    decision = decide(who, about or incident(), Context(at, **context), occasion)
    assert decision.send is (decision.why is Why.RING)
    return decision.why


def test_choosing_a_phone_is_enough() -> None:
    anna = recipient()
    assert why(anna) is Why.RING
    assert (anna.cooldown_s, anna.renotify, anna.repeat_minutes) == (60, True, 0)
    assert anna.buttons == tuple(Button)


def test_a_recipient_is_read_from_its_subentry() -> None:
    anna = recipient(
        action="notify.family",
        cameras=["yard"],
        classes=["fighting"],
        min_severity="critical",
        persons=["person.anna"],
        only_when_away=True,
        at_night=True,
        **{"from": "23:30:00", "to": "05:00:00"},
        critical="always",
        cooldown_s=5,
        renotify=False,
        repeat_minutes=3,
        buttons=["snooze"],
        snooze_minutes=45,
    )
    assert anna == Recipient(
        id="anna",
        name="Anna",
        action="family",
        cameras=frozenset({"yard"}),
        classes=frozenset({"fighting"}),
        min_severity=Severity.CRITICAL,
        persons=("person.anna",),
        only_when_away=True,
        at_night=True,
        night_from=time(23, 30),
        night_to=time(5),
        critical=Critical.ALWAYS,
        cooldown_s=5,
        renotify=False,
        repeat_minutes=3,
        buttons=(Button.SNOOZE,),
        snooze_minutes=45,
    )


def test_what_a_recipient_leaves_open_is_that_of_all() -> None:
    data = {"name": "Anna", "action": "anna", "renotify": True}
    anna = Recipient.from_data("anna", data, {"cooldown_s": 300, "renotify": False})
    assert (anna.cooldown_s, anna.renotify) == (300, True)


@pytest.mark.parametrize(
    ("rules", "about", "expected"),
    [
        ({}, {"notify": False}, Why.NOT_TO_NOTIFY),
        ({"cameras": ["yard"]}, {}, Why.CAMERA),
        ({"cameras": ["yard", "front_door"]}, {}, Why.RING),
        ({"classes": ["fire"]}, {}, Why.LABEL),
        ({"classes": ["fighting"]}, {}, Why.RING),
        ({"min_severity": "critical"}, {}, Why.SEVERITY),
        ({"min_severity": "critical"}, {"severity": "critical"}, Why.RING),
        ({}, {"severity": "detection"}, Why.SEVERITY),
    ],
)
def test_which_incidents(rules: dict[str, Any], about: dict[str, Any], expected: Why) -> None:
    assert why(recipient(**rules), incident(**about)) is expected


def test_a_muted_or_snoozed_camera_rings_nobody() -> None:
    assert why(recipient(), muted=True) is Why.MUTED
    assert why(recipient(), snoozed_until=NOW + timedelta(minutes=1)) is Why.SNOOZED
    assert why(recipient(), snoozed_until=NOW) is Why.RING
    assert why(recipient(), occasion=Occasion.REPEAT, snoozed_until=NOW + timedelta(minutes=1)) is Why.SNOOZED


def test_only_when_everybody_is_away() -> None:
    family = recipient(persons=["person.anna", "person.ben"], only_when_away=True)
    assert why(family) is Why.RING
    assert why(family, at_home=frozenset({"person.ben"})) is Why.NOT_NOW
    assert why(family, at_home=frozenset({"person.guest"})) is Why.RING
    assert why(recipient(only_when_away=True), at_home=frozenset({"person.ben"})) is Why.RING
    assert why(recipient(persons=["person.ben"]), at_home=frozenset({"person.ben"})) is Why.RING


def test_only_at_night() -> None:
    assert why(recipient(at_night=True), at=NOW) is Why.NOT_NOW
    assert why(recipient(at_night=True), at=NIGHT) is Why.RING


def test_away_or_at_night_when_both_are_chosen() -> None:
    both = recipient(persons=["person.anna"], only_when_away=True, at_night=True)
    at_home = frozenset({"person.anna"})
    assert why(both, at=NOW, at_home=at_home) is Why.NOT_NOW
    assert why(both, at=NIGHT, at_home=at_home) is Why.RING
    assert why(both, at=NOW) is Why.RING


@pytest.mark.parametrize(
    ("begin", "end", "at", "expected"),
    [
        ("22:00:00", "06:00:00", "21:59:59", False),
        ("22:00:00", "06:00:00", "22:00:00", True),
        ("22:00:00", "06:00:00", "00:00:00", True),
        ("22:00:00", "06:00:00", "05:59:59", True),
        ("22:00:00", "06:00:00", "06:00:00", False),
        ("01:00:00", "05:00:00", "00:30:00", False),
        ("01:00:00", "05:00:00", "01:00:00", True),
        ("01:00:00", "05:00:00", "05:00:00", False),
        ("08:00:00", "08:00:00", "12:00:00", True),
    ],
)
def test_nights_over_midnight_and_not(begin: str, end: str, at: str, expected: bool) -> None:
    now = datetime.combine(NOW.date(), time.fromisoformat(at), HOME)
    assert is_night(recipient(at_night=True, **{"from": begin, "to": end}), now) is expected


@pytest.mark.parametrize(
    ("wish", "severity", "expected"),
    [
        ("never", "critical", False),
        ("critical", "alert", False),
        ("critical", "critical", True),
        ("always", "alert", True),
    ],
)
def test_how_loud(wish: str, severity: str, expected: bool) -> None:
    decision = decide(recipient(critical=wish), incident(severity=severity), Context(NOW), Occasion.NEW)
    assert decision.send
    assert decision.critical is expected


def test_the_cooldown_holds_back_what_is_new_and_not_what_rose() -> None:
    anna = recipient(cooldown_s=60)
    just_now = NOW - timedelta(seconds=59)
    assert why(anna, last_sent_at=just_now) is Why.COOLDOWN
    assert why(anna, last_sent_at=NOW - timedelta(seconds=60)) is Why.RING
    assert why(anna, occasion=Occasion.RAISED, last_sent_at=just_now) is Why.RING
    assert why(anna, occasion=Occasion.REPEAT, last_sent_at=just_now) is Why.RING


def test_again_only_when_it_rose_and_only_who_wants_that() -> None:
    told = Told("fighting", Severity.ALERT)
    worse, other = incident(severity="critical"), incident(label="weapon")
    assert why(recipient(), occasion=Occasion.NEW, told=told) is Why.TOLD
    assert why(recipient(), occasion=Occasion.RAISED, told=told) is Why.TOLD
    assert why(recipient(), worse, Occasion.RAISED, told=told) is Why.RING
    assert why(recipient(), other, Occasion.RAISED, told=told) is Why.RING
    assert why(recipient(renotify=False), worse, Occasion.RAISED, told=told) is Why.QUIETLY
    assert why(recipient(renotify=False), worse, Occasion.RAISED) is Why.RING
