"""Owns the steps that others begin: the Supervisor, zeroconf and MQTT announce an engine. And trying one out."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry, ConfigEntryState, ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

from . import probe
from .const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT, FEED_WEBSOCKET
from .engine.models import EngineInfo
from .probe import ProbeError

TOKEN = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off"))
TOKEN_SCHEMA = vol.Schema({vol.Required(CONF_TOKEN): TOKEN})
_EXAMPLES = {
    "example_url": "http://192.168.1.5:8099",
    "command": "crime-detect token create --role integration --name home-assistant",
}
"""Texts must hold no addresses: they would be translated."""
_RELOADABLE = (
    ConfigEntryState.LOADED,
    ConfigEntryState.SETUP_ERROR,
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.SETUP_RETRY,
)


class DiscoverySteps(ConfigFlow):
    """What was announced is kept in the flow, and tried out when a person confirms."""

    def __init__(self) -> None:
        self._url = ""
        self._token = ""
        self._topic = ""
        self._topics: list[str] | None = None
        self._instance = ""
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}

    async def async_step_hassio(self, discovery_info: HassioServiceInfo) -> ConfigFlowResult:
        """The app announces itself through the Supervisor, with a token: both are to be trusted."""
        config = discovery_info.config
        host, port, token, uuid = (config.get(key) for key in ("host", "port", "token", "uuid"))
        if not (isinstance(host, str) and isinstance(token, str) and probe.is_identity(uuid, "app")):
            return self.async_abort(reason="invalid_discovery_info")
        try:
            self._url, self._token = probe.address_of("http", host, int(port or probe.DEFAULT_PORT)), token
        except TypeError, ValueError:
            return self.async_abort(reason="invalid_discovery_info")
        if entry := await self.async_set_unique_id(uuid, raise_on_progress=False):
            self._refresh(entry)
            return self.async_abort(reason="already_configured")
        self._take_over()
        self.context["title_placeholders"] = {"name": discovery_info.name}
        return await self.async_step_hassio_confirm()

    async def async_step_hassio_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        typed = {CONF_URL: self._url, CONF_TOKEN: self._token, CONF_VERIFY_SSL: True}
        if user_input is not None and (data := await self._async_try_address(typed, self.unique_id)):
            return await self._async_create(*data)
        self._set_confirm_only()
        return self._form("hassio_confirm", vol.Schema({}))

    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Anybody in the network can announce anything: nothing is sent to this address before a person says so.

        A uuid is no proof either, it is announced to everybody. So an entry is moved to another address only when its
        own does not answer any more, and a person confirms.
        """
        uuid, instance = discovery_info.properties.get("uuid"), discovery_info.properties.get("instance")
        if not probe.is_identity(uuid, instance):
            return self.async_abort(reason="invalid_discovery_info")
        secure = discovery_info.properties.get("tls") == "1"
        scheme, port = "https" if secure else "http", discovery_info.port or probe.DEFAULT_PORT
        self._url = probe.address_of(scheme, discovery_info.host, port)
        self._instance = str(instance)
        self.context["title_placeholders"] = {"name": self._instance}
        entry = await self.async_set_unique_id(uuid)
        if entry is None and secure:
            # A certificate is made out to a name, and only the address is known: a person may put the name there.
            return await self.async_step_address()
        if entry is None:
            return await self.async_step_zeroconf_confirm()
        if entry.source == SOURCE_IGNORE or entry.disabled_by or not await self._async_lost(entry):
            self._abort_if_unique_id_configured()
        return await self.async_step_zeroconf_moved()

    async def async_step_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """By hand; see the flow itself."""
        raise NotImplementedError

    async def async_step_zeroconf_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if user_input is not None:
            typed = {CONF_URL: self._url, CONF_TOKEN: user_input[CONF_TOKEN], CONF_VERIFY_SSL: True}
            if data := await self._async_try_address(typed, self.unique_id):
                return await self._async_create(*data)
        return self._form("zeroconf_confirm", TOKEN_SCHEMA, instance=self._instance, url=self._url)

    async def async_step_zeroconf_moved(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The engine's old address is dead and somebody says that it lives here now."""
        entry = self.hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, str(self.unique_id))
        if entry is None:
            return self.async_abort(reason="entry_gone")
        if user_input is not None:
            typed = {**entry.data, CONF_URL: self._url}
            if await self._async_try_address(typed, self.unique_id):
                return self.async_update_reload_and_abort(
                    entry, data_updates={CONF_URL: self._url}, reason="address_updated"
                )
        return self._form("zeroconf_moved", vol.Schema({}), title=entry.title, old=entry.data[CONF_URL], url=self._url)

    async def async_step_mqtt(self, discovery_info: MqttServiceInfo) -> ConfigFlowResult:
        """An engine keeps its `info` on Home Assistant's broker."""
        try:
            info = probe.read_info(discovery_info.payload)
            probe.check_version(info)
        except ProbeError as error:
            reason = "invalid_discovery_info" if error.key == "not_an_engine" else error.key
            return self.async_abort(reason=reason, description_placeholders=error.placeholders)
        await self.async_set_unique_id(info.uuid)
        self._abort_if_unique_id_configured()
        self._topic = discovery_info.topic.removesuffix("/info")
        self._instance = info.instance
        self.context["title_placeholders"] = {"name": info.instance}
        if not info.api_url:
            return await self.async_step_mqtt_confirm()
        self._url = info.api_url
        return await self.async_step_mqtt_found()

    async def async_step_mqtt_found(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """It can also be reached without the broker: with a token, and more of it works."""
        return self.async_show_menu(
            step_id="mqtt_found",
            menu_options=["address", "mqtt_confirm"],
            description_placeholders={"instance": self._instance},
        )

    async def async_step_mqtt_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if user_input is not None and (data := await self._async_try_topic(self._topic)):
            return await self._async_create(*data)
        self._set_confirm_only()
        return self._form("mqtt_confirm", vol.Schema({}), instance=self._instance, topic=self._topic)

    # What they share

    async def _async_try_address(
        self, typed: Mapping[str, Any], uuid: str | None
    ) -> tuple[EngineInfo, dict[str, Any]] | None:
        """The engine and the entry's data; None with `_errors` filled. `uuid`: only this engine will do."""
        try:
            url = probe.normalise_url(typed[CONF_URL])
        except ProbeError as error:
            self._errors, self._placeholders = {CONF_URL: error.key}, error.placeholders
            return None
        token, verify_ssl = typed[CONF_TOKEN].strip(), bool(typed[CONF_VERIFY_SSL])
        info = await self._async_try(probe.probe_address(self.hass, url, token, verify_ssl), uuid)
        if info is None:
            return None
        data = {CONF_FEED: FEED_WEBSOCKET, CONF_URL: url, CONF_TOKEN: token, CONF_VERIFY_SSL: verify_ssl}
        return info, data

    async def _async_try_topic(self, topic: str, uuid: str | None = None) -> tuple[EngineInfo, dict[str, Any]] | None:
        topic = topic.strip().strip("/").removesuffix("/info")
        info = await self._async_try(probe.probe_topic(self.hass, topic), uuid)
        return None if info is None else (info, {CONF_FEED: FEED_MQTT, CONF_TOPIC: topic})

    async def _async_try(self, probing: Awaitable[EngineInfo], uuid: str | None) -> EngineInfo | None:
        self._errors, self._placeholders = {}, {}
        try:
            info = await probing
            if uuid is not None and info.uuid != uuid:
                raise ProbeError("wrong_engine", instance=info.instance)
        except ProbeError as error:
            self._errors, self._placeholders = {"base": error.key}, error.placeholders
            return None
        return info

    async def _async_create(self, info: EngineInfo, data: dict[str, Any]) -> ConfigFlowResult:
        await self.async_set_unique_id(info.uuid, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=f"Crime Detect {info.instance}", data=data)

    def _form(
        self, step_id: str, schema: vol.Schema, shown: Mapping[str, Any] | None = None, **placeholders: str
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, shown or {}),
            errors=self._errors,
            description_placeholders=_EXAMPLES | placeholders | self._placeholders,
        )

    def _refresh(self, entry: ConfigEntry) -> None:
        """The app was restored or its address changed: follow it, unless the broker was chosen instead."""
        if entry.source == SOURCE_IGNORE or entry.data.get(CONF_FEED) != FEED_WEBSOCKET:
            return
        data = {**entry.data, CONF_URL: self._url, CONF_TOKEN: self._token}
        changed = self.hass.config_entries.async_update_entry(entry, data=data)
        if (changed and entry.state in _RELOADABLE) or entry.state is ConfigEntryState.SETUP_RETRY:
            self.hass.config_entries.async_schedule_reload(entry.entry_id)

    def _take_over(self) -> None:
        """The Supervisor brings the token along: whoever found this engine without one makes way."""
        flows = self.hass.config_entries.flow
        for flow in flows.async_progress_by_handler(DOMAIN, match_context={"unique_id": self.unique_id}):
            if flow["flow_id"] != self.flow_id:
                flows.async_abort(flow["flow_id"])

    async def _async_lost(self, entry: ConfigEntry) -> bool:
        """Whether nobody answers at the entry's own address any more."""
        if entry.data.get(CONF_FEED) != FEED_WEBSOCKET or entry.data[CONF_URL] == self._url:
            return False
        data = entry.data
        try:
            await probe.probe_address(self.hass, data[CONF_URL], data[CONF_TOKEN], data[CONF_VERIFY_SSL])
        except ProbeError as error:
            return error.key == "cannot_connect"
        return False
