"""Owns how long cameras were seen, from what was told of their state; what nobody told is unknown, not up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from crime_detect_engine.domain.reporting import CameraWord
from crime_detect_engine.domain.types import CameraState

_HOLDS = timedelta(seconds=150)
"""States are told at least once a minute: a longer silence means that the engine was off."""
_SEEN = frozenset({CameraState.LIVE, CameraState.FROZEN})
MAX_OUTAGES = 50


@dataclass(frozen=True, slots=True)
class Outage:
    start: datetime
    end: datetime
    state: str


@dataclass(slots=True)
class Uptime:
    """Seconds of one camera; `known_s` is all that something is known of."""

    known_s: float = 0.0
    online_s: float = 0.0
    paused_s: float = 0.0
    outages: list[Outage] = field(default_factory=list)
    outage_count: int = 0

    @property
    def share(self) -> float | None:
        """Online ÷ known without what somebody paused; None where nothing is left."""
        watched_s = self.known_s - self.paused_s
        return self.online_s / watched_s if watched_s > 0 else None


class UptimeTally:
    """Takes words in their order; `finish` closes what is still open at the end of the period."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self._start = start
        self._end = end
        self._last: dict[str, CameraWord] = {}
        self._away: dict[str, tuple[datetime, str]] = {}
        self.cameras: dict[str, Uptime] = {}

    def add(self, word: CameraWord) -> None:
        before = self._last.get(word.camera)
        if before is not None:
            self._count(before, min(word.at, before.at + _HOLDS))
            if word.at - before.at > _HOLDS:
                self._return(word.camera, before.at + _HOLDS)
        self._last[word.camera] = word
        state = word.state
        if state in _SEEN or state in (CameraState.PAUSED, CameraState.STARTING):
            self._return(word.camera, word.at)
        else:
            self._away.setdefault(word.camera, (word.at, state))

    def finish(self) -> dict[str, Uptime]:
        for word in self._last.values():
            until = min(self._end, word.at + _HOLDS)
            self._count(word, until)
            self._return(word.camera, until)
        return self.cameras

    def _count(self, word: CameraWord, until: datetime) -> None:
        seconds = (min(until, self._end) - max(word.at, self._start)).total_seconds()
        uptime = self.cameras.setdefault(word.camera, Uptime())
        if seconds <= 0:
            return
        uptime.known_s += seconds
        if word.state in _SEEN:
            uptime.online_s += seconds
        elif word.state == CameraState.PAUSED:
            uptime.paused_s += seconds

    def _return(self, camera: str, at: datetime) -> None:
        if camera not in self._away:
            return
        since, state = self._away.pop(camera)
        uptime = self.cameras.setdefault(camera, Uptime())
        start, end = max(since, self._start), min(at, self._end)
        if end <= start:
            return
        uptime.outage_count += 1
        if len(uptime.outages) < MAX_OUTAGES:
            uptime.outages.append(Outage(start, end, state))
