"""Owns how many may wait for work that takes a core for a while; whoever comes after them is told to come later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from crime_detect_engine.domain.errors import BusyError

MAX_WAITING = 6


class Turns:
    """Counts who waits for a report, the one that is being made included."""

    def __init__(self, most: int = MAX_WAITING) -> None:
        self._most = most
        self._taken = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Raises BusyError when too many wait already."""
        if self._taken >= self._most:
            raise BusyError("Other reports are being made; try again in a while.")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


TURNS = web.AppKey("turns", Turns)
