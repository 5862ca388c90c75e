"""Owns analysis jobs: uploads wait in a bounded line, one is analysed at a time, results stay for an hour."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import BusyError, CrimeDetectError, NotFoundError
from crime_detect_engine.domain.ports import Actor, EngineControl

MAX_WAITING = 8
KEEP_S = 3600.0
MAX_KEPT = 200


def discard(path: Path) -> None:
    """Deletes an upload; unlinking is too quick to leave the loop for."""
    path.unlink(missing_ok=True)


@dataclass(slots=True)
class Job:
    id: str
    owner: str
    name: str
    path: Path = field(repr=False)
    changed_tick_s: float
    state: str = "queued"
    """`queued`, `running`, `done` or `failed`."""
    result: Mapping[str, Any] | None = None
    error: str | None = None

    def json(self) -> dict[str, Any]:
        return {
            "job_id": self.id,
            "name": self.name,
            "state": self.state,
            "result": self.result,
            "error": self.error,
        }


class Jobs:
    def __init__(self, engine: EngineControl, clock: Clock, folder: Path) -> None:
        self._engine = engine
        self._clock = clock
        self._folder = folder
        self._jobs: dict[str, Job] = {}
        self._waiting: asyncio.Queue[Job] = asyncio.Queue(MAX_WAITING)
        self._worker: asyncio.Task[None] | None = None

    async def start(self, _app: web.Application) -> None:
        """Also deletes uploads that a killed process left behind."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._delete_uploads()
        self._worker = asyncio.create_task(self._work())

    async def stop(self, _app: web.Application) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
        self._delete_uploads()

    def _delete_uploads(self) -> None:
        for path in self._folder.glob("upload-*"):
            discard(path)

    def refuse_when_full(self) -> None:
        """Raises BusyError; asked before an upload is read."""
        if self._waiting.full():
            raise BusyError("Other uploads are still being analysed; try again in a while.")

    def add(self, path: Path, name: str, actor: Actor) -> Job:
        """Takes over the file. Raises BusyError (and deletes it) when the line is full."""
        self._forget_old()
        job = Job(secrets.token_urlsafe(16), actor.name, name, path, self._clock.tick_s())
        try:
            self._waiting.put_nowait(job)
        except asyncio.QueueFull:
            discard(path)
            self.refuse_when_full()
        self._jobs[job.id] = job
        return job

    def find(self, job_id: str, actor: Actor) -> Job:
        """Raises NotFoundError, also for somebody else's job."""
        job = self._jobs.get(job_id)
        if job is None or (job.owner != actor.name and actor.role != "admin"):
            raise NotFoundError("No such job; results are kept for an hour.")
        return job

    def _forget_old(self) -> None:
        oldest_tick_s = self._clock.tick_s() - KEEP_S
        finished = [job for job in self._jobs.values() if job.state in ("done", "failed")]
        excess = len(self._jobs) - MAX_KEPT
        for position, job in enumerate(finished):
            if job.changed_tick_s < oldest_tick_s or position < excess:
                del self._jobs[job.id]

    async def _work(self) -> None:
        while True:
            job = await self._waiting.get()
            job.state = "running"
            try:
                result = await self._engine.analyze(job.path, job.name)
            except CrimeDetectError as error:
                job.state, job.error = "failed", str(error)
            else:
                job.error = result.get("error")
                job.state = "failed" if job.error else "done"
                job.result = None if job.error else {**result, "path": job.name}
            finally:
                discard(job.path)
                job.changed_tick_s = self._clock.tick_s()


JOBS = web.AppKey("jobs", Jobs)
