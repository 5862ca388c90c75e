"""Tests the words of alerts: all that a person needs, in one SMS, and nothing that others could slip in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.domain.types import ChangeType, IncidentChanged, Location, Severity
from crime_detect_engine.outputs.channel import Outgoing
from crime_detect_engine.outputs.message import Site, age_text, gsm, is_for_people, mail_texts, sms_text

from tests.fakes import FakeEngine

Make = Callable[..., Outgoing]


def test_an_sms_says_class_place_time_confidence_and_where_to_look(outgoing: Make) -> None:
    site = Site("http://homeassistant.local:8099", ZoneInfo("Europe/Amsterdam"), lambda _: "Front door")
    message = outgoing(age_s=725.0, location=Location(52.1, 4.3))
    assert message.event.after is not None
    text = sms_text(message, site)
    reference = message.event.after.incident_id
    assert text == (
        "ALERT: Fighting at Front door, 21 Nov 13:00:00 (12 min ago), 93%, 52.10000,4.30000"
        f" http://homeassistant.local:8099/incidents/{reference}"
    )
    assert len(text) <= 160


def test_without_an_address_the_reference_is_there(outgoing: Make) -> None:
    message = outgoing(severity=Severity.CRITICAL)
    assert message.event.after is not None
    text = sms_text(message, Site())
    assert text == f"CRITICAL: Fighting at front_door, 21 Nov 12:00:00, 93% Ref {message.event.after.incident_id}"


def test_a_long_name_costs_the_position_first(outgoing: Make) -> None:
    site = Site("https://a-rather-long-name.example.org", camera_name=lambda _: "Long " * 8)
    assert "52.1" not in sms_text(outgoing(location=Location(52.1, 4.3)), site)


@pytest.mark.parametrize(("name", "expected"), [("Čistá", "Cista"), ("Tür", "Tür"), ("前門", "前門")])
def test_letters_are_brought_into_the_alphabet_of_an_sms_where_they_can_be(name: str, expected: str) -> None:
    assert gsm(name) == expected


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(0, ""), (59.9, ""), (60, "1 min ago"), (725, "12 min ago"), (7200, "2 h ago"), (86400 * 3, "3 days ago")],
)
def test_a_late_message_says_how_late_it_is(age_s: float, expected: str) -> None:
    assert age_text(age_s) == expected


def test_a_mail_carries_the_same_and_escapes_what_people_wrote(outgoing: Make) -> None:
    site = Site("https://home.example", camera_name=lambda _: "<script>alert(1)</script>\nBcc: all@example.org")
    message = outgoing(age_s=3600, location=Location(52.1, 4.3))
    assert message.event.after is not None
    reference = message.event.after.incident_id
    plain, html = mail_texts(message, site, "picture@home")
    for part in (plain, html):
        for word in ("Fighting", "alert", "Sat 21 Nov 2026 12:00:00 UTC", "93%", reference, "60 min ago", "52.10000"):
            assert word in part
        assert f"https://home.example/incidents/{reference}" in part
        assert "\nBcc" not in part
    assert "<script>" not in html
    assert 'src="cid:picture@home"' in html
    assert "<img" not in mail_texts(message, site, None)[1]


def test_people_are_told_at_new_and_when_it_gets_worse_and_never_when_it_is_suppressed(engine: FakeEngine) -> None:
    incident = engine.open_incident()
    quiet = replace(incident, notify=False)
    worse = replace(incident, severity=Severity.CRITICAL)
    later = replace(incident, confidence=0.99, ended_at=incident.started_at + timedelta(seconds=5))

    def told(kind: ChangeType, before: object, after: object) -> bool:
        return is_for_people(IncidentChanged(1, kind, before, after, incident.started_at))  # type: ignore[arg-type]

    assert told(ChangeType.NEW, None, incident)
    assert told(ChangeType.UPDATE, incident, worse)
    assert told(ChangeType.UPDATE, quiet, incident)
    assert not told(ChangeType.NEW, None, quiet)
    assert not told(ChangeType.UPDATE, incident, later)
    assert not told(ChangeType.UPDATE, worse, incident)
    assert not told(ChangeType.END, incident, later)
    assert not told(ChangeType.DELETED, incident, None)


def test_what_a_rule_found_names_its_zone_and_says_why(outgoing: Make) -> None:
    why = ({"reason": "intrusion", "weight": 0.0, "detail": "person for 1 s"}, {"reason": "lingered", "weight": 0.0})
    told = outgoing(label="trespassing", zone="back_yard", why=why)
    assert sms_text(told, Site()).startswith("ALERT: Trespassing (back yard) at ")
    text, html = mail_texts(told, Site(), None)
    assert "Zone:       back yard\n" in text
    assert "Because:    intrusion: person for 1 s\nBecause:    lingered\n" in text
    assert "<td>back yard</td>" in html
    plain, _ = mail_texts(outgoing(), Site(), None)
    assert "Zone" not in plain
    assert "Because" not in plain
