"""Owns the repairs that Home Assistant can do itself, step by step with a person."""

from __future__ import annotations

import asyncio

import voluptuous as vol
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from .const import DOMAIN
from .coordinator import CrimeDetectCoordinator
from .engine.errors import CannotConnectError, EngineError, NotOverMqttError
from .issues import CAMERA_CREDENTIALS, MQTT_DISCOVERY_DUPLICATE

MQTT = "mqtt"
LINGER_S = 2.0
"""Home Assistant's MQTT takes devices away itself when the engine takes its announcements back."""
CONF_SOURCE = "source"


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    entry = hass.config_entries.async_get_entry(str((data or {}).get("entry_id")))
    if entry is None or entry.state is not ConfigEntryState.LOADED:
        return ConfirmRepairFlow()
    coordinator: CrimeDetectCoordinator = entry.runtime_data
    key, camera = issue_id.split("/")[0], (data or {}).get("camera")
    if key == MQTT_DISCOVERY_DUPLICATE:
        return MqttDiscoveryRepair(coordinator)
    if key == CAMERA_CREDENTIALS and camera:
        return CameraCredentialsRepair(coordinator, str(camera))
    return ConfirmRepairFlow()


class _Repair(RepairsFlow):
    def __init__(self, coordinator: CrimeDetectCoordinator) -> None:
        self._coordinator = coordinator

    def _placeholders(self) -> dict[str, str]:
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        return dict(issue.translation_placeholders or {}) if issue else {}


class MqttDiscoveryRepair(_Repair):
    """One camera, two devices: the engine stops announcing its cameras over MQTT, ours stay."""

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        if user_input is None:
            return self.async_show_form(
                step_id="confirm", data_schema=vol.Schema({}), description_placeholders=self._placeholders()
            )
        try:
            await self._coordinator.link.switch_off_mqtt_discovery()
        except NotOverMqttError:
            return self.async_abort(reason="not_over_mqtt")
        except EngineError as error:
            return self.async_abort(reason="engine_error", description_placeholders={"error": str(error)})
        if duplicates := self._duplicates():
            await asyncio.sleep(LINGER_S)
            registry = dr.async_get(self.hass)
            for device_id in duplicates & self._duplicates():
                registry.async_remove_device(device_id)
        return self.async_create_entry(data={})

    def _duplicates(self) -> set[str]:
        """Devices of Home Assistant's MQTT that this engine announced."""
        info = self._coordinator.data.info
        announced = {f"crime_detect_{info.uuid}_{camera}" for camera in info.cameras}
        return {
            device.id
            for entry in self.hass.config_entries.async_entries(MQTT)
            for device in dr.async_entries_for_config_entry(dr.async_get(self.hass), entry.entry_id)
            if any(domain == MQTT and identifier in announced for domain, identifier in device.identifiers)
        }


class CameraCredentialsRepair(_Repair):
    """The camera refuses its user name or password: asks for its address anew, tries it, and only then changes it."""

    def __init__(self, coordinator: CrimeDetectCoordinator, camera: str) -> None:
        super().__init__(coordinator)
        self._camera = camera

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        return await self.async_step_address()

    async def async_step_address(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        errors: dict[str, str] = {}
        placeholders = {"error": "", **self._placeholders()}
        client = self._coordinator.link.client
        if client is None:
            return self.async_abort(reason="not_over_mqtt")
        if user_input is not None:
            source = user_input[CONF_SOURCE].strip()
            try:
                await client.try_source(source)
                await client.change_camera(self._camera, {CONF_SOURCE: source})
            except CannotConnectError:
                errors["base"] = "cannot_connect"
            except EngineError as error:
                errors["base"] = "source_unreadable"
                placeholders["error"] = str(error)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="address",
            data_schema=vol.Schema({vol.Required(CONF_SOURCE): _ADDRESS}),
            errors=errors,
            description_placeholders=placeholders,
        )


_ADDRESS = TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
