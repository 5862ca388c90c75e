"""Owns the engine's presence on the MQTT broker: availability, states, incidents, statistics (contracts.md, MQTT)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from paho.mqtt.enums import MQTTProtocolVersion

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import EngineControl
from crime_detect_engine.domain.wire import SCHEMA_VERSION, timestamp

from .mqtt_channel import MqttChannel
from .mqtt_commands import MqttCommands
from .mqtt_connection import MqttConnection, MqttError
from .mqtt_discovery import PREFIX, MqttDiscovery
from .mqtt_listening import MqttListening, OtherProgram
from .mqtt_options import MqttOptions
from .mqtt_presence import DuplicateInstanceError, MqttPresence

_LOG = logging.getLogger(__name__)

_INFO_KEYS = (
    "schema_version", "uuid", "epoch", "instance", "versions", "features", "labels", "rules", "cameras",
    "mqtt_discovery", "problems",
)  # fmt: skip
_STATS_KEYS = ("device", "model", "uptime_s", "storage", "alerts_today", "gpu_load")
_STATS_S = 60.0
_GOODBYE_S = 2.0
_RETRY_S = (1.0, 60.0)
_REFUSED_RETRY_S = (15.0, 300.0)
_DUPLICATE_RETRY_S = (60.0, 60.0)
_ANONYMOUS = "mqtt: {} off on an anonymous broker; set a password, or mqtt.{} to on"


@dataclass(frozen=True, slots=True)
class MqttStatus:
    """`state`: connecting, connected, refused, duplicate_instance or stopped."""

    state: str
    since: datetime
    error: str | None = None
    protocol: str | None = None
    media: bool = False
    commands: bool = False
    notes: tuple[str, ...] = ()
    """What is switched off and why."""
    dropped_commands: int = 0


class MqttOutput:
    """Keeps one connection alive and says everything retained again on each new one; incidents go by `channel`."""

    def __init__(
        self,
        options: MqttOptions,
        engine: EngineControl,
        instance: str,
        api_url: str | None,
        clock: Clock,
        dropped: Callable[[str], int] = lambda _camera: 0,
        other: OtherProgram | None = None,
    ) -> None:
        """`dropped`: frames of a camera that nobody looked at, for the statistics. `other`: who else is heard."""
        self._options = options
        self._engine = engine
        self._api_url = api_url
        self._clock = clock
        self._dropped = dropped
        self._listening = MqttListening(other) if other else None
        self.root = f"{options.prefix}/{instance}"
        self._client_id = f"{options.prefix[:32]}_{instance}_{engine.uuid[:8]}"
        self.channel = MqttChannel(self.root, engine, media=options.media_on)
        self._commands = MqttCommands(engine, self.root, self.channel.repeat_picture)
        self._presence = MqttPresence(self.root, engine.uuid)
        self._retained: dict[str, bytes] = {}
        """Newest payload by topic: coalesced while the broker is away or slow."""
        self._dirty: dict[str, None] = {}
        """In the order they were put."""
        self._changed = asyncio.Event()
        self._connection: MqttConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._status = MqttStatus(
            "connecting", clock.now(), media=options.media_on, commands=options.commands_on, notes=_notes(options)
        )
        self._discovery = MqttDiscovery(
            self.root, instance, engine, clock, media=options.media_on, on=options.ha_discovery
        )
        self.channel.newest_pictures = options.ha_discovery

    def start(self) -> None:
        """Connects in the background and goes on trying. Needs a running event loop."""
        for note in self._status.notes:
            _LOG.info("%s", note)
        self._task = asyncio.create_task(self._run(), name="mqtt")
        self._task.add_done_callback(_report_death)

    async def stop(self) -> None:
        """Says `offline` and goodbye, within about two seconds."""
        if self._connection is not None:
            with contextlib.suppress(MqttError, TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await self._presence.leave(self._connection)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._set_state("stopped")

    def status(self) -> MqttStatus:
        return replace(self._status, dropped_commands=self._commands.dropped)

    def notes(self) -> Sequence[str]:
        """What is switched off and why, and what is wrong, for people."""
        status = self.status()
        return [*status.notes, *([f"mqtt: {status.error}"] if status.error else [])]

    def publish_camera_state(self, camera: str, payload: Mapping[str, Any]) -> None:
        """Retained; the newest wins while the broker cannot take it."""
        self._put(f"{self.root}/{camera}/state", _json(payload))
        if self._discovery.is_outdated(camera, payload):
            self._refresh_discovery()

    def remove_camera(self, camera: str) -> None:
        """Clears what the broker retains of a camera that is no longer configured."""
        self._discovery.remove(camera)
        self._refresh_discovery()
        self._put(f"{self.root}/{camera}/state", b"")

    def publish_info(self) -> None:
        """Says again who this engine is: after a change of cameras, model or epoch."""
        info = self._engine.info()
        payload = {key: info[key] for key in _INFO_KEYS if key in info}
        payload |= {"uuid": self._engine.uuid, "epoch": self._engine.epoch, "api_url": self._api_url}
        self._put(f"{self.root}/info", _json(payload))
        self._refresh_discovery()

    def publish_chain(self, payload: Mapping[str, Any]) -> None:
        """The head of the store's chain, retained: kept where the engine's owner cannot quietly change it."""
        self._put(f"{self.root}/chain", _json(payload))

    @property
    def discovery(self) -> bool:
        """Whether Home Assistant is told of the cameras."""
        return self._discovery.on

    @discovery.setter
    def discovery(self, on: bool) -> None:
        self._discovery.on = self.channel.newest_pictures = on
        self._refresh_discovery()

    def _refresh_discovery(self) -> None:
        """Says what has changed of what Home Assistant is told, once it is known what the broker lets us do."""
        if self._connection is None:
            return
        for topic, payload in self._discovery.payloads(commands=self._status.commands).items():
            if self._retained.get(topic) != payload:
                self._put(topic, payload)

    def _put(self, topic: str, payload: bytes) -> None:
        self._retained[topic] = payload
        self._dirty[topic] = None
        self._changed.set()

    async def _run(self) -> None:
        failures = 0
        protocol = _FIRST_PROTOCOL[self._options.protocol]
        while True:
            began_s = self._clock.tick_s()
            state, error, (first_s, last_s) = "connecting", "", _RETRY_S
            try:
                await self._serve(protocol)
            except DuplicateInstanceError as problem:
                state, error, (first_s, last_s) = "duplicate_instance", str(problem), _DUPLICATE_RETRY_S
            except MqttError as problem:
                error = str(problem)
                if problem.unheard and self._options.tls is not None:
                    error = f"{error}: {self._options.tls.why_refused(self._clock.now())}"
                if problem.refused:
                    state, (first_s, last_s) = "refused", _REFUSED_RETRY_S
                older = self._options.protocol == "auto" and problem.wrong_protocol
                protocol = MQTTProtocolVersion.MQTTv311 if older else _FIRST_PROTOCOL[self._options.protocol]
            except OSError as problem:
                state, error, (first_s, last_s) = "refused", f"mqtt.tls.{problem}", _REFUSED_RETRY_S
            failures = 0 if self._clock.tick_s() - began_s > last_s else failures + 1
            self._set_state(state, error)
            await asyncio.sleep(min(first_s * 2.0 ** min(failures - 1, 16), last_s) * random.uniform(0.5, 1.0))

    async def _serve(self, protocol: MQTTProtocolVersion) -> None:
        """One connection from CONNECT to its end; always raises why it ended."""
        options = self._options
        tls = None if options.tls is None else await asyncio.to_thread(options.tls.context)
        connection = MqttConnection(self._client_id, protocol, self._received)
        try:
            address, credentials = (options.host, options.port), (options.username, options.password)
            await connection.open(address, credentials, tls, (f"{self.root}/available", b"offline"))
            await self._announce(connection)
            self._connection = self.channel.connection = connection
            self._refresh_discovery()
            self._set_state("connected", protocol="5" if protocol == MQTTProtocolVersion.MQTTv5 else "3.1.1")
            self.channel.wake()
            await self._attend(connection)
        finally:
            self._connection = self.channel.connection = None
            connection.drop()

    async def _announce(self, connection: MqttConnection) -> None:
        """Checks that the instance is free, then `online`, info and all states, before any incident."""
        cameras = {view.id: view.state for view in self._engine.cameras()}
        await self._presence.enter(connection, set(cameras))
        self.publish_info()
        for camera, state in cameras.items():
            self._retained.setdefault(f"{self.root}/{camera}/state", _json(state))
        self._dirty = dict.fromkeys(self._retained)
        await self._flush(connection)
        await self._discovery.look(connection)
        if options_on := self._options.commands_on:
            try:
                await connection.subscribe(self._commands.filters)
            except MqttError as problem:
                if not problem.refused:
                    raise
                _LOG.warning("mqtt: commands are off: %s", problem)
                options_on = False
        self._status = replace(self._status, commands=options_on)

    async def _attend(self, connection: MqttConnection) -> None:
        tasks = [
            asyncio.create_task(self._pump(connection)),
            asyncio.create_task(self._commands.run(connection.publish)),
            asyncio.create_task(self._report_stats(connection)),
            asyncio.create_task(self._presence.watch(connection)),
        ]
        if self._listening is not None:
            tasks.append(asyncio.create_task(self._listening.run(connection)))
        try:
            ends: list[asyncio.Future[Any]] = [connection.closed, *tasks]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
            raise connection.closed.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, connection: MqttConnection) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._flush(connection)

    async def _flush(self, connection: MqttConnection) -> None:
        while self._dirty:
            topic = next(iter(self._dirty))
            payload = self._retained[topic]
            del self._dirty[topic]
            try:
                await connection.publish(topic, payload, retain=True)
            except MqttError as problem:
                if not (problem.refused and topic.startswith(f"{PREFIX}/")):
                    self._dirty[topic] = None
                    raise
                _LOG.warning("mqtt: Home Assistant cannot be told of a camera: %s (%s)", problem, topic)
            if not payload and self._retained[topic] == b"":
                del self._retained[topic]
                self._dirty.pop(topic, None)

    async def _report_stats(self, connection: MqttConnection) -> None:
        while True:
            await connection.publish(f"{self.root}/stats", _json(self._stats()), qos=0)
            await asyncio.sleep(_STATS_S)

    def _stats(self) -> dict[str, Any]:
        info = self._engine.info()
        return {
            "schema_version": SCHEMA_VERSION,
            "uuid": self._engine.uuid,
            "at": timestamp(self._clock.now()),
            **{key: info.get(key) for key in _STATS_KEYS},
            "cameras": {
                view.id: {k: view.state.get(k) for k in ("state", "fps", "latency_ms")}
                | {"dropped": self._dropped(view.id)}
                for view in self._engine.cameras()
            },
        }

    def _received(self, topic: str, payload: bytes, retain: bool) -> None:
        self._presence.received(topic, payload, retain)
        self._discovery.received(topic, payload, retain)
        self._commands.offer(topic, payload, retain)
        if self._listening is not None:
            self._listening.received(topic, payload)

    def _set_state(self, state: str, error: str | None = None, protocol: str | None = None) -> None:
        if (state, error) == (self._status.state, self._status.error):
            return
        if error is not None:
            _LOG.warning("mqtt %s:%d: %s", self._options.host, self._options.port, error)
        elif state == "connected":
            _LOG.info("mqtt %s:%d: connected (MQTT %s)", self._options.host, self._options.port, protocol)
        self._status = replace(self._status, state=state, error=error, protocol=protocol, since=self._clock.now())


def _notes(options: MqttOptions) -> tuple[str, ...]:
    features = (("media", "pictures are"), ("commands", "commands are"))
    return tuple(
        _ANONYMOUS.format(words, key)
        for key, words in features
        if getattr(options, key) == "auto" and not options.authenticated
    )


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _report_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("mqtt has stopped because of an error in it", exc_info=error)


_FIRST_PROTOCOL = {
    "auto": MQTTProtocolVersion.MQTTv5,
    "5": MQTTProtocolVersion.MQTTv5,
    "3.1.1": MQTTProtocolVersion.MQTTv311,
}
