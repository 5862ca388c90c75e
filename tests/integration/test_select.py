"""The select: by a fixed threshold, or by one that is learned."""

from __future__ import annotations

import pytest
from homeassistant.components.select import ATTR_OPTION, SERVICE_SELECT_OPTION
from homeassistant.components.select import DOMAIN as SELECT
from homeassistant.const import ATTR_ENTITY_ID, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from syrupy.assertion import SnapshotAssertion

from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, can_everything, only, value
from tests.integration.fake_engine import FakeEngine

MODE = "select.front_door_mode"


async def _select(hass: HomeAssistant, option: str) -> None:
    data = {ATTR_ENTITY_ID: MODE, ATTR_OPTION: option}
    await hass.services.async_call(SELECT, SERVICE_SELECT_OPTION, data, blocking=True)


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    can_everything(engine)
    with only(Platform.SELECT):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_an_engine_without_budgets_has_no_modes(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    assert hass.states.get(MODE) is None


async def test_the_mode_reaches_the_engine(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    can_everything(engine)
    await setup_entry()
    assert value(hass, MODE) == "threshold"
    await _select(hass, "budget")
    assert engine.sent("PATCH", "/cameras/front_door") == [{"mode": "budget"}]
    await engine.push_state("front_door", mode="budget")
    await eventually(lambda: value(hass, MODE) == "budget")


async def test_an_engine_that_refuses_says_why(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    can_everything(engine)
    await setup_entry()
    engine.fail("/cameras/front_door", 404)
    with pytest.raises(HomeAssistantError) as raised:
        await _select(hass, "budget")
    assert raised.value.translation_key == "not_found"
