"""Owns time: the only place that reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """`now` is for people (aware UTC), `tick_s` for durations (monotonic seconds, unaffected by clock steps)."""

    def now(self) -> datetime: ...

    def tick_s(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def tick_s(self) -> float:
        return time.monotonic()


def cpu_s() -> float:
    """CPU seconds of all threads of this process so far: what a benchmark divides by frames."""
    return time.process_time()


class ManualClock:
    """A clock that moves when told, for tests and for replaying files faster than they were recorded."""

    def __init__(self, at: datetime, tick_s: float = 0.0) -> None:
        self._at = at
        self._tick_s = tick_s

    def now(self) -> datetime:
        return self._at

    def tick_s(self) -> float:
        return self._tick_s

    def advance(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)
        self._tick_s += seconds

    def step(self, seconds: float) -> None:
        """The wall clock jumps (NTP, daylight saving by hand); durations do not."""
        self._at += timedelta(seconds=seconds)
