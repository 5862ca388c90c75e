"""Owns the life of an entry: one engine, its feed, its entities and notifications."""

from __future__ import annotations

from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceEntry
from homeassistant.helpers.typing import ConfigType

from .activity import async_log_incidents
from .const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT, PLATFORMS
from .coordinator import CrimeDetectConfigEntry, CrimeDetectCoordinator
from .engine.client import EngineClient
from .entity import async_keep_devices
from .history import IncidentHistory
from .issues import async_forget_issues, async_watch_issues
from .link import EngineLink
from .link_websocket import WebSocketLink
from .media_view import async_register_views
from .notifications import async_forget_entry, async_make_notifier, async_setup_notifications
from .pictures import async_remove_pictures
from .services import async_setup_services

MQTT = "mqtt"
CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:  # noqa: ARG001 its caller names them
    """What belongs to no entry."""
    async_setup_services(hass)
    async_register_views(hass)
    await async_setup_notifications(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> bool:
    coordinator = CrimeDetectCoordinator(hass, entry, _make_link(hass, entry))
    # First: also a set-up that fails halfway ends the connection.
    entry.async_on_unload(coordinator.async_stop)
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, coordinator.async_stop))
    coordinator.notifier = async_make_notifier(hass, coordinator)
    entry.async_on_unload(coordinator.notifier.async_listen())
    entry.async_on_unload(async_watch_issues(hass, coordinator))
    await coordinator.async_config_entry_first_refresh()
    coordinator.notifier.async_resume()
    entry.runtime_data = coordinator
    async_keep_devices(hass, entry)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    entry.async_on_unload(async_log_incidents(hass, coordinator))
    coordinator.async_begin()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> bool:
    # First: an incident that is told while entities leave would be told to nobody.
    await entry.runtime_data.async_stop()
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: CrimeDetectConfigEntry) -> None:
    """Takes what it kept with it; the engine keeps its incidents."""
    history = IncidentHistory(hass, entry.entry_id)
    await history.load()
    await async_remove_pictures(hass, history)
    await history.remove()
    await async_forget_entry(hass, entry.entry_id)
    async_forget_issues(hass, entry.entry_id)


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
        if MQTT not in hass.config.components:
            raise ConfigEntryNotReady(translation_domain=DOMAIN, translation_key="mqtt_missing")
        # Here: it needs Home Assistant's mqtt, and not everybody has that.
        from .link_mqtt import MqttLink

        return MqttLink(hass, entry.data[CONF_TOPIC])
    session = async_get_clientsession(hass, verify_ssl=entry.data.get(CONF_VERIFY_SSL, True))
    return WebSocketLink(hass, EngineClient(session, entry.data[CONF_URL], entry.data[CONF_TOKEN]))
