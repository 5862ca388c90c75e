"""Switches: what a person turns reaches the engine, and what the engine says is shown."""

from __future__ import annotations

import pytest
from homeassistant.components.switch import DOMAIN as SWITCH
from homeassistant.const import ATTR_ENTITY_ID, SERVICE_TURN_OFF, SERVICE_TURN_ON, STATE_OFF, STATE_ON, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from syrupy.assertion import SnapshotAssertion

from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, only, value
from tests.integration.fake_engine import FakeEngine


async def _turn(hass: HomeAssistant, entity_id: str, on: bool) -> None:
    service = SERVICE_TURN_ON if on else SERVICE_TURN_OFF
    await hass.services.async_call(SWITCH, service, {ATTR_ENTITY_ID: entity_id}, blocking=True)


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    with only(Platform.SWITCH):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


@pytest.mark.parametrize("key", ["detection", "privacy"])
async def test_a_switch_of_the_engine(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, key: str
) -> None:
    await setup_entry()
    entity_id = f"switch.front_door_{key}"
    for on, state in ((False, STATE_OFF), (True, STATE_ON)):
        await _turn(hass, entity_id, on)
        assert engine.sent("PATCH", "/cameras/front_door")[-1] == {key: on}
        await engine.push_state("front_door", **{key: on})
        await eventually(lambda wanted=state: value(hass, entity_id) == wanted)
    assert not engine.sent("PATCH", "/cameras/yard")


async def test_an_engine_that_refuses_says_why(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    engine.fail("/cameras/front_door", 500)
    with pytest.raises(HomeAssistantError) as raised:
        await _turn(hass, "switch.front_door_detection", False)
    assert raised.value.translation_key == "engine_error"
    assert value(hass, "switch.front_door_detection") == STATE_ON


async def test_notifications_are_muted_for_one_camera_and_stay_so(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    entry = await setup_entry()
    entity_id = "switch.front_door_notifications"
    assert value(hass, entity_id) == STATE_ON
    await _turn(hass, entity_id, False)
    assert value(hass, entity_id) == STATE_OFF
    assert value(hass, "switch.yard_notifications") == STATE_ON
    assert entry.runtime_data.notifier.muted == {"front_door"}
    assert not [one for one in engine.requests if one.method == "PATCH"]
    await hass.config_entries.async_unload(entry.entry_id)
    await setup_entry()
    assert value(hass, entity_id) == STATE_OFF
    await _turn(hass, entity_id, True)
    assert value(hass, entity_id) == STATE_ON
    assert not entry.runtime_data.notifier.muted
