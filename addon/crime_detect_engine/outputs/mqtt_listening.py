"""Owns what the engine hears of another program on the broker: topics that may be known only later, messages taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from .mqtt_connection import MqttConnection, MqttError

_LOG = logging.getLogger(__name__)
_LOOK_S = 2.0


class OtherProgram(Protocol):
    """One that speaks on the broker, and what is made of it."""

    def topics(self) -> Sequence[str]:
        """Asked again and again: it may be known only later under which it speaks."""
        ...

    def feed(self, topic: str, payload: bytes) -> None:
        """Every message that the engine gets; those of others are to be left."""
        ...

    def broker_lost(self) -> None:
        """What is said from now until the next connection is missed."""
        ...


class MqttListening:
    def __init__(self, other: OtherProgram) -> None:
        self._other = other
        self.received = other.feed

    async def run(self, connection: MqttConnection) -> None:
        """For the life of one connection. Raises MqttError when it ends; a refusal is said and lived with."""
        subscribed: Sequence[str] = ()
        try:
            while True:
                wanted = self._other.topics()
                if wanted != subscribed:
                    await _change(connection, subscribed, wanted)
                    subscribed = wanted
                await asyncio.sleep(_LOOK_S)
        finally:
            self._other.broker_lost()


async def _change(connection: MqttConnection, old: Sequence[str], new: Sequence[str]) -> None:
    try:
        if old:
            await connection.unsubscribe(old)
        if new:
            await connection.subscribe(new)
    except MqttError as problem:
        if not problem.refused:
            raise
        _LOG.warning("mqtt: %s is not heard: %s", ", ".join(new), problem)
