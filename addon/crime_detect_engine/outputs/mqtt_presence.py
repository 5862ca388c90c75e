"""Owns who is present under one instance's topics: `available`, and that only one engine publishes there."""

from __future__ import annotations

import asyncio
import json
import logging

from .mqtt_connection import MqttConnection, MqttError

_LOG = logging.getLogger(__name__)


class DuplicateInstanceError(MqttError):
    """Another engine publishes under this instance's topics; the message says what to do."""

    def __init__(self, root: str, uuid: str) -> None:
        super().__init__(
            f"another engine (uuid {uuid}) already publishes below {root!r}: give one of the two another `instance`"
        )


class MqttPresence:
    """Reads the broker's retained `info` and `available` before anything is said, and watches them afterwards."""

    def __init__(self, root: str, uuid: str) -> None:
        self._root = root
        self._uuid = uuid
        self._retained: dict[str, bytes] = {}
        self._entered = False
        self._objected = False
        self._say_online = asyncio.Event()
        self._rival: str | None = None

    async def enter(self, connection: MqttConnection, cameras: set[str]) -> None:
        """Says `online`, or raises DuplicateInstanceError. Clears retained states of cameras that are gone."""
        self._retained, self._entered, self._objected, self._rival = {}, False, False, None
        available, info, states = f"{self._root}/available", f"{self._root}/info", f"{self._root}/+/state"
        try:
            # Brokers answer in order: after the second answer all that the first one brought is here. With QoS 1 a
            # broker holds back what exceeds its window of unacknowledged messages (20), so QoS 0.
            await connection.subscribe([info, available, states], qos=0)
            await connection.subscribe([available], qos=0)
            await connection.unsubscribe([states])
        except MqttError as problem:
            if not problem.refused:
                raise
            _LOG.warning("mqtt: cannot tell whether another engine uses %r: %s", self._root, problem)
        other = _uuid_of(self._retained.get(info, b""))
        if other not in (None, self._uuid) and self._retained.get(available) == b"online":
            raise DuplicateInstanceError(self._root, str(other))
        for topic, payload in self._retained.items():
            camera = topic.removeprefix(f"{self._root}/").removesuffix("/state")
            if payload and topic.endswith("/state") and camera not in cameras:
                await connection.publish(topic, b"", retain=True)
        self._entered = True
        await connection.publish(available, b"online", retain=True)

    async def watch(self, connection: MqttConnection) -> None:
        """Says `online` again when somebody else's will took it back. Raises DuplicateInstanceError for a rival."""
        while True:
            await self._say_online.wait()
            self._say_online.clear()
            if self._rival is not None:
                raise DuplicateInstanceError(self._root, self._rival)
            await connection.publish(f"{self._root}/available", b"online", retain=True)

    async def leave(self, connection: MqttConnection) -> None:
        self._entered = False
        await connection.publish(f"{self._root}/available", b"offline", retain=True)

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """What the broker holds (before `online`), and what others say (after it)."""
        if not self._entered:
            if retain:
                self._retained[topic] = payload
            return
        if topic == f"{self._root}/available" and payload == b"offline":
            self._say_online.set()
        elif topic == f"{self._root}/info":
            self._meet(_uuid_of(payload))

    def _meet(self, other: str | None) -> None:
        # Two engines that start in the same moment both find the place free; the greater uuid gives way.
        if other is None or other == self._uuid:
            return
        if not self._objected:
            self._objected = True
            _LOG.error("mqtt: another engine (uuid %s) announces itself below %r", other, self._root)
        if self._uuid > other:
            self._rival = other
            self._say_online.set()


def _uuid_of(payload: bytes) -> str | None:
    try:
        info = json.loads(payload)
    except ValueError:
        return None
    uuid = info.get("uuid") if isinstance(info, dict) else None
    return uuid if isinstance(uuid, str) else None
