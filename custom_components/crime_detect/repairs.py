"""Owns the repairs that Home Assistant can do itself, step by step with a person."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import voluptuous as vol
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_PASSWORD, CONF_SOURCE, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
from yarl import URL

from .const import DOMAIN
from .coordinator import CrimeDetectCoordinator
from .engine.client import EngineClient
from .engine.errors import CannotConnectError, EngineError, NotOverMqttError
from .issues import CAMERA_CREDENTIALS, MQTT_DISCOVERY_DUPLICATE

MQTT = "mqtt"
LINGER_S = 2.0
"""Home Assistant's MQTT takes devices away itself when the engine takes its announcements back."""


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
    """The camera refuses its user name or password: asks for them anew, tries them, and only then changes them."""

    def __init__(self, coordinator: CrimeDetectCoordinator, camera: str) -> None:
        super().__init__(coordinator)
        self._camera = camera

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        return await self.async_step_login()

    async def async_step_login(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        client = self._coordinator.link.client
        if client is None:
            return self.async_abort(reason="not_over_mqtt")
        error = ""
        errors: dict[str, str] = {}
        if user_input is None:
            shown = {CONF_SOURCE: await self._address(client)}
        else:
            shown = {key: value for key, value in user_input.items() if key != CONF_PASSWORD}
            try:
                source = _with_login(user_input)
                await client.try_source(source)
                await client.change_camera(self._camera, {CONF_SOURCE: source})
            except ValueError:
                errors[CONF_SOURCE] = "invalid_source"
            except CannotConnectError:
                errors["base"] = "cannot_connect"
            except EngineError as refused:
                errors["base"] = "source_unreadable"
                # The engine keeps passwords out of its sentences; this makes sure.
                error = str(refused).replace(user_input[CONF_PASSWORD], "***")
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="login",
            data_schema=self.add_suggested_values_to_schema(_LOGIN, shown),
            errors=errors,
            description_placeholders={**self._placeholders(), "error": error},
        )

    async def _address(self, client: EngineClient) -> str:
        """As the engine has it, without a login; empty when it does not say."""
        try:
            cameras = await client.cameras()
        except EngineError:
            return ""
        return next((re.sub(r"://[^@/]*@", "://", one.source) for one in cameras if one.id == self._camera), "")


def _with_login(typed: Mapping[str, str]) -> str:
    """Raises ValueError for what is no address."""
    url = URL(typed[CONF_SOURCE].strip())
    if not url.scheme or not url.host:
        raise ValueError("no address")
    return str(url.with_user(typed[CONF_USERNAME]).with_password(typed[CONF_PASSWORD]))


_LOGIN = vol.Schema(
    {
        vol.Required(CONF_SOURCE): TextSelector(),
        vol.Required(CONF_USERNAME): TextSelector(TextSelectorConfig(autocomplete="off")),
        vol.Required(CONF_PASSWORD): TextSelector(
            TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
        ),
    }
)
