"""What all entities share: devices, availability, cameras that come and go, words and icons."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.engine.errors import (
    BadMessageError,
    CannotConnectError,
    EngineError,
    InvalidAuthError,
    NotFoundError,
    NotOverMqttError,
)
from custom_components.crime_detect.entity import camera_device, hub_device
from custom_components.crime_detect.errors import engine_errors
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import can_everything, value
from tests.integration.fake_engine import FakeEngine

OURS = Path(__file__).resolve().parents[2] / "custom_components" / "crime_detect"


def _shown(hass: HomeAssistant, entry: MockConfigEntry, camera: str = "") -> dict[str, str]:
    """States of the enabled entities (of one camera) by entity id."""
    registered = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        one.entity_id: value(hass, one.entity_id)
        for one in registered
        if one.disabled_by is None and (not camera or one.unique_id.startswith(f"{entry.unique_id}_{camera}_"))
    }


def _device(hass: HomeAssistant, entry: MockConfigEntry, identifier: str) -> dr.DeviceEntry | None:
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return next((one for one in devices if ("crime_detect", identifier) in one.identifiers), None)


async def test_the_devices(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    entry = await setup_entry()
    hub = _device(hass, entry, engine.uuid)
    door = _device(hass, entry, f"{engine.uuid}_front_door")
    assert hub == snapshot(name="hub")
    assert door == snapshot(name="camera")
    assert hub is not None
    assert door is not None
    assert door.via_device_id == hub.id
    assert hub.sw_version == "0.2.0"
    assert engine.token not in f"{hub.configuration_url} {door.configuration_url}"


@pytest.mark.parametrize(
    ("source", "ours", "told", "page", "incidents"),
    [
        ("user", "http://10.0.0.2:8099", "https://cams.lan/e/", "https://cams.lan/e", "/incidents?camera=front_door"),
        ("user", "http://10.0.0.2:8099", None, "http://10.0.0.2:8099", "/incidents?camera=front_door"),
        ("user", "http://10.0.0.2:8099", "javascript:alert(1)", "http://10.0.0.2:8099", "/incidents?camera=front_door"),
        ("user", None, "http://[broken", None, None),
        ("user", None, None, None, None),
        ("hassio", "http://a0b1c2d3-crime-detect:8099", None, "homeassistant://app/a0b1c2d3_crime_detect", ""),
        ("hassio", "http://10.0.0.2:8099", None, "http://10.0.0.2:8099", "/incidents?camera=front_door"),
    ],
)
async def test_a_device_leads_to_the_engines_page(
    hass: HomeAssistant,
    engine: FakeEngine,
    setup_entry: SetupEntry,
    source: str,
    ours: str | None,
    told: str | None,
    page: str | None,
    incidents: str | None,
) -> None:
    coordinator = (await setup_entry()).runtime_data
    data = {} if ours is None else {"url": ours}
    coordinator.config_entry = MockConfigEntry(domain="crime_detect", source=source, data=data)
    coordinator.data = replace(coordinator.data, info=replace(coordinator.data.info, api_url=told))
    assert hub_device(coordinator).get("configuration_url") == page
    camera = camera_device(coordinator, "front_door", "hub").get("configuration_url")
    assert camera == (None if page is None else f"{page}{incidents}")


async def test_devices_follow_the_engine(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    entry = await setup_entry()
    engine.cameras["front_door"]["name"] = "Street"
    await engine.push_info(version="0.3.0", api_url=None)
    await eventually(lambda: getattr(_device(hass, entry, engine.uuid), "sw_version", None) == "0.3.0")
    hub = _device(hass, entry, engine.uuid)
    door = _device(hass, entry, f"{engine.uuid}_front_door")
    assert hub is not None
    assert door is not None
    assert hub.configuration_url == engine.url
    assert door.name == "Street"


async def test_without_the_engine_everything_is_unavailable_and_then_back(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    can_everything(engine)
    entry = await setup_entry()
    before = _shown(hass, entry)
    assert len(before) > 30
    await engine.stop()
    await eventually(lambda: set(_shown(hass, entry).values()) == {STATE_UNAVAILABLE})
    await engine.start()
    await engine.wait_connected()
    await eventually(lambda: _shown(hass, entry) == before)


async def test_a_camera_that_appears_gets_its_entities(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    entry = await setup_entry()
    assert not _shown(hass, entry, "shed")
    engine.add_camera("shed", "Shed")
    await engine.push_info()
    await engine.push_state("shed")
    await eventually(lambda: len(_shown(hass, entry, "shed")) == len(_shown(hass, entry, "front_door")))
    await eventually(lambda: value(hass, "binary_sensor.shed_online") == "on")
    hub, shed = _device(hass, entry, engine.uuid), _device(hass, entry, f"{engine.uuid}_shed")
    assert hub is not None
    assert shed is not None
    assert (shed.name, shed.via_device_id) == ("Shed", hub.id)


async def test_a_camera_that_is_gone_can_be_removed_and_may_come_back(
    hass: HomeAssistant,
    engine: FakeEngine,
    setup_entry: SetupEntry,
    eventually: Eventually,
    hass_ws_client: WebSocketGenerator,
) -> None:
    await async_setup_component(hass, "config", {})
    entry = await setup_entry()
    client = await hass_ws_client(hass)
    gone = engine.cameras.pop("yard")
    await engine.push_info()
    await eventually(lambda: set(_shown(hass, entry, "yard").values()) == {STATE_UNAVAILABLE})
    ids = {}
    for identifier in (engine.uuid, f"{engine.uuid}_front_door", f"{engine.uuid}_yard"):
        device = _device(hass, entry, identifier)
        assert device is not None
        ids[identifier] = device.id
    answers = [(await client.remove_device(one))["success"] for one in ids.values()]
    assert answers == [False, False, True]
    assert not _shown(hass, entry, "yard")

    engine.cameras["yard"] = gone
    await engine.push_info()
    front = engine.cameras["front_door"]["state"]
    await engine.push_state("yard", online=True, state="live", persons=0, zones=front["zones"])
    await eventually(lambda: len(_shown(hass, entry, "yard")) == len(_shown(hass, entry, "front_door")))
    await eventually(lambda: value(hass, "binary_sensor.yard_online") == "on")


async def test_a_camera_that_comes_back_needs_no_new_entities(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, caplog
) -> None:
    entry = await setup_entry()
    before = _shown(hass, entry, "front_door")
    away = engine.cameras.pop("front_door")
    await engine.push_info()
    await eventually(lambda: set(_shown(hass, entry, "front_door").values()) == {STATE_UNAVAILABLE})
    engine.cameras["front_door"] = away
    await engine.push_info()
    await engine.push_state("front_door")
    await eventually(lambda: _shown(hass, entry, "front_door") == before)
    assert "does not generate unique IDs" not in caplog.text


async def test_news_while_entities_are_being_added_add_none_twice(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually, caplog
) -> None:
    entry = await setup_entry()
    engine.add_camera("shed", "Shed")
    for count in range(5):
        await engine.push_info(alerts_today=count)
        await engine.push_state("shed")
    await eventually(lambda: len(_shown(hass, entry, "shed")) == len(_shown(hass, entry, "front_door")))
    await eventually(lambda: value(hass, "sensor.home_alerts_today") == "4")
    assert "does not generate unique IDs" not in caplog.text


async def test_a_camera_whose_state_is_not_known_yet_can_fire_all_the_same(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    """Over a broker its state may come later than its name."""
    entry = await setup_entry()
    engine.add_camera("shed", "Shed")
    await engine.push_info()
    await eventually(lambda: hass.states.get("camera.shed_live") is not None)
    known = {
        "event.shed_incident",
        "image.shed_last_incident",
        "sensor.shed_last_incident",
        "switch.shed_notifications",
    }
    shown = _shown(hass, entry, "shed")
    assert {entity_id for entity_id, state in shown.items() if state != STATE_UNAVAILABLE} == known
    await engine.push_incident(engine.incident(1, camera="shed", started_at=dt_util.utcnow().isoformat()))
    await eventually(lambda: value(hass, "event.shed_incident") != STATE_UNKNOWN)


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (CannotConnectError("nobody"), "cannot_connect"),
        (InvalidAuthError("no"), "not_allowed"),
        (NotFoundError("none"), "not_found"),
        (NotOverMqttError("none"), "not_over_mqtt"),
        (BadMessageError("what"), "engine_error"),
        (EngineError("full"), "engine_error"),
    ],
)
def test_errors_have_words(error: EngineError, key: str) -> None:
    with pytest.raises(HomeAssistantError) as raised, engine_errors():
        raise error
    assert (raised.value.translation_key, raised.value.translation_domain) == (key, "crime_detect")
    words = json.loads((OURS / "translations" / "en.json").read_text())["exceptions"][key]["message"]
    assert words.format(**(raised.value.translation_placeholders or {}))


async def test_every_entity_has_words_and_an_icon_and_nothing_is_left_over(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    can_everything(engine)
    entry = await setup_entry()
    entities = {
        (one.domain, one.translation_key)
        for one in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    }
    for file in ("translations/en.json", "icons.json"):
        known = json.loads((OURS / file).read_text())["entity"]
        assert {(platform, key) for platform, keys in known.items() for key in keys} == entities, file


def test_every_class_has_words_and_an_icon() -> None:
    texts = json.loads((OURS / "translations" / "en.json").read_text())
    words = texts["entity"]
    icons = json.loads((OURS / "icons.json").read_text())["entity"]
    threat = words["sensor"]["threat_class"]["state"]
    assert set(words["event"]["incident"]["state_attributes"]["event_type"]["state"]) == set(threat) - {"normal"}
    assert set(icons["sensor"]["threat_class"]["state"]) == set(threat) - {"anomaly"}
    chosen = set(texts["selector"]["class"]["options"])
    assert chosen == set(threat) - {"normal", "intrusion"}
    for form in ("detection_rules", "retention"):
        fields = texts["options"]["step"][form]["sections"]["per_class"]
        assert set(fields["data"]) == set(fields["data_description"]) == chosen - {"anomaly"}
    # The engine's own lists.
    engine = Path(__file__).resolve().parents[2] / "addon" / "crime_detect_engine" / "domain" / "vocabulary.py"
    listed = {label for name in ("VOCABULARY", "RULE_CLASSES") for label in _tuple_in(engine.read_text(), name)}
    assert listed <= set(threat)
    assert listed - {"normal"} == chosen - {"anomaly"}


def _tuple_in(source: str, name: str) -> set[str]:
    listed = source[source.index(f"{name} = (") : source.index(")  # fmt", source.index(f"{name} = ("))]
    return {part.strip(' "\n,') for part in listed.split("(", 1)[1].replace("NORMAL", '"normal"').split(",")} - {""}
