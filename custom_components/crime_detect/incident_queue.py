"""Owns incidents between the feed and the listeners: replays made one, pictures first, in order for each camera."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

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


@dataclass(slots=True)
class _Waiting:
    message: IncidentMessage
    seqs: list[int]
    """Of all messages that it is made of."""

    def add(self, other: IncidentMessage) -> None:
        older, newer = sorted((self.message, other), key=lambda message: message.seq)
        before = newer.before if newer.after is None else older.before  # one of both is there
        self.message = replace(newer, before=before, replayed=older.replayed and newer.replayed)
        self.seqs.append(other.seq)


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
        self._queues: dict[str, deque[_Waiting]] = {}
        self._workers: dict[str, asyncio.Task[None]] = {}
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
        workers = list(self._workers.values())
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
        queue = self._queues.setdefault(incident.camera, deque())
        for other in queue:
            if other.message.incident.incident_id == incident.incident_id:
                other.add(waiting.message)
                other.seqs.extend(waiting.seqs)
                return
        queue.append(waiting)
        worker = self._workers.get(incident.camera)
        if worker is None or worker.done():
            self._workers[incident.camera] = self._entry.async_create_background_task(
                self._hass, self._work(queue), f"crime_detect incidents of {incident.camera}"
            )

    async def _work(self, queue: deque[_Waiting]) -> None:
        await self._begun.wait()
        while queue:
            waiting = queue.popleft()
            told = True
            try:
                told = await self._deal_with(waiting.message, quickly=len(queue) > WITH_PICTURES)
            except Exception:  # what is wrong with one incident must not silence its camera
                _LOGGER.exception("Incident %s was not dealt with", waiting.message.incident.incident_id)
            for seq in waiting.seqs:
                self._history.dealt_with(seq)
            if told or not queue:
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
