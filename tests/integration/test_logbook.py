"""What the logbook tells of an incident, in words."""

from __future__ import annotations

import pytest
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events

from custom_components.crime_detect import logbook
from custom_components.crime_detect.activity import EVENT_INCIDENT
from custom_components.crime_detect.const import DOMAIN
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.fake_engine import FakeEngine

INCIDENT = f"01KDW{1:021d}"


@pytest.fixture
async def running(engine: FakeEngine, setup_entry: SetupEntry) -> MockConfigEntry:
    entry = await setup_entry()
    await engine.wait_connected()
    return entry


def told(hass: HomeAssistant, events: list[Event]) -> list[str]:
    describers = {}
    logbook.async_describe_events(hass, lambda domain, kind, describe: describers.update({(domain, kind): describe}))
    entries = [describers[DOMAIN, EVENT_INCIDENT](event) for event in events]
    assert {entry["entity_id"] for entry in entries} == {"event.yard_incident"}
    return [f"{entry['name']}: {entry['message']}" for entry in entries]


async def test_the_story_of_an_incident(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, eventually: Eventually
) -> None:
    events, history = async_capture_events(hass, EVENT_INCIDENT), running.runtime_data.history
    story = [
        {"notify": False, "suppressed_by": "cooldown"},
        {"notify": True, "suppressed_by": None},  # the cooldown is over: phones ring, but nothing became worse
        {"confidence": 0.9},  # no news
        {"severity": "critical", "confidence": 0.95},
        {"acknowledged": True},
        {"verdict": "confirmed"},
        {"verdict": "false_alarm"},
        {"verdict": None},
    ]
    now = engine.incident(1, "yard", started_at=dt_util.utcnow().isoformat())
    for changes in story:
        now = now | changes
        await engine.push_incident(now)
        seq = engine.seq
        await eventually(lambda seq=seq: (record := history.get(INCIDENT)) is not None and record.seq == seq)
    await engine.push_incident(None, before=now)
    await eventually(lambda: history.get(INCIDENT) is None)
    assert told(hass, events) == [
        "Yard: Fighting seen, 85% sure",
        "Yard: it became worse: Fighting, 95% sure",
        "Yard: Fighting was acknowledged",
        "Yard: Fighting was judged real",
        "Yard: Fighting was judged a false alarm",
    ]
    assert events[0].data["device_id"] is not None
    assert events[0].data["incident_id"] == INCIDENT


async def test_an_incident_that_ends(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, eventually: Eventually
) -> None:
    events = async_capture_events(hass, EVENT_INCIDENT)
    now = engine.incident(1, "yard", started_at=dt_util.utcnow().isoformat())
    await engine.push_incident(now)
    await eventually(lambda: len(events) == 1)
    await engine.push_incident(now | {"ended_at": dt_util.utcnow().isoformat()})
    await eventually(lambda: len(events) == 2)
    assert told(hass, events)[1] == "Yard: Fighting is over"


async def test_an_incident_in_a_zone(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, eventually: Eventually
) -> None:
    events = async_capture_events(hass, EVENT_INCIDENT)
    found = {"label": "trespassing", "source": "zone", "zone": "drive_way"}
    await engine.push_incident(engine.incident(1, "yard", started_at=dt_util.utcnow().isoformat(), **found))
    await eventually(lambda: len(events) == 1)
    assert (events[0].data["zone"], events[0].data["source"]) == ("drive_way", "zone")
    assert told(hass, events) == ["Yard: Trespassing in Drive way seen, 85% sure"]
    before_there_were_zones = Event(EVENT_INCIDENT, {k: v for k, v in events[0].data.items() if k != "zone"})
    assert told(hass, [before_there_were_zones]) == ["Yard: Trespassing seen, 85% sure"]


async def test_what_is_replayed_late_is_not_of_now(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, eventually: Eventually
) -> None:
    events = async_capture_events(hass, EVENT_INCIDENT)
    await engine.push_incident(engine.incident(1, "yard", ended_at="2026-01-01T00:00:00.000Z"))
    await eventually(lambda: running.runtime_data.event_for(INCIDENT) is not None)
    assert events == []


async def test_a_camera_without_its_entity(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, eventually: Eventually
) -> None:
    er.async_get(hass).async_remove("event.yard_incident")
    events = async_capture_events(hass, EVENT_INCIDENT)
    await engine.push_incident(engine.incident(1, "yard"))
    await eventually(lambda: len(events) == 1)
    assert events[0].data["entity_id"] is None
