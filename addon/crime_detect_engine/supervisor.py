"""Owns what makes the engine an app of Home Assistant: the Supervisor's broker, its users' roles, its discovery."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import voluptuous as vol

from .config import Config
from .config.places import SupervisorAccess
from .domain.clock import Clock
from .outputs.mqtt_options import MqttOptions, MqttTls

_LOG = logging.getLogger(__name__)
SERVICE = "crime_detect"
INTEGRATION = ("integration-token", "home-assistant-app", "integration")
"""File, name and role of the token that Home Assistant is told."""
ADMINISTRATORS = "system-admin"
"""The group of Home Assistant whose members are admins here."""
ROLES_KEPT_S = 300.0
ROLES_RETRY_S = 30.0
ANSWER_S = 10.0
BROKER_TRIES = 4
LONGEST_PAUSE_S = 300.0
NO_BROKER = (
    "Home Assistant offers no MQTT broker, so nothing is published: install the app Mosquitto broker and restart this "
    "one, or set mqtt.host. The integration needs no broker"
)


@dataclass(frozen=True, slots=True)
class Broker:
    """The service `mqtt` as the Supervisor describes it."""

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ssl: bool = False


_BROKER = vol.All(
    vol.Schema(
        {
            vol.Required("host"): str,
            "port": vol.Coerce(int),
            "username": vol.Maybe(str),
            "password": vol.Maybe(str),
            "ssl": bool,
        },
        extra=vol.REMOVE_EXTRA,
    ),
    lambda value: Broker(**value),
)


class RefusedError(Exception):
    """The Supervisor understood and said no."""


class Supervisor:
    """`open` first, `close` at the end. Nothing is fatal: left alone by the Supervisor, the engine still watches."""

    def __init__(self, access: SupervisorAccess, clock: Clock, *, pause_s: float = 2.0) -> None:
        self.ingress_peer = access.ingress_peer
        self._url = access.url
        self._token = access.token
        self._clock = clock
        self._pause_s = pause_s
        self._session: aiohttp.ClientSession | None = None
        self._broker: Broker | None = None
        self._announced = True
        self._admins: frozenset[str] = frozenset()
        self._admins_until_s = float("-inf")
        self._asking = asyncio.Lock()

    async def open(self) -> None:
        """Asks for the broker, waiting a few seconds for a Supervisor that is still starting."""
        headers = {"Authorization": f"Bearer {self._token}"}
        self._session = aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=ANSWER_S))
        self._broker = await self._find_broker()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def complete(self, config: Config) -> Config:
        """The configuration with Home Assistant's broker, unless the file names one by `mqtt.host`."""
        options = config.mqtt
        if options is not None and options.host:
            return config
        if self._broker is None:
            return replace(config, mqtt=None)
        broker, options = self._broker, options or MqttOptions("")
        # The broker's certificate, if any, is made out to the name that people use, not to the one of its container.
        tls = options.tls or (MqttTls(insecure=True) if broker.ssl else None)
        found = replace(
            options, host=broker.host, port=broker.port, username=broker.username, password=broker.password, tls=tls
        )
        return replace(config, mqtt=found)

    def notes(self, config: Config) -> Sequence[str]:
        """What people should know, shown on the page."""
        notes = [] if config.mqtt is not None else [NO_BROKER]
        if not self._announced:
            notes.append("Home Assistant could not be told that this app is here; it is tried again")
        return notes

    async def role_of(self, user: str) -> str:
        """`admin` for administrators of Home Assistant, `viewer` for everybody else and while it cannot be asked."""
        async with self._asking:
            if self._clock.tick_s() >= self._admins_until_s:
                await self._learn_admins()
        return "admin" if user in self._admins else "viewer"

    async def keep_announced(self, port: int, uuid: str, token: str) -> None:
        """Tells Home Assistant where the engine is, until that was taken; then only waits to be cancelled."""
        where = {"host": socket.gethostname(), "port": port, "token": token, "uuid": uuid}
        pause_s = self._pause_s
        while not await self._announce(where):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        await asyncio.Event().wait()

    async def _announce(self, where: Mapping[str, Any]) -> bool:
        try:
            await self._call("POST", "discovery", {"service": SERVICE, "config": where})
        except (RefusedError, aiohttp.ClientError, TimeoutError) as error:
            if self._announced:
                _LOG.warning("Home Assistant could not be told that this app is here: %s", _reason(error))
            self._announced = False
            return False
        self._announced = True
        _LOG.info("Home Assistant was told that this app is here")
        return True

    async def _find_broker(self) -> Broker | None:
        for left in reversed(range(BROKER_TRIES)):
            try:
                broker: Broker = _BROKER(await self._call("GET", "services/mqtt"))
            except (RefusedError, vol.Invalid) as error:
                _LOG.info("%s (%s)", NO_BROKER, _reason(error))
                return None
            except (aiohttp.ClientError, TimeoutError) as error:
                _LOG.warning("the Supervisor does not answer: %s", _reason(error))
                if left:
                    await asyncio.sleep(self._pause_s)
                continue
            _LOG.info("Home Assistant's MQTT broker is %s:%d", broker.host, broker.port)
            return broker
        return None

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer's data. Raises RefusedError, ClientError or TimeoutError."""
        assert self._session is not None, "open first"
        async with self._session.request(method, f"{self._url}/{path}", json=body) as answer:
            if answer.status >= 500:
                answer.raise_for_status()
            told = await answer.json()
        if not isinstance(told, dict) or told.get("result") != "ok":
            raise RefusedError(str(told.get("message") if isinstance(told, dict) else "no answer of a Supervisor"))
        return told.get("data")

    async def _learn_admins(self) -> None:
        try:
            self._admins = await self._list_admins()
        except (aiohttp.ClientError, TimeoutError, RefusedError, TypeError, ValueError, KeyError) as error:
            # Without an answer nobody is an admin: a role must never outlive the knowledge that it rests on.
            self._admins = frozenset()
            self._admins_until_s = self._clock.tick_s() + ROLES_RETRY_S
            _LOG.warning("Home Assistant did not say who its administrators are, so all may only look: %s", error)
        else:
            self._admins_until_s = self._clock.tick_s() + ROLES_KEPT_S

    async def _list_admins(self) -> frozenset[str]:
        assert self._session is not None, "open first"
        async with asyncio.timeout(ANSWER_S), self._session.ws_connect(f"{self._url}/core/websocket") as core:
            await core.receive_json()  # auth_required
            await core.send_json({"type": "auth", "access_token": self._token})
            if (await core.receive_json())["type"] != "auth_ok":
                raise RefusedError("this app may not ask Home Assistant")
            await core.send_json({"id": 1, "type": "config/auth/list"})
            told = await core.receive_json()
        if not told["success"]:
            raise RefusedError(str(told["error"]["code"]))
        return frozenset(
            user["id"]
            for user in told["result"]
            if user["is_active"] and (user["is_owner"] or ADMINISTRATORS in user["group_ids"])
        )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
