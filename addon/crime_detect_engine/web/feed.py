"""Owns the event feed of one client: hello, replay from the store, then live, without a gap or a repeat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from crime_detect_engine.domain.errors import CrimeDetectError
from crime_detect_engine.domain.ports import Actor, EngineControl
from crime_detect_engine.domain.types import CameraChanged, EngineChanged, Event, IncidentChanged
from crime_detect_engine.domain.wire import event_message, message, why_reset

QUEUE_SIZE = 512
_REPLAY_PAGE = 500
_RECHECK_S = 30.0


class SlowClientError(CrimeDetectError):
    """The client reads slower than events come; it may return with the last `seq` it saw."""


class Feed:
    """`send` writes one message. `run` ends with SlowClientError when the queue is full, or when `allowed` says no."""

    def __init__(
        self,
        engine: EngineControl,
        actor: Actor,
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
        allowed: Callable[[], Awaitable[bool]],
    ) -> None:
        self._engine = engine
        self._actor = actor
        self._send = send
        self._allowed = allowed
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_SIZE)
        self._overflowed = asyncio.Event()

    async def run(self, since: int | None, epoch: str | None) -> None:
        # Subscribed before the range is read: what is stored in between waits in the queue and is told apart by `seq`.
        unsubscribe = self._engine.subscribe(self._offer)
        sending = asyncio.create_task(self._send_all(since, epoch))
        overflow = asyncio.create_task(self._overflowed.wait())
        try:
            await asyncio.wait({sending, overflow}, return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                raise SlowClientError("The client does not keep up.")
            sending.result()
        finally:
            unsubscribe()
            for task in (sending, overflow):
                task.cancel()
            await asyncio.gather(sending, overflow, return_exceptions=True)

    def _offer(self, event: Event) -> None:
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self._overflowed.set()

    async def _send_all(self, since: int | None, epoch: str | None) -> None:
        oldest, newest = await self._engine.sequence_range()
        await self._send(self._hello(oldest, newest))
        last = newest
        if since is not None:
            reason = why_reset(since, epoch == self._engine.epoch, oldest, newest)
            if reason is None:
                last = await self._replay(since)
            else:
                await self._send(self._message("reset", newest, {"reason": reason, "oldest_seq": oldest}))
        while await self._allowed():
            try:
                event = await asyncio.wait_for(self._queue.get(), _RECHECK_S)
            except TimeoutError:
                continue
            if event.seq > last:
                last = event.seq
                await self._forward(event)

    async def _replay(self, last: int) -> int:
        while events := await self._engine.events_since(last, _REPLAY_PAGE):
            for event in events:
                await self._forward(event)
            last = events[-1].seq
        return last

    async def _forward(self, event: Event) -> None:
        if isinstance(event, EngineChanged):
            data = visible_info(event.data, self._actor)
            await self._send(self._message("engine", event.seq, data))
        elif self._actor.may_see(_camera_of(event)):
            await self._send(event_message(event, self._engine.uuid, self._engine.epoch))

    def _hello(self, oldest: int, newest: int) -> dict[str, Any]:
        cameras = {c.id: dict(c.state) for c in self._engine.cameras() if self._actor.may_see(c.id)}
        engine = visible_info(self._engine.info(), self._actor)
        return self._message("hello", newest, {"oldest_seq": oldest, "engine": engine, "cameras": cameras})

    def _message(self, kind: str, seq: int, data: Mapping[str, Any]) -> dict[str, Any]:
        return message(kind, seq, data, self._engine.uuid, self._engine.epoch)


def _camera_of(event: IncidentChanged | CameraChanged) -> str:
    if isinstance(event, CameraChanged):
        return event.camera
    known = event.after or event.before
    return known.camera if known else ""


def visible_info(info: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """The `info` payload without the cameras that this caller may not see, and what is wrong with them."""
    shown = dict(info)
    cameras = shown.get("cameras")
    if isinstance(cameras, Mapping):
        shown["cameras"] = {k: v for k, v in cameras.items() if actor.may_see(str(k))}
    elif isinstance(cameras, (list, tuple)):
        shown["cameras"] = [c for c in cameras if actor.may_see(c["id"] if isinstance(c, Mapping) else str(c))]
    if actor.cameras is not None and "problems" in shown:
        shown["problems"] = [one for one in shown["problems"] if one["camera"] is None or actor.may_see(one["camera"])]
    return shown
