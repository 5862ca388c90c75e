"""What is remembered over restarts: where we are, what was told, what must be told again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from homeassistant.core import HomeAssistant

from custom_components.crime_detect import history as history_module
from custom_components.crime_detect.engine.models import Incident, IncidentMessage, Position, Severity
from custom_components.crime_detect.history import IncidentHistory, PictureRecord, Record
from custom_components.crime_detect.incident_event import Fired
from tests.integration.fake_engine import golden

EPOCH = "01KDWEPOCH0000000000000000"
KEY = "crime_detect.the_entry"
AT = datetime(2026, 11, 21, 3, tzinfo=UTC)


def incident(number: int = 1, **changes: Any) -> Incident:
    at = (AT + timedelta(minutes=number)).isoformat()
    changes = {"incident_id": f"A{number}", "started_at": at} | changes
    return Incident.from_json(golden("message_new")["after"] | changes)


def message(number: int, seq: int) -> IncidentMessage:
    found = golden("message_new") | {"seq": seq}
    found["after"] |= {"incident_id": f"A{number}"}
    return IncidentMessage.from_json(found)


@pytest.fixture
def history(hass: HomeAssistant) -> IncidentHistory:
    return IncidentHistory(hass, "the_entry")


async def test_everything_comes_back(
    hass: HomeAssistant, history: IncidentHistory, hass_storage: dict[str, Any]
) -> None:
    fired = Fired("fighting", Severity.CRITICAL, True)
    history.begin(EPOCH, 41)
    history.put(Record(incident(1), 42, fired))
    history.put(Record(incident(2, camera="yard", severity="detection"), 43, None))
    history.delete("A3", 44)
    history.received(EPOCH, 44)
    history.pictures["A1"] = PictureRecord("front_door", 2)
    await history.save()
    again = IncidentHistory(hass, "the_entry")
    await again.load()
    assert again.position == Position(EPOCH, 44)
    assert again.get("A1") == Record(incident(1), 42, fired)
    assert again.pictures == {"A1": PictureRecord("front_door", 2)}
    assert [one.incident_id for one in again.newest()] == ["A1"]
    assert [one.incident_id for one in again.newest(at_least=Severity.DETECTION)] == ["A2", "A1"]
    assert [one.incident_id for one in again.newest("yard", Severity.DETECTION)] == ["A2"]
    assert again.is_repeat(message(3, 44)), "deleted, and told of again"
    assert (again.is_repeat(message(1, 42)), again.is_repeat(message(1, 43))) == (True, False)
    await again.remove()
    assert KEY not in hass_storage


async def test_what_another_version_wrote_is_left_out(
    hass: HomeAssistant, history: IncidentHistory, hass_storage: dict[str, Any]
) -> None:
    history.put(Record(incident(1), 42, None))
    history.put(Record(incident(2), 43, None))
    await history.save()
    del hass_storage[KEY]["data"]["incidents"][0]["incident"]["severity"]
    again = IncidentHistory(hass, "the_entry")
    await again.load()
    assert (again.get("A1"), again.get("A2") is not None) == (None, True)


async def test_the_position_that_is_kept_is_before_what_is_not_dealt_with(
    history: IncidentHistory, hass_storage: dict[str, Any]
) -> None:
    history.begin(EPOCH, 41)
    for seq in (42, 43, 44):
        history.received(EPOCH, seq)
        history.wait_for(seq)
    history.dealt_with(44)
    history.dealt_with(42)
    await history.save()
    assert hass_storage[KEY]["data"]["position"] == {"epoch": EPOCH, "seq": 42}
    history.dealt_with(43)
    await history.save()
    assert hass_storage[KEY]["data"]["position"] == {"epoch": EPOCH, "seq": 44}
    history.incomplete = True
    await history.save()
    assert hass_storage[KEY]["data"]["position"] is None, "the past must be read again"


def test_the_position_never_goes_back(history: IncidentHistory) -> None:
    history.received(EPOCH, 5)
    history.received(EPOCH, 4)
    history.received("another", 99)
    assert history.position == Position(EPOCH, 5)


def test_the_position_stands_still_while_something_is_to_come(history: IncidentHistory) -> None:
    history.begin(EPOCH, 10)
    history.hold_position()
    history.hold_position()
    history.received(EPOCH, 15)
    assert history.position == Position(EPOCH, 10)
    history.release_position()
    assert history.position == Position(EPOCH, 15)
    history.release_position(17)
    assert history.position == Position(EPOCH, 17)


def test_another_epoch_forgets_numbers_and_not_incidents(history: IncidentHistory) -> None:
    fired = Fired("fighting", Severity.ALERT, True)
    history.begin(EPOCH, 41)
    history.put(Record(incident(1), 42, fired))
    history.wait_for(43)
    history.begin("01KEANOTHER000000000000000", 3)
    assert history.get("A1") == Record(incident(1), 0, fired)
    assert not history.is_repeat(message(1, 4))
    assert history.position == Position("01KEANOTHER000000000000000", 3)


def test_it_is_bounded(history: IncidentHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_module, "KEPT", 3)
    monkeypatch.setattr(history_module, "KEPT_DELETED", 2)
    for number in (5, 1, 2, 3, 4):
        history.put(Record(incident(number), number, None))
    assert [one.incident_id for one in history.newest()] == ["A5", "A4", "A3"]
    for number in (7, 8, 9):
        history.delete(f"A{number}", number)
    assert [history.is_repeat(message(number, number)) for number in (7, 8, 9)] == [False, True, True]
    history.put(Record(incident(9), 10, None))
    assert not history.is_repeat(message(9, 11))
