"""Owns the life of an entry: one engine, its feed, its entities and notifications."""

from __future__ import annotations

from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from .const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT, PLATFORMS
from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.client import EngineClient
from .entity import async_keep_devices
from .history import IncidentHistory
from .link import EngineLink
from .link_websocket import WebSocketLink
from .notifications import async_forget_entry, async_make_notifier, async_setup_notifications

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:  # noqa: ARG001 its caller names them
    """What belongs to no entry."""
    await async_setup_notifications(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> bool:
    coordinator = CrimeDetectCoordinator(hass, entry, _make_link(hass, entry))
    # First: also a set-up that fails halfway ends the connection.
    entry.async_on_unload(coordinator.async_stop)
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, coordinator.async_stop))
    coordinator.notifier = async_make_notifier(hass, coordinator)
    entry.async_on_unload(coordinator.notifier.async_listen())
    await coordinator.async_config_entry_first_refresh()
    coordinator.notifier.async_resume()
    entry.runtime_data = coordinator
    async_keep_devices(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> bool:
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> None:
    """Takes what it kept with it; the engine keeps its incidents."""
    await IncidentHistory(hass, entry.entry_id).remove()
    await async_forget_entry(hass, entry.entry_id)


async def async_remove_config_entry_device(
    _hass: HomeAssistant, entry: CrimeDetectConfigEntry, device: DeviceEntry
) -> bool:
    """A camera that the engine does not watch any more may be removed; the engine itself only with its entry."""
    uuid = entry.unique_id
    ids = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    coordinator = entry.runtime_data
    gone = {one.removeprefix(f"{uuid}_") for one in ids if one.startswith(f"{uuid}_")} - set(
        coordinator.data.info.cameras
    )
    for camera in gone:
        coordinator.async_forget_camera(camera)
    return bool(gone)


def _make_link(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> EngineLink:
    if entry.data[CONF_FEED] == FEED_MQTT:
        # Here: it needs Home Assistant's mqtt, and not everybody has that.
        from .link_mqtt import MqttLink

        return MqttLink(hass, entry.data[CONF_TOPIC])
    session = async_get_clientsession(hass, verify_ssl=entry.data.get(CONF_VERIFY_SSL, True))
    return WebSocketLink(hass, EngineClient(session, entry.data[CONF_URL], entry.data[CONF_TOKEN]))
