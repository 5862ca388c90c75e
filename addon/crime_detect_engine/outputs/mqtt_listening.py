"""Owns what the engine hears of another program on the broker: topics that may be known only later, messages taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from .mqtt_connection import MqttConnection, MqttError

_LOG = logging.getLogger(__name__)
_LOOK_S = 2.0


class MqttListening:
    """`topics()` is asked again and again, since the other program may say only later under which it speaks."""

    def __init__(
        self,
        topics: Callable[[], Sequence[str]],
        take: Callable[[str, bytes], None],
        lost: Callable[[], None],
    ) -> None:
        """`take` gets every message of the broker and leaves those that are not its own; `lost` is called when the
        connection ends: what is said until the next one is missed."""
        self._topics = topics
        self._lost = lost
        self.take = take

    async def run(self, connection: MqttConnection) -> None:
        """For the life of one connection. Raises MqttError when it ends; a refusal is said and lived with."""
        subscribed: Sequence[str] = ()
        try:
            while True:
                wanted = self._topics()
                if wanted != subscribed:
                    await _change(connection, subscribed, wanted)
                    subscribed = wanted
                await asyncio.sleep(_LOOK_S)
        finally:
            self._lost()


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
