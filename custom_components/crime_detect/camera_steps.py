"""Owns the steps that add a camera to the engine and take one away, with a test picture in between."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

import voluptuous as vol
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import CONF_PASSWORD, CONF_TOKEN, CONF_URL, CONF_USERNAME, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from yarl import URL

from .engine.client import EngineCamera, EngineClient
from .engine.errors import EngineError, NotFoundError
from .picture_view import async_drop_picture, async_keep_picture
from .probe import ProbeError, client_of, error_of

_EXAMPLE = "rtsp://192.168.1.20:554/stream2"
_ABOUT_THE_SOURCE = ("source_unreadable", "invalid_input")
_JPEG = b"\xff\xd8"
_ADDRESS = vol.Schema(
    {
        vol.Required("source"): TextSelector(TextSelectorConfig(autocomplete="off")),
        vol.Required("login"): section(
            vol.Schema(
                {
                    vol.Optional(CONF_USERNAME): TextSelector(TextSelectorConfig(autocomplete="off")),
                    vol.Optional(CONF_PASSWORD): TextSelector(
                        TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
                    ),
                }
            ),
        ),
    }
)
_NAME = vol.Schema({vol.Required("name"): TextSelector()})


def pick_one(cameras: Mapping[str, EngineCamera]) -> vol.Schema:
    options = [SelectOptionDict(value=camera.id, label=camera.name) for camera in cameras.values()]
    return vol.Schema({vol.Required("camera"): _dropdown(options)})


class CameraSteps(OptionsFlowWithReload):
    """Also what every step that talks to the engine needs."""

    def __init__(self) -> None:
        self._cameras: dict[str, EngineCamera] = {}
        self._classes: tuple[str, ...] = ()
        self._retention: Mapping[str, Any] = {}
        self._camera = ""
        self._source = ""
        self._name = ""
        self._picture = ""
        self._from_frigate: dict[str, str] = {}
        self._errors: dict[str, str] = {}
        self._placeholders: dict[str, str] = {}

    # Adding

    async def async_step_add_camera(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """By address, or one of Frigate's where the engine knows a Frigate."""
        if aborted := await self._async_load(frigate=True):
            return aborted
        if not self._from_frigate:
            return await self.async_step_add_by_address()
        return self.async_show_menu(step_id="add_camera", menu_options=["add_from_frigate", "add_by_address"])

    async def async_step_add_from_frigate(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if user_input is not None:
            source = user_input["source"]
            if await self._async_test(source, self._from_frigate[source]):
                return await self.async_step_add_name()
        options = [SelectOptionDict(value=source, label=name) for source, name in self._from_frigate.items()]
        schema = vol.Schema({vol.Required("source"): _dropdown(options)})
        return self._form("add_from_frigate", self.add_suggested_values_to_schema(schema, user_input))

    async def async_step_add_by_address(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        shown: dict[str, Any] = {}
        if user_input is not None:
            try:
                source, shown = self._source_of(user_input)
            except ValueError:
                self._errors = {"source": "invalid_source"}
                shown = {"login": {CONF_USERNAME: user_input["login"].get(CONF_USERNAME, "")}}
            else:
                if await self._async_test(source, ""):
                    return await self.async_step_add_name()
        return self._form("add_by_address", self.add_suggested_values_to_schema(_ADDRESS, shown))

    async def async_step_add_name(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Shows what the camera sees and asks for its name."""
        if user_input is not None:
            self._name = user_input["name"].strip()
            if not self._name:
                self._errors = {"name": "name_needed"}
            elif await self._async_tell(self._client.add_camera("", self._source, self._name)):
                return self._done()
        schema = self.add_suggested_values_to_schema(_NAME, {"name": self._name})
        return self._form("add_name", schema, picture=self._picture)

    # Removing

    async def async_step_remove_camera(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if user_input is not None:
            self._camera = user_input["camera"]
            return await self.async_step_remove_camera_confirm()
        if aborted := await self._async_load():
            return aborted
        return self._form("remove_camera", pick_one(self._cameras))

    async def async_step_remove_camera_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        if user_input is not None and await self._async_tell(self._client.remove_camera(self._camera)):
            return self._done()
        return self._form("remove_camera_confirm", vol.Schema({}), camera=self._cameras[self._camera].name)

    @callback
    def async_remove(self) -> None:
        """The flow is over, however it ended."""
        async_drop_picture(self.hass, self._picture)

    # What they share

    @property
    def _client(self) -> EngineClient:
        data = self.config_entry.data
        return client_of(self.hass, data[CONF_URL], data[CONF_TOKEN], data[CONF_VERIFY_SSL])

    async def _async_load(self, *, frigate: bool = False, retention: bool = False) -> ConfigFlowResult | None:
        """Asks the engine what the next forms show; an abort when it cannot be asked."""
        self._errors, self._placeholders = {}, {}
        client = self._client
        try:
            self._cameras = {camera.id: camera for camera in await client.cameras()}
            self._classes = (await client.info()).classes
            if frigate:
                self._from_frigate = dict(await client.frigate_cameras())
            if retention:
                self._retention = await client.retention()
        except EngineError as error:
            why = error_of(error)
            return self.async_abort(reason=why.key, description_placeholders=why.placeholders)
        if not self._cameras and not frigate and not retention:
            return self.async_abort(reason="no_cameras")
        return None

    async def _async_tell(self, telling: Awaitable[object]) -> bool:
        """Whether the engine did it; else `_errors` say why not."""
        self._errors, self._placeholders = {}, {}
        try:
            await telling
        except NotFoundError:
            self._say(ProbeError("camera_gone"))
            return False
        except EngineError as error:
            self._say(error_of(error))
            return False
        return True

    async def _async_test(self, source: str, name: str) -> bool:
        """Whether the engine sees something there; keeps its picture for the next step."""
        self._errors, self._placeholders = {}, {}
        try:
            jpeg = await self._client.try_source(source)
        except EngineError as error:
            why = error_of(error)
            if error.code in _ABOUT_THE_SOURCE:
                why = ProbeError("source_unreadable", reason=_without_login(str(error), source))
            self._say(why)
            return False
        if not jpeg.startswith(_JPEG):
            self._say(ProbeError("source_unreadable", reason="no JPEG"))
            return False
        async_drop_picture(self.hass, self._picture)
        self._picture = async_keep_picture(self.hass, jpeg)
        self._source, self._name = source, name
        return True

    @staticmethod
    def _source_of(typed: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The source with its login, and what of it a form may show again. Raises ValueError."""
        text = typed["source"].strip()
        user, password = typed["login"].get(CONF_USERNAME, ""), typed["login"].get(CONF_PASSWORD, "")
        if "://" not in text:
            return text, {"source": text, "login": {CONF_USERNAME: user}}
        url = URL(text)
        if not url.host:
            raise ValueError("no host")
        user, password = user or url.user or "", password or url.password or ""
        bare = url.with_user(None)
        shown = {"source": str(bare), "login": {CONF_USERNAME: user}}
        return str(bare.with_user(user).with_password(password or None) if user else bare), shown

    def _say(self, why: ProbeError) -> None:
        self._errors, self._placeholders = {"base": why.key}, why.placeholders

    def _form(self, step_id: str, schema: vol.Schema, **placeholders: str) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=self._errors,
            description_placeholders={"example_source": _EXAMPLE} | placeholders | self._placeholders,
        )

    def _done(self) -> ConfigFlowResult:
        """The engine has it; nothing of it is kept here."""
        return self.async_create_entry(data=dict(self.config_entry.options))


def _dropdown(options: list[SelectOptionDict]) -> SelectSelector:
    return SelectSelector(SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN))


def _without_login(text: str, source: str) -> str:
    """The engine keeps passwords out of its sentences; this makes sure."""
    if "://" not in source:
        return text
    url = URL(source)
    for secret in (f"{url.raw_user}:{url.raw_password}", url.raw_password, url.password):
        if secret:
            text = text.replace(secret, "***")
    return text
