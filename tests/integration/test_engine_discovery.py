"""The engine's own MQTT discovery, read by Home Assistant: for people without this integration."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClientGenerator

WIRE = Path(__file__).resolve().parent.parent / "fixtures" / "wire"
ROOT = "crime_detect/home"
CONFIG = "homeassistant/device/crime_detect_home_front_door/config"
EVENT = "event.front_door_incident"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((WIRE / f"{name}.json").read_text())
    return found


Say = Callable[[str, Any], Awaitable[None]]


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The client of Home Assistant's MQTT looks after itself until the end."""
    return True


@pytest.fixture
async def say(hass: HomeAssistant, mock_hass_config: None, mqtt_mock_entry: MqttMockHAClientGenerator) -> Say:
    """Publishes below the engine's topics; the camera is announced and seeing."""
    await mqtt_mock_entry()

    async def publish(topic: str, payload: Any) -> None:
        sent = payload if isinstance(payload, (str, bytes)) else json.dumps(payload)
        async_fire_mqtt_message(hass, topic if topic.startswith("homeassistant/") else f"{ROOT}/{topic}", sent)
        await hass.async_block_till_done()

    await publish(CONFIG, read("discovery"))
    await publish("available", "online")
    await publish("front_door/state", read("state") | {"active": False, "label": "normal"})
    return publish


def message(name: str, seq: int, age_s: float = 1.0, **changes: Any) -> dict[str, Any]:
    """A golden message about an incident that began `age_s` ago; `changes` of the incident as it is now."""
    started_at = (dt_util.utcnow() - timedelta(seconds=age_s)).isoformat()
    told = read(name) | {"seq": seq}
    for part in ("before", "after"):
        if told[part] is not None:
            told[part] |= {"started_at": started_at}
    told["after"] |= changes
    return told


async def test_each_camera_is_one_device_with_everything_on_it(hass: HomeAssistant, say: Say) -> None:
    (device,) = dr.async_get(hass).devices
    assert (device.name, device.manufacturer) == ("Front door", "crime_detect")
    found = {state.entity_id: state.state for state in hass.states.async_all()}
    assert found == {
        EVENT: STATE_UNKNOWN,
        "binary_sensor.front_door_incident_active": STATE_OFF,
        "binary_sensor.front_door_online": STATE_ON,
        "binary_sensor.front_door_tampered": STATE_ON,
        "binary_sensor.front_door_occupancy": STATE_ON,
        "binary_sensor.front_door_yard_occupancy": STATE_ON,
        "sensor.front_door_persons": "1",
        "sensor.front_door_threat_class": "normal",
        "sensor.front_door_confidence": "93",
        "image.front_door_last_incident": STATE_UNKNOWN,
        "switch.front_door_detection": STATE_ON,
        "switch.front_door_privacy": STATE_OFF,
    }


async def test_the_event_fires_at_new_and_when_it_gets_worse_and_never_twice(hass: HomeAssistant, say: Say) -> None:
    fired: list[str] = []
    hass.bus.async_listen(
        "state_changed", lambda e: fired.append(e.data["new_state"].state) if e.data["entity_id"] == EVENT else None
    )
    new = message("message_new", 38)
    await say("front_door/incident", new)
    state = hass.states.get(EVENT)
    assert state is not None
    assert (state.attributes[ATTR_EVENT_TYPE], state.attributes["severity"]) == ("fighting", "alert")
    assert state.attributes["incident_id"] == new["after"]["incident_id"]
    await say("front_door/incident", new)
    await say("front_door/incident", message("message_update", 39))
    await say("front_door/incident", message("message_end", 40))
    await say("front_door/incident", read("message_deleted") | {"seq": 41})
    assert len(fired) == 1, "a repetition, a better picture, the end and the deletion ring nobody"
    await say("front_door/incident", message("message_update", 42, severity="critical"))
    state = hass.states.get(EVENT)
    assert state is not None
    assert (len(fired), state.attributes["severity"]) == (2, "critical")


async def test_who_is_where_and_what_was_done_to_the_camera(
    hass: HomeAssistant, say: Say, caplog: pytest.LogCaptureFixture
) -> None:
    where = {
        "binary_sensor.front_door_occupancy",
        "binary_sensor.front_door_yard_occupancy",
        "sensor.front_door_persons",
    }

    def shown(*entity_ids: str) -> list[str]:
        return [state.state for one in sorted(entity_ids or where) if (state := hass.states.get(one))]

    tampered = hass.states.get("binary_sensor.front_door_tampered")
    assert tampered is not None
    assert tampered.attributes["kind"] == "covered"
    nobody = {"persons": 0, "objects": {"car": 1}, "zones": {"yard": {"persons": 0, "objects": {}, "occupied": False}}}
    await say("front_door/state", read("state") | nobody)
    assert shown() == [STATE_OFF, STATE_OFF, "0"]
    await say("front_door/state", read("state") | {"persons": None, "objects": {}, "zones": {}})
    assert shown() == [STATE_UNAVAILABLE] * 3
    older = {key: value for key, value in read("state").items() if key not in ("persons", "zones", "tamper")}
    await say("front_door/state", older)
    assert shown() == [STATE_UNAVAILABLE] * 3
    await say("front_door/state", read("state") | {"zones": {}})
    assert shown() == [STATE_ON, STATE_UNAVAILABLE, "1"]
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


async def test_somebody_in_a_zone_fires_with_the_zone(hass: HomeAssistant, say: Say) -> None:
    found = {"label": "trespassing", "source": "zone", "zone": "yard", "rule": "intrusion"}
    await say("front_door/incident", message("message_new", 38, **found))
    state = hass.states.get(EVENT)
    assert state is not None
    assert state.attributes[ATTR_EVENT_TYPE] == "trespassing"
    assert (state.attributes["zone"], state.attributes["rule"]) == ("yard", "intrusion")


@pytest.mark.parametrize("change", [{"age_s": 900.0}, {"source": "manual"}])
async def test_news_of_the_past_and_reports_of_people_ring_nobody(
    change: dict[str, Any], hass: HomeAssistant, say: Say
) -> None:
    await say("front_door/incident", message("message_new", 38, **change))
    state = hass.states.get(EVENT)
    assert state is not None
    assert state.state == STATE_UNKNOWN


async def test_a_camera_that_is_private_keeps_its_switches(hass: HomeAssistant, say: Say) -> None:
    await say("front_door/state", read("state") | {"state": "paused", "online": False, "privacy": True})
    states = {state.entity_id: state.state for state in hass.states.async_all()}
    assert states["switch.front_door_privacy"] == STATE_ON
    assert states["binary_sensor.front_door_online"] == STATE_OFF
    assert states["binary_sensor.front_door_incident_active"] == STATE_UNAVAILABLE
    await say("available", "offline")
    assert {state.state for state in hass.states.async_all()} == {STATE_UNAVAILABLE}


async def test_the_picture_is_that_of_the_newest_incident(hass: HomeAssistant, say: Say) -> None:
    await say("front_door/snapshot", b"\xff\xd8jpeg")
    state = hass.states.get("image.front_door_last_incident")
    assert state is not None
    assert state.state != STATE_UNKNOWN


async def test_what_is_ended_is_forgotten(hass: HomeAssistant, say: Say, caplog: pytest.LogCaptureFixture) -> None:
    bare = read("discovery")
    bare["components"] |= {"privacy": {"platform": "switch"}, "last_incident": {"platform": "image"}}
    await say(CONFIG, bare)
    left = {state.entity_id for state in hass.states.async_all()}
    assert not left & {"switch.front_door_privacy", "image.front_door_last_incident"}
    await say(CONFIG, "")
    await say("front_door/state", "")
    assert not hass.states.async_all()
    assert not list(dr.async_get(hass).devices)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
