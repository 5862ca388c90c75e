"""Owns how an engine becomes an entry by hand, and how an entry is mended; what is found begins in discovery_steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryFlow,
    OptionsFlow,
)
from homeassistant.const import CONF_TOKEN, CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from . import probe
from .const import CONF_TOPIC, DOMAIN, SUBENTRY_RECIPIENT
from .discovery_steps import TOKEN, TOKEN_SCHEMA, DiscoverySteps
from .options_flow import CrimeDetectOptionsFlow
from .recipient_flow import RecipientFlow

_URL = TextSelector(TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url"))
_ADDRESS_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): _URL,
        vol.Required(CONF_TOKEN): TOKEN,
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }
)
_NEW_ADDRESS_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): _URL,
        vol.Optional(CONF_TOKEN): TOKEN,
        vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
    }
)


class CrimeDetectConfigFlow(DiscoverySteps, domain=DOMAIN):
    """One entry an engine; its unique id is the engine's uuid."""

    VERSION = 1
    MINOR_VERSION = 1

    @staticmethod
    @callback
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return CrimeDetectOptionsFlow()

    @classmethod
    @callback
    def async_get_supported_subentry_types(cls, config_entry: ConfigEntry) -> dict[str, type[ConfigSubentryFlow]]:
        return {SUBENTRY_RECIPIENT: RecipientFlow}

    # By hand

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if probe.has_broker(self.hass):
            return self.async_show_menu(step_id="user", menu_options=["address", "broker"])
        return await self.async_step_address()

    async def async_step_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """The engine's address and a token."""
        if user_input is not None and (data := await self._async_try_address(user_input, self.unique_id)):
            return await self._async_create(*data)
        return self._form("address", _ADDRESS_SCHEMA, _shown(user_input, self._url))

    async def async_step_broker(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """An engine that only the broker can reach."""
        if user_input is not None and (data := await self._async_try_topic(user_input[CONF_TOPIC])):
            return await self._async_create(*data)
        return await self._async_broker_form("broker", user_input or {})

    # Repairs

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Another token for the same engine at the same address."""
        entry = self._get_reauth_entry()
        if user_input is not None:
            typed = {**entry.data, CONF_TOKEN: user_input[CONF_TOKEN]}
            if await self._async_try_address(typed, entry.unique_id):
                return self.async_update_reload_and_abort(
                    entry, data_updates={CONF_TOKEN: user_input[CONF_TOKEN].strip()}
                )
        return self._form("reauth_confirm", TOKEN_SCHEMA, title=entry.title, url=entry.data[CONF_URL])

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Another address, token or way to the same engine."""
        if probe.has_broker(self.hass):
            return self.async_show_menu(
                step_id="reconfigure", menu_options=["reconfigure_address", "reconfigure_broker"]
            )
        return await self.async_step_reconfigure_address()

    async def async_step_reconfigure_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        had_token = entry.data.get(CONF_TOKEN)
        if user_input is not None:
            typed = {CONF_TOKEN: had_token, **user_input} if had_token else user_input
            if found := await self._async_try_address(typed, entry.unique_id):
                return self.async_update_reload_and_abort(entry, data=found[1])
        schema = _NEW_ADDRESS_SCHEMA if had_token else _ADDRESS_SCHEMA
        before = {key: entry.data[key] for key in (CONF_URL, CONF_VERIFY_SSL) if key in entry.data}
        return self._form("reconfigure_address", schema, before | _shown(user_input, ""))

    async def async_step_reconfigure_broker(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        if user_input is not None and (found := await self._async_try_topic(user_input[CONF_TOPIC], entry.unique_id)):
            return self.async_update_reload_and_abort(entry, data=found[1])
        before = {CONF_TOPIC: entry.data[CONF_TOPIC]} if CONF_TOPIC in entry.data else {}
        return await self._async_broker_form("reconfigure_broker", user_input or before)

    async def _async_broker_form(self, step_id: str, shown: Mapping[str, Any]) -> ConfigFlowResult:
        if self._topics is None:
            self._topics = await probe.topics_around(self.hass)
        options = SelectSelectorConfig(options=self._topics, custom_value=True)
        first = self._topics[0] if self._topics else probe.DEFAULT_TOPIC
        schema = vol.Schema({vol.Required(CONF_TOPIC): SelectSelector(options)})
        return self._form(step_id, schema, {CONF_TOPIC: first} | dict(shown))


def _shown(user_input: Mapping[str, Any] | None, url: str) -> dict[str, Any]:
    """What a form shows again: never the token."""
    if user_input is not None:
        return {key: value for key, value in user_input.items() if key != CONF_TOKEN}
    return {CONF_URL: url} if url else {}
