"""Sensors: what each camera sees, when there was an incident, and how the engine does."""

from __future__ import annotations

from datetime import timedelta

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.sensor import CONFIDENCE_EVERY_S
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import (
    assert_as_in_snapshot,
    attribute,
    can_everything,
    only,
    record,
    value,
)
from tests.integration.fake_engine import FakeEngine

CONFIDENCE = "sensor.front_door_confidence"
LAST = "sensor.front_door_last_incident"
THREAT = "sensor.front_door_threat_class"


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    can_everything(engine)
    with only(Platform.SENSOR):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_frame_rate_and_latency_are_for_those_who_ask(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    registry = er.async_get(hass)
    for key in ("fps", "latency"):
        entity_id = registry.async_get_entity_id("sensor", "crime_detect", f"{engine.uuid}_front_door_{key}")
        assert entity_id is not None
        registered = registry.async_get(entity_id)
        assert registered is not None
        assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION


async def test_confidence_writes_seldom_and_its_last_word(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    written = record(hass, CONFIDENCE)
    for confidence in (0.91, 0.92, 0.93, 0.94):
        await engine.push_state("front_door", confidence=confidence)
    await eventually(lambda: hass.config_entries.async_entries("crime_detect")[0].runtime_data.history.position.seq
                     == engine.seq)  # fmt: skip
    assert [state.state for state in written] == ["91.0"]
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=CONFIDENCE_EVERY_S + 1))
    await eventually(lambda: len(written) == 2)
    assert [state.state for state in written] == ["91.0", "94.0"]
    # Nothing came: nothing is written.
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=2 * CONFIDENCE_EVERY_S + 2))
    await hass.async_block_till_done()
    assert len(written) == 2


async def test_confidence_that_crosses_the_threshold_is_written_at_once(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    written = record(hass, CONFIDENCE)
    for confidence in (0.2, 0.3, 0.9, 0.91, 0.1):
        await engine.push_state("front_door", confidence=confidence)
    await eventually(lambda: value(hass, CONFIDENCE) == "10.0")
    assert [state.state for state in written] == ["20.0", "90.0", "10.0"]


async def test_confidence_of_a_lost_camera_is_gone_at_once(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_state("front_door", confidence=0.91)
    await engine.push_state("front_door", online=False, state="lost")
    await eventually(lambda: value(hass, CONFIDENCE) == STATE_UNAVAILABLE)
    assert value(hass, THREAT) == STATE_UNAVAILABLE
    assert value(hass, LAST) == STATE_UNKNOWN  # that is still known, or not


async def test_a_camera_that_says_nothing_yet_has_no_confidence(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    engine.cameras["front_door"]["state"] |= {"label": None, "confidence": None}
    await setup_entry()
    assert value(hass, CONFIDENCE) == STATE_UNKNOWN
    assert value(hass, THREAT) == STATE_UNKNOWN


async def test_last_incident_is_kept_over_restarts(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    entry = await setup_entry()
    assert value(hass, LAST) == STATE_UNKNOWN
    began = (dt_util.utcnow() - timedelta(seconds=30)).replace(microsecond=0)
    await engine.push_incident(engine.incident(1, started_at=began.isoformat()))
    await eventually(lambda: value(hass, LAST) == began.isoformat())
    assert value(hass, "sensor.yard_last_incident") == STATE_UNKNOWN
    await hass.config_entries.async_unload(entry.entry_id)
    assert value(hass, LAST) == STATE_UNAVAILABLE
    await setup_entry()
    assert value(hass, LAST) == began.isoformat()


async def test_a_class_that_the_model_does_not_name_is_shown(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_state("front_door", label="weapon")
    await eventually(lambda: value(hass, THREAT) == "weapon")
    assert attribute(hass, THREAT, "options") == ["normal", "fighting", *engine.info["rules"], "weapon"]


async def test_a_device_that_we_do_not_know_is_shown(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    engine.info["device"] = "npu"
    await setup_entry()
    assert value(hass, "sensor.home_device") == "npu"


async def test_the_engines_figures_follow_it(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    assert hass.states.get("sensor.home_gpu_load") is None
    assert value(hass, "sensor.home_alerts_today") == "3"
    await engine.push_info(alerts_today=4, gpu_load=12.0, device="cuda")
    await eventually(lambda: value(hass, "sensor.home_alerts_today") == "4")
    await eventually(lambda: hass.states.get("sensor.home_gpu_load") is not None)
    assert value(hass, "sensor.home_gpu_load") == "12.0"
    assert value(hass, "sensor.home_device") == "cuda"


async def test_hub_sensors_write_when_the_engine_says_something(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    """Not at each word of each camera."""
    await setup_entry()
    reported = hass.states.get("sensor.home_model")
    await engine.push_state("front_door", confidence=0.1)
    await eventually(lambda: value(hass, CONFIDENCE) == "10.0")
    assert reported is not None
    state = hass.states.get("sensor.home_model")
    assert state is not None
    first = state.last_reported
    await engine.push_state("front_door", confidence=0.9)
    await eventually(lambda: value(hass, CONFIDENCE) == "90.0")
    state = hass.states.get("sensor.home_model")
    assert state is not None
    assert state.last_reported == first
