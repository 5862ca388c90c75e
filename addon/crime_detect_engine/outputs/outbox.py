"""Owns reliable sending: stored deliveries, in order a recipient, with retries, asking before repeating."""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import NO_EVENT, Delivery, OutboxStore
from crime_detect_engine.domain.types import ChangeType, IncidentChanged

from .channel import Ambiguous, Blocked, Channel, Outcome, Outgoing, Permanent, Sent

_LOG = logging.getLogger(__name__)

MAYBE = "maybe"
"""Receipt of a delivery that was begun and not concluded (domain.ports.Delivery)."""

_FIRST_RETRY_S = 5.0
_LAST_RETRY_S = 600.0
_SHORTEST_RETRY_S = 0.5
_POLL_S = 30.0
_AT_ONCE = 4
_EVER = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """One channel as /info, doctor and metrics show it. Counters are since the start of the engine."""

    channel: str
    ready: bool
    pending: int = 0
    oldest_age_s: float | None = None
    """Age of the oldest delivery that was tried and is still waiting."""
    last_error: str | None = None
    last_receipt: str | None = None
    sent: int = 0
    retried: int = 0
    ambiguous: int = 0
    found: int = 0
    """Ambiguous messages that the far end turned out to have: not sent twice."""
    given_up: int = 0
    last_given_up: str | None = None
    """Why the last one was given up; stays when others are sent."""


@dataclass(slots=True)
class _Lane:
    """What the outbox remembers of one channel between two looks into the store."""

    channel: Channel
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    status: ChannelStatus = ChannelStatus("", ready=False)
    waiting: dict[int, datetime] = field(default_factory=dict)
    retry_ticks: dict[int, float] = field(default_factory=dict)
    blocked_until_s: float = 0.0

    def count(self, **changes: int) -> None:
        self.status = replace(self.status, **{k: getattr(self.status, k) + v for k, v in changes.items()})

    def forget(self, delivery: Delivery) -> None:
        self.waiting.pop(delivery.id, None)
        self.retry_ticks.pop(delivery.id, None)


def retry_delay_s(attempts: int, wanted_s: float | None, jitter: float) -> float:
    """Exponential from 5 s to 10 min, spread over its upper half by `jitter` 0..1; never earlier than `wanted_s`."""
    backoff_s = min(_FIRST_RETRY_S * 2.0 ** min(attempts, 16), _LAST_RETRY_S) * (0.5 + 0.5 * jitter)
    return max(backoff_s if wanted_s is None else wanted_s, _SHORTEST_RETRY_S)


class Outbox:
    """One task a channel. Nothing is lost: a delivery leaves the store only by Sent or by a Permanent error.

    A message is repeated only after the far end said that it does not have it, or where the far end recognises the
    repetition by its key.
    """

    def __init__(self, store: OutboxStore, channels: Mapping[str, Channel], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lanes = {name: _Lane(channel) for name, channel in channels.items()}
        self._tasks: list[asyncio.Task[None]] = []
        for name, lane in self._lanes.items():
            lane.status = ChannelStatus(name, ready=lane.channel.ready)
            lane.channel.bind(lane.wake.set)

    def start(self) -> None:
        """Begins with what an earlier run left behind. Needs a running event loop."""
        self._tasks = [
            asyncio.create_task(self._work(name, lane), name=f"outbox {name}") for name, lane in self._lanes.items()
        ]
        self._tasks.append(asyncio.create_task(self._give_up_orphans(), name="outbox orphans"))

    async def stop(self) -> None:
        """Sending stops where it is; what was begun is looked up at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for lane in self._lanes.values():
            await lane.channel.close()

    def notify(self, channel: str | None = None) -> None:
        """There is something new in the store, for one channel or for any."""
        for name, lane in self._lanes.items():
            if channel in (None, name):
                lane.wake.set()

    async def status(self) -> Mapping[str, ChannelStatus]:
        """By channel; channels that are no longer configured appear while deliveries for them are left."""
        counts = await self._store.pending_counts()
        now = self._clock.now()
        result = {name: ChannelStatus(name, ready=False, pending=count) for name, count in counts.items() if count}
        for name, lane in self._lanes.items():
            oldest = min(lane.waiting.values(), default=None)
            result[name] = replace(
                lane.status,
                ready=lane.channel.ready and self._clock.tick_s() >= lane.blocked_until_s,
                pending=counts.get(name, 0),
                oldest_age_s=None if oldest is None else max((now - oldest).total_seconds(), 0.0),
            )
        return result

    async def send_test(self, event: IncidentChanged, targets: Iterable[tuple[str, str]]) -> Mapping[str, Outcome]:
        """Sends a test message past the store, once and without retry; outcome by `channel:recipient`."""
        results: dict[str, Outcome] = {}
        for channel, recipient in targets:
            delivery = Delivery(0, channel, recipient, event.seq, None, event.at, 0, None, None)
            outgoing = Outgoing(delivery, event, 0.0, _no_snapshot, test=True)
            results[f"{channel}:{recipient}"] = await self._attempt(self._lanes[channel], outgoing, ask=False)
        return results

    async def _work(self, name: str, lane: _Lane) -> None:
        failures = 0
        while True:
            lane.wake.clear()
            try:
                wait_s = await self._drain(name, lane)
                failures = 0
            except Exception as error:  # noqa: BLE001 law 11: the store may be locked or full; alerts must go out afterwards
                wait_s = retry_delay_s(failures, None, random.random())
                failures += 1
                self._complain(lane, f"cannot read or write deliveries: {type(error).__name__}", error)
            try:
                async with asyncio.timeout(wait_s):
                    await lane.wake.wait()
            except TimeoutError:
                continue

    async def _give_up_orphans(self) -> None:
        """Deliveries of channels that are no longer configured end here; they would hold the event log for ever."""
        try:
            for name in set(await self._store.pending_counts()) - set(self._lanes):
                while due := await self._store.due(name, self._clock.now() + _EVER):
                    for delivery in due:
                        await self._store.mark_failed(delivery.id, "the channel is no longer configured", None)
                _LOG.warning("outbox %s: is no longer configured, what waited for it is given up", name)
        except Exception as error:  # noqa: BLE001 law 11: nothing else depends on it, the next start tries again
            _LOG.warning("outbox: cannot clean up after removed channels: %s", type(error).__name__)

    async def _drain(self, name: str, lane: _Lane) -> float:
        """Sends all that is due. Returns the seconds until there may be more."""
        while lane.channel.ready and self._clock.tick_s() >= lane.blocked_until_s:
            due = await self._store.due(name, self._clock.now())
            if not due:
                break
            places = asyncio.Semaphore(_AT_ONCE)
            results = await asyncio.gather(
                *(self._deliver(lane, delivery, places) for delivery in due), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result
        tick_s = self._clock.tick_s()
        times = [at for at in lane.retry_ticks.values() if at > tick_s]
        if lane.blocked_until_s > tick_s:
            times = [lane.blocked_until_s]
        return min(_POLL_S, max(min(times, default=tick_s + _POLL_S) - tick_s, _SHORTEST_RETRY_S))

    async def _deliver(self, lane: _Lane, delivery: Delivery, places: asyncio.Semaphore) -> None:
        async with places:
            if self._clock.tick_s() < lane.blocked_until_s:
                return
            event = await self._event_of(delivery)
            if event is None:
                outcome: Outcome = Permanent("the incident was deleted before this could be sent")
                await self._conclude(lane, delivery, outcome)
                return

            async def snapshot() -> bytes | None:
                return await self._store.snapshot_jpeg(delivery.incident_id) if delivery.incident_id else None

            age_s = max((self._clock.now() - event.at).total_seconds(), 0.0)
            outgoing = Outgoing(delivery, event, age_s, snapshot)
            await self._conclude(lane, delivery, await self._attempt(lane, outgoing, ask=delivery.receipt == MAYBE))

    async def _event_of(self, delivery: Delivery) -> IncidentChanged | None:
        if delivery.event_seq == NO_EVENT:
            return IncidentChanged(NO_EVENT, ChangeType.UPDATE, None, None, delivery.created_at)
        return await self._store.event(delivery.event_seq)

    async def _attempt(self, lane: _Lane, outgoing: Outgoing, *, ask: bool) -> Outcome:
        """Finds or sends one message; an exception of a channel is an ambiguous outcome, never a lost worker."""
        try:
            if ask:
                found = await lane.channel.find(outgoing)
                if isinstance(found, Sent):
                    lane.count(found=1)
                    return found
                if found is not None:
                    return Ambiguous(_error_of(found), getattr(found, "after_s", None))
            if not outgoing.test:
                await self._store.mark_sending(outgoing.delivery.id)
            return await lane.channel.send(outgoing)
        except Exception as error:  # noqa: BLE001 law 11: one provider's surprise must not stop the others' alerts
            self._complain(lane, f"unexpected {type(error).__name__}", error)
            return Ambiguous(f"unexpected {type(error).__name__}")

    async def _conclude(self, lane: _Lane, delivery: Delivery, outcome: Outcome) -> None:
        """Writes the outcome to the store, counts it and shows it."""
        if isinstance(outcome, Sent):
            lane.forget(delivery)
            lane.count(sent=1)
            lane.status = replace(lane.status, last_error=None, last_receipt=outcome.receipt)
            await self._store.mark_sent(delivery.id, outcome.receipt, self._clock.now())
            return
        if isinstance(outcome, Permanent):
            lane.forget(delivery)
            lane.count(given_up=1)
            lane.status = replace(lane.status, last_given_up=outcome.error)
            self._complain(lane, outcome.error)
            await self._store.mark_failed(delivery.id, outcome.error, None)
            return
        ambiguous = isinstance(outcome, Ambiguous)
        delay_s = retry_delay_s(delivery.attempts, outcome.after_s, random.random())
        if isinstance(outcome, Blocked):
            lane.blocked_until_s = self._clock.tick_s() + delay_s
        lane.waiting[delivery.id] = delivery.created_at
        lane.retry_ticks[delivery.id] = self._clock.tick_s() + delay_s
        lane.count(retried=1, ambiguous=int(ambiguous))
        self._complain(lane, outcome.error)
        retry_at = self._clock.now() + timedelta(seconds=delay_s)
        await self._store.mark_failed(delivery.id, outcome.error, retry_at, ambiguous=ambiguous)

    def _complain(self, lane: _Lane, problem: str, error: Exception | None = None) -> None:
        """Shows a problem and logs it when it is another than before. An exception's own text may hold secrets."""
        if lane.status.last_error != problem:
            where = "" if error is None else "\n" + "".join(traceback.format_tb(error.__traceback__))
            _LOG.warning("outbox %s: %s%s", lane.status.channel, problem, where)
        lane.status = replace(lane.status, last_error=problem)


def _error_of(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Sent) else outcome.error


async def _no_snapshot() -> bytes | None:
    return None
