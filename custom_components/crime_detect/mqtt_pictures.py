"""Owns the pictures that came over MQTT and nobody took yet: few, for a short while."""

from __future__ import annotations

import asyncio

from .engine.errors import NotFoundError

MOST = 32
MOST_BYTES = 32 * 1024 * 1024
WAIT_S = 1.0
"""It is published before its incident; brokers that change the order do so by little."""


class MqttPictures:
    """The newest of each incident. Which revision it is nobody says: what was taken is not given again."""

    def __init__(self) -> None:
        self._waiting: dict[str, bytes] = {}
        self._came = asyncio.Event()

    def add(self, incident_id: str, jpeg: bytes) -> None:
        self._waiting.pop(incident_id, None)
        self._waiting[incident_id] = jpeg
        while len(self._waiting) > MOST or sum(map(len, self._waiting.values())) > MOST_BYTES:
            del self._waiting[next(iter(self._waiting))]
        self._came.set()
        self._came = asyncio.Event()

    async def take(self, incident_id: str) -> bytes:
        """Raises NotFoundError when it does not come."""
        try:
            async with asyncio.timeout(WAIT_S):
                while incident_id not in self._waiting:
                    await self._came.wait()
        except TimeoutError as error:
            raise NotFoundError("it was not published (`mqtt: {media: on}`)", "not_published") from error
        return self._waiting.pop(incident_id)
