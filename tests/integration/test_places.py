"""Who is where: sensors of cameras and zones that come when somebody looks, and go with what people draw."""

from __future__ import annotations

from typing import Any

import pytest
from homeassistant.const import ATTR_RESTORED, STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from custom_components.crime_detect.const import DOMAIN
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import attribute, value
from tests.integration.fake_engine import FakeEngine

OCCUPANCY, PERSONS = "binary_sensor.front_door_occupancy", "sensor.front_door_persons"
YARD, GATE = "binary_sensor.front_door_yard_occupancy", "binary_sensor.front_door_back_gate_occupancy"
NOBODY_LOOKS: dict[str, Any] = {"persons": None, "objects": {}, "zones": {}}


def zone(persons: int, **objects: int) -> dict[str, Any]:
    found = {"person": persons, **objects} if persons else objects
    return {"persons": persons, "objects": found, "occupied": bool(found)}


def looks(persons: int, **zones: dict[str, Any]) -> dict[str, Any]:
    return {"persons": persons, "objects": {"person": persons}, "zones": zones}


def places(hass: HomeAssistant) -> set[str]:
    """The ids of what tells who is where."""
    keys = ("occupancy", "persons")
    entities = er.async_get(hass).entities.values()
    return {one.unique_id.split("_", 1)[1] for one in entities if one.unique_id.rpartition("_")[2] in keys}


def provided(hass: HomeAssistant, entity_id: str) -> bool:
    state = hass.states.get(entity_id)
    return state is not None and not state.attributes.get(ATTR_RESTORED)


@pytest.fixture
def blind(engine: FakeEngine) -> FakeEngine:
    """Nobody looks at any camera yet."""
    for camera in engine.cameras.values():
        camera["state"] |= NOBODY_LOOKS
    return engine


async def test_somebody_comes_and_goes(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    assert (value(hass, OCCUPANCY), value(hass, PERSONS), value(hass, YARD)) == (STATE_ON, "1", STATE_ON)
    assert attribute(hass, YARD, "friendly_name") == "Front door Yard occupancy"
    await engine.push_state("front_door", **looks(3, yard=zone(0)))
    await eventually(lambda: value(hass, PERSONS) == "3")
    assert (value(hass, OCCUPANCY), value(hass, YARD)) == (STATE_ON, STATE_OFF)
    await engine.push_state("front_door", **looks(0, yard=zone(0, car=1)))
    await eventually(lambda: value(hass, OCCUPANCY) == STATE_OFF)
    assert (value(hass, PERSONS), value(hass, YARD)) == ("0", STATE_ON), "a car is in the zone, and nobody in view"


async def test_they_appear_once_somebody_looks(
    hass: HomeAssistant, blind: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    assert places(hass) == set()
    await blind.push_state("front_door", **looks(0))
    await eventually(lambda: provided(hass, OCCUPANCY) and provided(hass, PERSONS))
    assert places(hass) == {"front_door_occupancy", "front_door_persons"}
    await blind.push_state("front_door", **looks(1, back_gate=zone(1)))
    await eventually(lambda: provided(hass, GATE))
    assert value(hass, GATE) == STATE_ON
    counted = er.async_get(hass).async_get_entity_id(
        "sensor", DOMAIN, f"{blind.uuid}_front_door_zone_back_gate_persons"
    )
    assert counted is not None
    registered = er.async_get(hass).async_get(counted)
    assert registered is not None
    assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION


async def test_an_older_engine_has_none(hass: HomeAssistant, blind: FakeEngine, setup_entry: SetupEntry) -> None:
    for camera in blind.cameras.values():
        for key in (*NOBODY_LOOKS, "tamper"):
            del camera["state"][key]
    await setup_entry()
    assert places(hass) == set()
    assert attribute(hass, "binary_sensor.front_door_tampered", "kind") is None


@pytest.mark.parametrize("change", [NOBODY_LOOKS, {"online": False, "state": "lost", **NOBODY_LOOKS}])
async def test_a_camera_where_nobody_looks_any_more_keeps_them(
    hass: HomeAssistant,
    engine: FakeEngine,
    setup_entry: SetupEntry,
    eventually: Eventually,
    change: dict[str, Any],
) -> None:
    """Unavailable is not gone: not now, and not after a restart of Home Assistant."""
    entry = await setup_entry()
    await engine.push_state("front_door", **change)
    await eventually(lambda: value(hass, OCCUPANCY) == STATE_UNAVAILABLE)
    for _ in range(2):
        assert {value(hass, one) for one in (OCCUPANCY, PERSONS, YARD)} == {STATE_UNAVAILABLE}
        assert all(provided(hass, one) for one in (OCCUPANCY, PERSONS, YARD))
        await hass.config_entries.async_unload(entry.entry_id)
        await setup_entry()
    await engine.push_state("front_door", online=True, state="live", **looks(2, yard=zone(2)))
    await eventually(lambda: value(hass, PERSONS) == "2")
    assert value(hass, YARD) == STATE_ON


async def test_a_zone_that_is_drawn_no_more_can_be_removed_and_may_come_back(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, caplog: Any
) -> None:
    entry = await setup_entry()
    await engine.push_state("front_door", **looks(1, back_gate=zone(1)))
    await eventually(lambda: provided(hass, GATE))
    await eventually(lambda: not provided(hass, YARD))
    assert (value(hass, YARD), value(hass, OCCUPANCY)) == (STATE_UNAVAILABLE, STATE_ON)
    assert er.async_get(hass).async_get(YARD) is not None, "a person removes it, or its history would be lost"
    await hass.config_entries.async_unload(entry.entry_id)
    await setup_entry()
    assert not provided(hass, YARD)

    await engine.push_state("front_door", **looks(1, back_gate=zone(0), yard=zone(1)))
    await eventually(lambda: provided(hass, YARD))
    assert (value(hass, YARD), value(hass, GATE)) == (STATE_ON, STATE_OFF)

    await engine.push_state("front_door", **looks(1, back_gate=zone(0)))
    await eventually(lambda: not provided(hass, YARD))
    er.async_get(hass).async_remove(YARD)
    await engine.push_state("front_door", **looks(1, back_gate=zone(0), yard=zone(1)))
    await eventually(lambda: hass.states.get(YARD) is not None)
    assert value(hass, YARD) == STATE_ON
    assert "does not generate unique IDs" not in caplog.text


async def test_without_the_engine_they_are_unavailable(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.stop()
    await eventually(lambda: {value(hass, one) for one in (OCCUPANCY, PERSONS, YARD)} == {STATE_UNAVAILABLE})
    await engine.start()
    await engine.wait_connected()
    await eventually(lambda: value(hass, YARD) == STATE_ON)


async def test_how_a_camera_was_tampered_with(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    tampered = "binary_sensor.front_door_tampered"
    assert (value(hass, tampered), attribute(hass, tampered, "kind")) == (STATE_ON, "covered")
    await engine.push_state("front_door", tampered=False, tamper=None)
    await eventually(lambda: value(hass, tampered) == STATE_OFF)
    assert attribute(hass, tampered, "kind") is None
