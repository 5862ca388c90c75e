"""An entry: set up, unloaded, stopped, removed, and what is made for everybody."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.crime_detect import async_remove_config_entry_device
from custom_components.crime_detect.const import DOMAIN, MIN_ENGINE_VERSION
from tests.integration.fake_engine import FakeEngine

SetupEntry = Callable[..., Awaitable[MockConfigEntry]]
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
INTEGRATION = Path(__file__).resolve().parents[2] / "custom_components" / DOMAIN


async def test_an_entry_is_set_up_and_unloaded(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    entry = await setup_entry()
    assert entry.state is ConfigEntryState.LOADED
    assert set(entry.runtime_data.data.info.cameras) == {"front_door", "yard"}
    assert entry.runtime_data.connected
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    await engine.wait_connected(0)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entry.runtime_data.connected


async def test_actions_are_there_without_an_engine(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    assert {"get_incidents", "acknowledge", "give_feedback", "snooze"} <= set(hass.services.async_services()[DOMAIN])


async def test_home_assistant_stops(
    hass: HomeAssistant, hass_storage: dict[str, Any], engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    entry = await setup_entry()
    await engine.push_state("yard", online=True)
    await engine.wait_connected()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    await engine.wait_connected(0)
    assert hass_storage[f"{DOMAIN}.{entry.entry_id}"]["data"]["position"]["epoch"] == engine.epoch


async def test_a_set_up_that_fails_leaves_no_connection(
    hass: HomeAssistant, engine: FakeEngine, entry: MockConfigEntry, setup_entry: SetupEntry
) -> None:
    hass.config_entries.async_update_entry(entry, unique_id="another")
    await setup_entry()
    assert (entry.state, entry.error_reason_translation_key) == (ConfigEntryState.SETUP_ERROR, "another_engine")
    await engine.wait_connected(0)


async def test_only_devices_of_cameras_that_are_gone_may_be_removed(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    engine: FakeEngine,
    setup_entry: SetupEntry,
    eventually: Eventually,
) -> None:
    entry = await setup_entry()
    coordinator = entry.runtime_data
    seen: list[str] = []
    coordinator.async_add_camera_listener(seen.append)

    async def may_go(name: str) -> bool:
        device = device_registry.async_get_device_by_identifier((DOMAIN, name), entry.entry_id)
        assert device is not None
        return await async_remove_config_entry_device(hass, entry, device)

    assert not await may_go(engine.uuid)
    assert not await may_go(f"{engine.uuid}_yard")
    del engine.cameras["yard"]
    await engine.push_info()
    await eventually(lambda: "yard" not in coordinator.data.info.cameras)
    yard = (DOMAIN, f"{engine.uuid}_yard")
    assert device_registry.async_get_device_by_identifier(yard, entry.entry_id), "offered, not done"
    assert await may_go(f"{engine.uuid}_yard")
    engine.add_camera("yard", "Yard")
    await engine.push_info()
    await engine.push_state("yard", online=True)
    await eventually(lambda: seen.count("yard") == 2)


def test_the_manifest() -> None:
    """What hassfest asks of a custom integration."""
    manifest = json.loads((INTEGRATION / "manifest.json").read_text())
    keys = list(manifest)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])
    assert (manifest["domain"], manifest["integration_type"], manifest["iot_class"]) == (DOMAIN, "hub", "local_push")
    assert {"codeowners", "documentation", "issue_tracker", "version"} <= set(keys)
    assert manifest["requirements"] == []
    assert manifest["version"] >= MIN_ENGINE_VERSION
    assert json.loads((INTEGRATION.parents[1] / "hacs.json").read_text()).keys() <= {
        "name",
        "homeassistant",
        "render_readme",
        "hide_default_branch",
        "country",
        "hacs",
        "persistent_directory",
        "zip_release",
        "filename",
        "content_in_root",
    }
