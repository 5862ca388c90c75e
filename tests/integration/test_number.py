"""Numbers: thresholds, budgets, and how long incidents are kept."""

from __future__ import annotations

import pytest
from homeassistant.components.homeassistant import DOMAIN as HOMEASSISTANT
from homeassistant.components.homeassistant import SERVICE_UPDATE_ENTITY
from homeassistant.components.number import ATTR_VALUE, SERVICE_SET_VALUE
from homeassistant.components.number import DOMAIN as NUMBER
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.link_websocket import WebSocketLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, can_everything, only, value
from tests.integration.fake_engine import RETENTION, FakeEngine

THRESHOLD = "number.front_door_threshold"
KEEP = "number.home_keep_incidents"


async def _set(hass: HomeAssistant, entity_id: str, to: float) -> None:
    data = {ATTR_ENTITY_ID: entity_id, ATTR_VALUE: to}
    await hass.services.async_call(NUMBER, SERVICE_SET_VALUE, data, blocking=True)


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    can_everything(engine)
    with only(Platform.NUMBER):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_the_threshold_reaches_the_engine(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    assert value(hass, THRESHOLD) == "70.0"
    await _set(hass, THRESHOLD, 55)
    assert engine.sent("PATCH", "/cameras/front_door") == [{"threshold": 0.55}]
    await engine.push_state("front_door", threshold=0.55)
    await eventually(lambda: value(hass, THRESHOLD) == "55.0")
    with pytest.raises(ServiceValidationError):
        await _set(hass, THRESHOLD, 101)


async def test_an_engine_that_refuses_says_why(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    engine.fail("/cameras/front_door", 403)
    with pytest.raises(HomeAssistantError) as raised:
        await _set(hass, THRESHOLD, 55)
    assert raised.value.translation_key == "not_allowed"


async def test_the_budget_is_there_where_the_engine_has_one(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    budget = "number.front_door_false_alarm_budget"
    assert hass.states.get(budget) is None
    can_everything(engine)
    await engine.push_info()
    await engine.push_state("front_door")
    await eventually(lambda: hass.states.get(budget) is not None)
    await eventually(lambda: value(hass, budget) == "1.0")
    await _set(hass, budget, 2.5)
    assert engine.sent("PATCH", "/cameras/front_door") == [{"false_alarm_budget": "2.5/week"}]


async def test_retention_keeps_what_it_is_not_about(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    assert float(value(hass, KEEP)) == 30
    await _set(hass, KEEP, 45)
    assert engine.sent("PUT", "/retention") == [RETENTION | {"incidents": "45d"}]
    assert float(value(hass, KEEP)) == 45


@pytest.mark.parametrize(("told", "days"), [("2w", "14"), ("36h", "1.5"), ("for ever", STATE_UNKNOWN)])
async def test_retention_as_people_write_it(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, told: str, days: str
) -> None:
    engine.retention["incidents"] = told
    await setup_entry()
    assert value(hass, KEEP) == days


async def test_retention_that_nobody_tells_is_unavailable_until_somebody_does(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await async_setup_component(hass, HOMEASSISTANT, {})
    engine.fail("/retention", 500, times=1)
    await setup_entry()
    assert value(hass, KEEP) == STATE_UNAVAILABLE
    data = {ATTR_ENTITY_ID: KEEP}
    await hass.services.async_call(HOMEASSISTANT, SERVICE_UPDATE_ENTITY, data, blocking=True)
    assert float(value(hass, KEEP)) == 30


async def test_retention_that_is_refused_says_why(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    engine.fail("/retention", 400, code="bad_request")
    with pytest.raises(HomeAssistantError) as raised:
        await _set(hass, KEEP, 45)
    assert raised.value.translation_key == "engine_error"


async def test_over_a_broker_there_is_no_retention(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebSocketLink, "client", None)
    can_everything(engine)
    await setup_entry()
    assert hass.states.get(KEEP) is None
    assert hass.states.get("number.front_door_false_alarm_budget") is None
    assert value(hass, THRESHOLD) == "70.0"


async def test_an_older_engine_keeps_its_retention_to_itself(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    engine.info["features"] = ["cameras"]
    await setup_entry()
    assert hass.states.get(KEEP) is None
