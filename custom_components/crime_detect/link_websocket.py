"""Owns the feed of an engine over its WebSocket: connected, resumed and connected again, until stopped."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from homeassistant.core import HomeAssistant

from .const import SUPPORTED_SCHEMA
from .engine.client import EngineClient
from .engine.errors import BadMessageError, CannotConnectError, EngineError, InvalidAuthError
from .engine.models import CameraState, EngineInfo, Hello, Incident, IncidentMessage, Position
from .link import LinkSink

_LOGGER = logging.getLogger(__name__)

HELLO_S = 10.0
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
STEADY_S = 60.0
"""A connection that held for so long was a good one: the next loss is met with the first pause again."""


@dataclass(frozen=True, slots=True)
class _Feed:
    sink: LinkSink
    position: Callable[[], Position | None]
    first: asyncio.Future[None]
    """Done with the first greeting, or with why there was none."""


class WebSocketLink:
    """An EngineLink over HTTP."""

    def __init__(self, hass: HomeAssistant, client: EngineClient) -> None:
        self._hass = hass
        self._client = client
        self._task: asyncio.Task[None] | None = None
        self._connected = False
        self._began_s = 0.0
        self._pause_s = FIRST_PAUSE_S

    @property
    def client(self) -> EngineClient:
        return self._client

    async def start(self, sink: LinkSink, position: Callable[[], Position | None]) -> None:
        self._pause_s = FIRST_PAUSE_S
        feed = _Feed(sink, position, self._hass.loop.create_future())
        self._begin(feed, self._run(feed))
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.stop)
            await feed.first
            undo.pop_all()

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._connected = False

    def _begin(self, feed: _Feed, running: Coroutine[Any, Any, None]) -> None:
        self._task = self._hass.async_create_background_task(running, "crime_detect feed")
        self._task.add_done_callback(partial(self._ended, feed))

    def _ended(self, feed: _Feed, task: asyncio.Task[None]) -> None:
        """A bug of ours is a lost connection, not the end of all alerts."""
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if not feed.first.done():
            feed.first.set_exception(error)
        elif task is self._task:
            _LOGGER.error("The feed broke", exc_info=error)
            self._told(feed.sink, EngineError(type(error).__name__))
            self._begin(feed, self._run_again(feed))

    async def _run(self, feed: _Feed) -> None:
        """Connections, one after the other, until one ends for good. Before the first greeting: raises EngineError."""
        while True:
            self._began_s = self._hass.loop.time()
            try:
                await self._listen(feed)
            except EngineError as error:
                if not feed.first.done():
                    raise
                if self._told(feed.sink, error):
                    return
            await self._rest()

    async def _run_again(self, feed: _Feed) -> None:
        await self._rest()
        await self._run(feed)

    async def _rest(self) -> None:
        if self._hass.loop.time() - self._began_s > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        # Jitter: a restarted engine is not met by all its clients in the same moment.
        await self._pause(self._pause_s * random.uniform(0.5, 1.0))
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _pause(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)

    def _told(self, sink: LinkSink, error: EngineError) -> bool:
        """Whether this was the end."""
        if self._connected:
            self._connected = False
            sink.disconnected(str(error))
        if isinstance(error, InvalidAuthError):
            sink.auth_failed()
            return True
        if isinstance(error, BadMessageError):
            sink.incompatible(str(error))
        return False

    async def _listen(self, feed: _Feed) -> None:
        """One connection, until it breaks: raises EngineError."""
        sink, position = feed.sink, feed.position()
        async with aclosing(self._client.events(position)) as messages:
            try:
                async with asyncio.timeout(HELLO_S):
                    hello = _hello(await anext(messages))
            except TimeoutError as error:
                raise CannotConnectError("it does not greet", "timeout") from error
            sink.connected(hello)
            self._connected = True
            if not feed.first.done():
                feed.first.set_result(None)
            newest = hello.seq or 0
            if position is None or position.seq >= newest:
                sink.replay_over()
            async for message in messages:
                try:
                    seq = self._forward(sink, message, newest)
                except (BadMessageError, KeyError, TypeError, ValueError) as error:
                    _LOGGER.warning("Ignored a message of the engine: %s: %s", type(error).__name__, error)
                    continue
                if seq == newest:
                    sink.replay_over()

    def _forward(self, sink: LinkSink, message: Mapping[str, Any], newest: int) -> int:
        seq, data = int(message["seq"]), message["data"]
        match message["kind"]:
            case "incident":
                sink.incident(IncidentMessage.from_json(data, replayed=seq <= newest))
            case "camera" if seq > newest:
                sink.camera(str(message["camera"]), CameraState.from_json(data), seq)
            case "engine" if seq > newest:
                sink.engine(EngineInfo.from_json(data), seq)
            case "reset":
                sink.reset()
        return seq

    # --- commands -------------------------------------------------------------------------------------------------

    async def picture(self, incident: Incident) -> bytes:
        return await self._client.snapshot(incident)

    async def set_detection(self, camera: str, on: bool) -> None:
        await self._client.change_camera(camera, {"detection": on})

    async def set_privacy(self, camera: str, on: bool) -> None:
        await self._client.change_camera(camera, {"privacy": on})

    async def set_threshold(self, camera: str, threshold: float) -> None:
        await self._client.change_camera(camera, {"threshold": threshold})

    async def snooze(self, camera: str, minutes: float, label: str | None = None) -> None:
        await self._client.snooze(camera, minutes, label)

    async def set_verdict(self, incident_id: str, verdict: str, on_behalf_of: str | None = None) -> None:
        await self._client.set_verdict(incident_id, verdict, on_behalf_of)

    async def acknowledge(self, incident_id: str, on: bool = True, on_behalf_of: str | None = None) -> None:
        await self._client.acknowledge(incident_id, on, on_behalf_of)

    async def hold(self, incident_id: str, on: bool = True, on_behalf_of: str | None = None) -> None:
        await self._client.hold(incident_id, on, on_behalf_of)

    async def switch_off_mqtt_discovery(self) -> None:
        await self._client.switch_off_mqtt_discovery()


def _hello(message: Mapping[str, Any]) -> Hello:
    schema = message.get("schema_version")
    if not isinstance(schema, int):
        raise BadMessageError("it does not speak like an engine", "bad_message")
    if schema > SUPPORTED_SCHEMA:
        raise BadMessageError(f"it speaks version {schema}, we read {SUPPORTED_SCHEMA}", "newer_schema")
    if message.get("kind") != "hello":
        raise BadMessageError("it does not greet first", "bad_message")
    try:
        data = message["data"]
        states = {str(camera): CameraState.from_json(state) for camera, state in data["cameras"].items()}
        return Hello(EngineInfo.from_json(data["engine"]), states, int(message["seq"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessageError(f"its greeting: {type(error).__name__}: {error}", "bad_message") from error
