"""Owns incidents between the feed and the listeners: replays made one, pictures first, in order for each camera."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import LATE_S
from .engine.models import ChangeType, IncidentMessage
from .history import IncidentHistory, Record
from .incident_event import IncidentEvent, IncidentEventKind, after_telling, is_late, judge
from .pictures import FETCH_AGE, Pictures

_LOGGER = logging.getLogger(__name__)

QUIET_S = 1.0
"""A replay that pauses for so long is over."""
WITH_PICTURES = 50
"""Of a queue that is longer than this the oldest do without new pictures, until it is short again."""
TRIES = 2
"""Of an incident that meets a bug: the last one without a new picture."""


@dataclass(slots=True)
class _Waiting:
    message: IncidentMessage
    seqs: list[int]
    """Of all messages that it is made of."""
    broken: int = 0
    """How often dealing with it ended in a bug."""

    def add(self, other: IncidentMessage) -> None:
        older, newer = sorted((self.message, other), key=lambda message: message.seq)
        before = newer.before if newer.after is None else older.before  # one of both is there
        self.message = replace(newer, before=before, replayed=older.replayed and newer.replayed)
        self.seqs.append(other.seq)


@dataclass(slots=True)
class _Line:
    """Of one camera."""

    waiting: deque[_Waiting] = field(default_factory=deque)
    now: _Waiting | None = None
    """What the worker deals with; where a bug ended it, what that was."""
    worker: asyncio.Task[None] | None = None


class IncidentQueue:
    """`tell` hears of each incident once it is remembered; `add` and `flush` never block."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        history: IncidentHistory,
        pictures: Pictures,
        tell: Callable[[IncidentEvent], None],
    ) -> None:
        self._hass = hass
        self._entry = entry
        self._history = history
        self._pictures = pictures
        self._tell = tell
        self._replayed: dict[str, _Waiting] = {}
        self._lines: dict[str, _Line] = {}
        self._cancel_flush: CALLBACK_TYPE | None = None
        self._begun = asyncio.Event()

    def begin(self) -> None:
        """Whoever is to be told is there now."""
        self._begun.set()

    @callback
    def add(self, message: IncidentMessage) -> None:
        if self._history.is_repeat(message):
            return
        self._history.wait_for(message.seq)
        incident_id = message.incident.incident_id
        if waiting := self._replayed.get(incident_id):
            waiting.add(message)
        elif message.replayed or self._may_be_over(message):
            self._replayed[incident_id] = _Waiting(message, [message.seq])
        else:
            self._enqueue(_Waiting(message, [message.seq]))
            return
        self._flush_later()

    @callback
    def flush(self, *_: object) -> None:
        """No more is replayed: what was becomes one message an incident."""
        if self._cancel_flush:
            self._cancel_flush()
            self._cancel_flush = None
        replayed, self._replayed = self._replayed, {}
        for waiting in sorted(replayed.values(), key=lambda one: one.message.seq):
            self._enqueue(waiting)

    async def stop(self) -> None:
        """What waits is not lost: it is before the position that is kept, and will be told again."""
        if self._cancel_flush:
            self._cancel_flush()
            self._cancel_flush = None
        lines, self._lines = self._lines, {}
        workers = [line.worker for line in lines.values() if line.worker is not None]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _may_be_over(self, message: IncidentMessage) -> bool:
        """First words about something old: its end may be right behind them, from an outbox that waited."""
        incident = message.incident
        known = self._history.get(incident.incident_id)
        old = dt_util.utcnow() - incident.started_at > timedelta(seconds=LATE_S)
        return old and (known is None or known.fired is None)

    def _flush_later(self) -> None:
        if self._cancel_flush:
            self._cancel_flush()
        self._cancel_flush = async_call_later(self._hass, QUIET_S, self._quiet)

    @callback
    def _quiet(self, _now: datetime) -> None:
        self._cancel_flush = None
        self.flush()

    def _enqueue(self, waiting: _Waiting) -> None:
        incident = waiting.message.incident
        line = self._lines.setdefault(incident.camera, _Line())
        for other in line.waiting:
            if other.message.incident.incident_id == incident.incident_id:
                other.add(waiting.message)
                other.seqs.extend(waiting.seqs)
                return
        line.waiting.append(waiting)
        if line.worker is None:
            self._start(incident.camera, line)

    def _start(self, camera: str, line: _Line) -> None:
        line.worker = self._entry.async_create_background_task(
            self._hass, self._work(line), f"crime_detect incidents of {camera}"
        )
        line.worker.add_done_callback(partial(self._ended, camera, line))

    def _ended(self, camera: str, line: _Line, worker: asyncio.Task[None]) -> None:
        """What is wrong with one incident must not silence its camera, nor a picture the incident."""
        line.worker = None
        if worker.cancelled():
            return
        if (error := worker.exception()) is not None:
            incident_id = "none"
            if line.now is not None:
                line.now.broken += 1
                incident_id = line.now.message.incident.incident_id
            _LOGGER.error("Incident %s was not dealt with", incident_id, exc_info=error)
        if self._lines.get(camera) is line and (line.waiting or line.now):
            self._start(camera, line)

    async def _work(self, line: _Line) -> None:
        await self._begun.wait()
        while line.now or line.waiting:
            one = line.now = line.now or line.waiting.popleft()
            told = True
            if one.broken < TRIES:
                quickly = one.broken > 0 or len(line.waiting) > WITH_PICTURES
                told = await self._deal_with(one.message, quickly=quickly)
            line.now = None
            for seq in one.seqs:
                self._history.dealt_with(seq)
            if told or not line.waiting:
                await self._history.save()

    async def _deal_with(self, message: IncidentMessage, *, quickly: bool) -> bool:
        """Whether it was news."""
        if self._history.is_repeat(message):
            return False
        incident = message.incident
        if message.type is ChangeType.DELETED:
            await self._forget(message)
            return False
        now = dt_util.utcnow()
        if quickly or now - incident.started_at > FETCH_AGE:
            picture = self._pictures.path(incident)
        else:
            picture = await self._pictures.fetch(incident)
        # From here to the end without a pause: what was told is remembered, also when we are stopped.
        record = self._history.get(incident.incident_id)
        before, fired = (record.incident, record.fired) if record else (None, None)
        kind = judge(incident, before, fired)
        late = is_late(incident, now)
        self._history.put(Record(incident, message.seq, after_telling(incident, fired, kind)))
        self._tell(IncidentEvent(kind, incident, before, late, picture))
        news = kind in (IncidentEventKind.NEW, IncidentEventKind.RAISED) and not late
        if news and incident.ended_at is not None and (before is None or before.ended_at is None):
            self._tell(IncidentEvent(IncidentEventKind.ENDED, incident, incident, late, picture))
        return news

    async def _forget(self, message: IncidentMessage) -> None:
        incident_id = message.incident.incident_id
        record = self._history.get(incident_id)
        await self._pictures.remove(incident_id)
        self._history.delete(incident_id, message.seq)
        if record is not None:
            late = is_late(record.incident, dt_util.utcnow())
            self._tell(IncidentEvent(IncidentEventKind.DELETED, record.incident, record.incident, late, None))
