"""Entities of an engine that is reached through the broker only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components.image import async_get_image
from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.const import ATTR_ENTITY_ID, SERVICE_TURN_OFF, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_mqtt_message
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.crime_detect.const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT
from tests.integration.conftest import Eventually
from tests.integration.entities import attribute, value
from tests.integration.fake_engine import JPEG, FakeEngine, golden

TOPIC = "crime_detect/home"


def _publish(hass: HomeAssistant, name: str, payload: Any) -> None:
    text = payload if isinstance(payload, str | bytes) else json.dumps(payload)
    async_fire_mqtt_message(hass, f"{TOPIC}/{name}", text)


@pytest.fixture
def expected_lingering_timers() -> bool:
    """The harness's mqtt leaves one behind."""
    return True


@pytest.fixture
async def over_mqtt(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, media: Path, eventually: Eventually
) -> AsyncIterator[MockConfigEntry]:
    """Set up, with the retained messages of the golden files; everything that may be there is."""
    info = golden("info") | {"features": ["budget", "retention", "cameras"]}
    entry = MockConfigEntry(
        domain=DOMAIN, title="Home", unique_id=info["uuid"], data={CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC}
    )
    entry.add_to_hass(hass)
    setting_up = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
    while not setting_up.done():
        _publish(hass, "available", "online")
        _publish(hass, "info", info)
        _publish(hass, "front_door/state", golden("state"))
        _publish(hass, "yard/state", golden("state_lost"))
        await asyncio.sleep(0.01)
    assert await setting_up
    await hass.async_block_till_done()
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def test_what_needs_http_is_not_there(
    hass: HomeAssistant, over_mqtt: MockConfigEntry, eventually: Eventually
) -> None:
    registered = er.async_entries_for_config_entry(er.async_get(hass), over_mqtt.entry_id)
    uuid = over_mqtt.unique_id
    keys = {one.unique_id.removeprefix(f"{uuid}_").removeprefix("front_door_") for one in registered}
    assert not keys & {"live", "retention", "mode", "false_alarm_budget"}
    assert keys >= {"incident", "incident_active", "online", "tampered", "threat_class", "confidence", "threshold"}
    assert value(hass, "sensor.front_door_threat_class") == "fighting"
    assert value(hass, "sensor.home_alerts_today") == STATE_UNKNOWN  # comes with the first `stats`
    _publish(hass, "stats", golden("stats") | {"alerts_today": 5})
    await eventually(lambda: value(hass, "sensor.home_alerts_today") == "5")


async def test_the_picture_is_there_when_the_event_fires(
    hass: HomeAssistant, over_mqtt: MockConfigEntry, eventually: Eventually, media: Path
) -> None:
    incident = FakeEngine().incident(1, started_at=dt_util.utcnow().isoformat())
    incident_id = incident["incident_id"]
    picture = JPEG % b"over the broker"
    _publish(hass, f"media/{incident_id}.jpg", picture)
    _publish(hass, "front_door/incident", golden("message_new") | {"seq": 50, "after": incident})
    await eventually(lambda: value(hass, "event.front_door_incident") != STATE_UNKNOWN)
    assert attribute(hass, "event.front_door_incident", "clip") is None
    path = str(attribute(hass, "event.front_door_incident", "snapshot"))
    assert (media / path.removeprefix("/media/local/")).read_bytes() == picture
    assert (await async_get_image(hass, "image.front_door_last_incident")).content == picture


async def test_commands_are_published(
    hass: HomeAssistant, over_mqtt: MockConfigEntry, mqtt_mock: MqttMockHAClient, eventually: Eventually
) -> None:
    turning = hass.async_create_task(
        hass.services.async_call(
            SWITCH, SERVICE_TURN_OFF, {ATTR_ENTITY_ID: "switch.front_door_detection"}, blocking=True
        )
    )
    await eventually(lambda: mqtt_mock.async_publish.called)
    assert mqtt_mock.async_publish.mock_calls[-1].args[:2] == (f"{TOPIC}/front_door/detection/set", "OFF")
    _publish(hass, "front_door/state", golden("state") | {"detection": False})
    await turning
    assert value(hass, "switch.front_door_detection") == "off"


async def test_the_last_will_makes_everything_unavailable(
    hass: HomeAssistant, over_mqtt: MockConfigEntry, eventually: Eventually
) -> None:
    _publish(hass, "available", "offline")
    await eventually(lambda: value(hass, "event.front_door_incident") == STATE_UNAVAILABLE)
    assert {state.state for state in hass.states.async_all() if state.domain != "conversation"} == {STATE_UNAVAILABLE}
