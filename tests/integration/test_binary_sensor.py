"""Binary sensors: an incident goes on, the camera is there, somebody covered it."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant
from syrupy.assertion import SnapshotAssertion

from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, only, value
from tests.integration.fake_engine import FakeEngine

pytestmark = pytest.mark.usefixtures("engine")


async def test_all_of_them(hass: HomeAssistant, setup_entry: SetupEntry, snapshot: SnapshotAssertion) -> None:
    with only(Platform.BINARY_SENSOR):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_incident_active_is_on_while_it_goes_on(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    engine.cameras["front_door"]["state"]["active"] = False
    await setup_entry()
    assert value(hass, "binary_sensor.front_door_incident_active") == STATE_OFF
    await engine.push_state("front_door", active=True)
    await eventually(lambda: value(hass, "binary_sensor.front_door_incident_active") == STATE_ON)
    await engine.push_state("front_door", active=False)
    await eventually(lambda: value(hass, "binary_sensor.front_door_incident_active") == STATE_OFF)


async def test_of_a_lost_camera_nobody_knows_what_goes_on(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_state("front_door", state="lost", online=False, tampered=True)
    await eventually(lambda: value(hass, "binary_sensor.front_door_online") == STATE_OFF)
    assert value(hass, "binary_sensor.front_door_incident_active") == STATE_UNAVAILABLE
    assert value(hass, "binary_sensor.front_door_tampered") == STATE_ON
    await engine.push_state("front_door", state="live", online=True)
    await eventually(lambda: value(hass, "binary_sensor.front_door_online") == STATE_ON)
    assert value(hass, "binary_sensor.front_door_incident_active") == STATE_ON
