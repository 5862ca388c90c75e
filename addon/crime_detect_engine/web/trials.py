"""Owns how often sources are tried: one at a time a caller, a few at once, not all day."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import BusyError
from crime_detect_engine.domain.ports import Actor

from .errors import ThrottledError

AT_ONCE = 3
A_MINUTE = 12
MAX_CALLERS = 100


class Trials:
    """Without this a token could use the engine to look around its network at leisure."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: set[str] = set()
        self._begun: OrderedDict[str, deque[float]] = OrderedDict()

    @contextmanager
    def turn(self, actor: Actor) -> Iterator[None]:
        """Raises ThrottledError or BusyError."""
        caller = actor.name.partition(" for ")[0]
        if caller in self._running:
            raise ThrottledError("A source is being tried for you already; wait for its answer.", 15)
        if len(self._running) >= AT_ONCE:
            raise BusyError("Other sources are being tried; try again in a while.")
        self._count(caller)
        self._running.add(caller)
        try:
            yield
        finally:
            self._running.discard(caller)

    def _count(self, caller: str) -> None:
        now = self._clock.tick_s()
        begun = self._begun.setdefault(caller, deque(maxlen=A_MINUTE))
        self._begun.move_to_end(caller)
        if len(begun) == A_MINUTE and now - begun[0] < 60.0:
            raise ThrottledError("Too many sources tried within a minute.", int(60.0 - (now - begun[0])) + 1)
        begun.append(now)
        while len(self._begun) > MAX_CALLERS:
            self._begun.popitem(last=False)


TRIALS = web.AppKey("trials", Trials)
