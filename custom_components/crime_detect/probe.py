"""Owns how a flow finds out whether an engine can be used, and what it says when not."""

from __future__ import annotations

import asyncio
import ipaddress
import re

from awesomeversion import AwesomeVersion, AwesomeVersionException
from homeassistant.components import mqtt
from homeassistant.components.mqtt.models import ReceiveMessage
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.util.json import json_loads_object
from yarl import URL

from .const import DOMAIN, MIN_ENGINE_VERSION, SUPPORTED_SCHEMA
from .engine.client import EngineClient
from .engine.errors import BadMessageError, CannotConnectError, EngineError, InvalidAuthError, NotFoundError
from .engine.models import EngineInfo

DEFAULT_PORT = 8099
DEFAULT_TOPIC = f"{DOMAIN}/home"
RETAINED_WAIT_S = 5.0
"""A broker sends what it retains at once; this long covers a slow one far away."""
LOOK_AROUND_S = 1.0
_NAME = re.compile(r"[a-z0-9_]{1,32}")
_TOPIC = re.compile(r"[^\s#+/]+(/[^\s#+/]+)+")
_UUID = re.compile(r"[0-9A-Za-z-]{8,64}")
_FORBIDDEN = 403
_TOO_MANY = 429


class ProbeError(Exception):
    """Why not: `key` is an error of translations, `placeholders` are its."""

    def __init__(self, key: str, **placeholders: str) -> None:
        super().__init__(key)
        self.key = key
        self.placeholders = placeholders


def normalise_url(text: str) -> str:
    """`http://host:8099` of what a person types: `host`, `host:port`, `https://host/path/`. Raises ProbeError."""
    typed = text.strip()
    try:
        if ipaddress.ip_address(typed).version == 6:
            typed = f"[{typed}]"
    except ValueError:
        pass  # not a bare address: a name or a whole URL
    try:
        url = URL(typed if "://" in typed else f"http://{typed}")
        host, port = url.host, url.explicit_port
    except ValueError as error:
        raise ProbeError("invalid_url") from error
    if url.scheme not in ("http", "https") or not host or url.user or url.password or re.search(r"\s", typed):
        raise ProbeError("invalid_url")
    # TLS without a port is a proxy's, at the usual one; plain HTTP is the engine itself.
    if port is None and url.scheme == "http":
        port = DEFAULT_PORT
    path = url.raw_path.rstrip("/").removesuffix("/api/v1")
    return address_of(url.scheme, host, port) + path


def address_of(scheme: str, host: str, port: int | None) -> str:
    """The URL of a host, with the brackets of IPv6."""
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port is None else f"{scheme}://{shown}:{port}"


def is_identity(uuid: object, instance: object) -> bool:
    """Whether an announcement may be shown: these texts came from anybody in the network."""
    return bool(
        isinstance(uuid, str) and _UUID.fullmatch(uuid) and isinstance(instance, str) and _NAME.fullmatch(instance)
    )


def check_version(info: EngineInfo) -> None:
    """Raises ProbeError when this integration and that engine do not understand each other."""
    if info.schema_version > SUPPORTED_SCHEMA:
        raise ProbeError("engine_too_new", version=info.version)
    try:
        old = AwesomeVersion(info.version) < AwesomeVersion(MIN_ENGINE_VERSION)
    except AwesomeVersionException as error:
        raise ProbeError("not_an_engine") from error
    if old:
        raise ProbeError("engine_too_old", version=info.version, needed=MIN_ENGINE_VERSION)


def client_of(hass: HomeAssistant, url: str, token: str, verify_ssl: bool) -> EngineClient:
    return EngineClient(async_get_clientsession(hass, verify_ssl=verify_ssl), url, token)


def error_of(error: EngineError) -> ProbeError:
    """What to tell a person about a refusal. The engine's own sentences hold no secrets."""
    if error.status == _TOO_MANY:
        return ProbeError("too_many_attempts")
    if isinstance(error, CannotConnectError):
        return ProbeError("certificate" if error.code == "certificate" else "cannot_connect")
    if isinstance(error, InvalidAuthError):
        return ProbeError("insufficient_role" if error.status == _FORBIDDEN else "invalid_auth")
    if isinstance(error, BadMessageError | NotFoundError):
        return ProbeError("not_an_engine")
    return ProbeError("engine_failed", reason=str(error))


async def probe_address(hass: HomeAssistant, url: str, token: str, verify_ssl: bool) -> EngineInfo:
    """The engine at `url` (normalised). Raises ProbeError unless the token may do all that we need."""
    client = client_of(hass, url, token, verify_ssl)
    try:
        info = await client.info()
        check_version(info)
        # `info` answers everybody who may look; what only the roles integration and admin may read tells the rest.
        await client.retention()
    except EngineError as error:
        raise error_of(error) from error
    return info


def has_broker(hass: HomeAssistant) -> bool:
    return bool(mqtt.mqtt_config_entry_enabled(hass))


def read_info(payload: str | bytes | bytearray) -> EngineInfo:
    """Raises ProbeError("not_an_engine") for anything but an engine's `info`."""
    try:
        info = EngineInfo.from_json(json_loads_object(payload))
    except (ValueError, BadMessageError) as error:
        raise ProbeError("not_an_engine") from error
    if not is_identity(info.uuid, info.instance):
        raise ProbeError("not_an_engine")
    return info


async def probe_topic(hass: HomeAssistant, topic: str) -> EngineInfo:
    """The engine that keeps `<topic>/info` on the broker. Raises ProbeError."""
    if not _TOPIC.fullmatch(topic):
        raise ProbeError("invalid_topic")
    first: asyncio.Future[str | bytes | bytearray] = hass.loop.create_future()

    @callback
    def take(message: ReceiveMessage) -> None:
        if not first.done():
            first.set_result(message.payload)

    try:
        unsubscribe = await mqtt.async_subscribe(hass, f"{topic}/info", take, qos=1)
    except HomeAssistantError as error:
        raise ProbeError("broker_unavailable") from error
    try:
        async with asyncio.timeout(RETAINED_WAIT_S):
            payload = await first
    except TimeoutError as error:
        raise ProbeError("no_engine_there", topic=topic) from error
    finally:
        unsubscribe()
    info = read_info(payload)
    check_version(info)
    return info


async def topics_around(hass: HomeAssistant) -> list[str]:
    """Topics of the engines that the broker knows under the usual prefix; [] when it cannot be asked."""
    found: set[str] = set()

    @callback
    def take(message: ReceiveMessage) -> None:
        try:
            read_info(message.payload)
        except ProbeError:
            return
        found.add(message.topic.removesuffix("/info"))

    try:
        unsubscribe = await mqtt.async_subscribe(hass, f"{DOMAIN}/+/info", take, qos=1)
    except HomeAssistantError:
        return []
    try:
        await asyncio.sleep(LOOK_AROUND_S)
    finally:
        unsubscribe()
    return sorted(found)
