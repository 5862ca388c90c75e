"""Owns how an engine's errors are told to people: translated, once for all entities and actions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError

from .const import DOMAIN
from .engine.errors import CannotConnectError, EngineError, InvalidAuthError, NotFoundError, NotOverMqttError

_KEYS: tuple[tuple[type[EngineError], str], ...] = (
    (CannotConnectError, "cannot_connect"),
    (InvalidAuthError, "not_allowed"),
    (NotFoundError, "not_found"),
    (NotOverMqttError, "not_over_mqtt"),
    (EngineError, "engine_error"),
)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Raises HomeAssistantError with a translation in place of the EngineError that the block raises."""
    try:
        yield
    except EngineError as error:
        key = next(key for kind, key in _KEYS if isinstance(error, kind))
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key=key, translation_placeholders={"error": str(error)}
        ) from error
