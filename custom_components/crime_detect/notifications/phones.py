"""Owns the way to phones: one call of `notify.<action>`, tried again when it fails, and who a phone belongs to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import voluptuous as vol
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import slugify

from .payload import Payload

_LOGGER = logging.getLogger(__name__)

RETRY_AFTER_S: Final = (5, 30)
CALL_LIMIT_S: Final = 30
_STARTING: Final = (CoreState.not_running, CoreState.starting)


class Phones:
    """What goes wrong is logged once for each action, until that one works again."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._failing: set[str] = set()
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    def lock(self, recipient_id: str, camera: str) -> asyncio.Lock:
        """Whoever sends holds it, so that messages about a camera come in order, and no other camera waits."""
        return self._locks.setdefault((recipient_id, camera), asyncio.Lock())

    async def async_send(
        self, action: str, build: Callable[[], Payload], given_up: asyncio.Event | None = None
    ) -> bool:
        """Whether the notify action took it. Asks `build` anew at each attempt; stops trying once `given_up` is set."""
        waits = list(RETRY_AFTER_S)
        while given_up is None or not given_up.is_set():
            try:
                await self.async_send_once(action, build())
            except vol.Invalid as error:
                self._log(action, error)
                return False
            except HomeAssistantError as error:
                if self._hass.state in _STARTING:
                    # The phone's action may not be there yet.
                    await _wait(RETRY_AFTER_S[0], given_up)
                    continue
                self._log(action, error)
            else:
                if action in self._failing:
                    self._failing.discard(action)
                    _LOGGER.info("notify.%s works again", action)
                return True
            if not waits:
                return False
            await _wait(waits.pop(0), given_up)
        return False

    async def async_send_once(self, action: str, payload: Payload) -> None:
        """Raises HomeAssistantError (also when there is no such action or it takes too long) or vol.Invalid."""
        try:
            async with asyncio.timeout(CALL_LIMIT_S):
                await self._hass.services.async_call("notify", action, payload, blocking=True)
        except TimeoutError as error:
            raise HomeAssistantError(f"no answer within {CALL_LIMIT_S} s") from error

    def _log(self, action: str, error: Exception) -> None:
        if action not in self._failing:
            self._failing.add(action)
            _LOGGER.warning("notify.%s does not work: %s", action, error)


async def _wait(seconds: float, given_up: asyncio.Event | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await (given_up or asyncio.Event()).wait()
    except TimeoutError:
        return


def phone_of(hass: HomeAssistant, action: str) -> ConfigEntry | None:
    """The companion app behind `mobile_app_<name>`; None for groups and other notify actions."""
    for entry in hass.config_entries.async_entries("mobile_app"):
        if slugify(f"mobile_app_{entry.data.get('device_name', '')}") == action:
            return entry
    return None


def is_apple(hass: HomeAssistant, action: str) -> bool | None:
    """None: not known."""
    phone = phone_of(hass, action)
    return None if phone is None else phone.data.get("manufacturer") == "Apple"


def belongs_to(hass: HomeAssistant, action: str, user_id: str | None) -> bool:
    phone = phone_of(hass, action)
    return user_id is not None and phone is not None and phone.data.get("user_id") == user_id


def pressed_on(hass: HomeAssistant, event_data: Mapping[str, Any]) -> str | None:
    """Name of the phone that an answer came from: iOS names itself, Android tells an id."""
    if name := event_data.get("sourceDeviceName"):
        return str(name)
    if device_id := event_data.get("device_id"):
        for entry in hass.config_entries.async_entries("mobile_app"):
            if entry.data.get("device_id") == device_id:
                return str(entry.data.get("device_name"))
    return None
