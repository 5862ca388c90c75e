"""Owns the way of a decision into the store: picture first, then the record, then everybody who listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .domain.errors import StoreError
from .domain.types import Alert, ChangeType, Location, ModelRef, Picture
from .line import Line
from .recorder import ClipMaterial

_LOG = logging.getLogger(__name__)
BACKLOG = 10_000
RETRY_S = 1.0
SNAPSHOT_HEIGHT = 1080


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert on its way: `picture` is the moment to show, `material` what the clip is made of."""

    alert: Alert
    location: Location | None
    model: ModelRef
    picture: Picture | None
    material: ClipMaterial | None


class Writer:
    """One alert at a time, in order. While the store refuses (full, locked) alerts wait and are retried.

    `write` stores one entry; the store tells its listeners. An end waits for its clip beside the queue, so that no
    other camera's alert waits for an encoder; it is an incident's last alert, so nothing can overtake it.
    """

    def __init__(self, write: Callable[[Entry], Awaitable[object]]) -> None:
        self._write = write
        self._queue: asyncio.Queue[Entry] = asyncio.Queue(BACKLOG)
        self._task: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self.lost = 0
        self.written = 0
        self.fault: str | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    def put(self, line: Line, alert: Alert) -> None:
        """Takes the picture of the moment now, because the ring forgets it; encoding and storing come later."""
        score = alert.scores[-1] if alert.scores else None
        picture = None
        if score is not None and alert.best:
            picture = line.recorder.picture_at(score.tick_s - score.window_s / 2)
        material = None
        if alert.type is ChangeType.END:
            material = line.recorder.finish(alert.incident_id, line.score.tick_s if line.score else 0.0)
        model = ModelRef(line.spec.name, line.spec.version)
        try:
            self._queue.put_nowait(Entry(alert, line.config.location, model, picture, material))
        except asyncio.QueueFull:
            self.lost += 1
            _LOG.error("camera %s: an alert was lost, the store has refused %d before it", line.id, BACKLOG)

    async def stop(self, timeout_s: float) -> None:
        """Writes what waits, for at most `timeout_s`. What is left then is closed as an orphan at the next start."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._queue.join()
                await asyncio.gather(*self._endings)
        except TimeoutError:
            _LOG.error("%d alerts were not stored before the stop", self._queue.qsize() + len(self._endings))
        tasks = [task for task in (self._task, *self._endings) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def status(self) -> Mapping[str, Any]:
        waiting = self._queue.qsize() + len(self._endings)
        return {"waiting": waiting, "written": self.written, "lost": self.lost, "fault": self.fault}

    async def _run(self) -> None:
        while True:
            entry = await self._queue.get()
            if entry.material is None:
                await self._store(entry)
            else:
                ending = asyncio.create_task(self._store(entry))
                self._endings.add(ending)
                ending.add_done_callback(self._endings.discard)
            self._queue.task_done()

    async def _store(self, entry: Entry) -> None:
        while True:
            try:
                await self._write(entry)
            except StoreError as error:
                if str(error) != self.fault:
                    _LOG.error("an alert waits for the store: %s", error)
                self.fault = str(error)
                await asyncio.sleep(RETRY_S)
            else:
                break
        self.fault = None
        self.written += 1
