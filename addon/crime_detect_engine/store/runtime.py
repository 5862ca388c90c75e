"""Owns the switches of cameras that change while the engine runs: detection, privacy, snooze."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.ports import Actor, CameraRuntime

from .audit import append_audit
from .database import Database
from .tables import camera_runtime


def _runtime_from(row: Row[Any]) -> CameraRuntime:
    labels = {label: datetime.fromisoformat(until) for label, until in row.snoozed_labels.items()}
    return CameraRuntime(row.detection, row.privacy, row.snoozed_until, labels)


def _load(connection: Connection, camera: str) -> CameraRuntime:
    row = connection.execute(select(camera_runtime).where(camera_runtime.c.camera == camera)).one_or_none()
    return CameraRuntime(snoozed_labels={}) if row is None else _runtime_from(row)


def _save(connection: Connection, camera: str, runtime: CameraRuntime) -> None:
    labels = {label: until.isoformat() for label, until in (runtime.snoozed_labels or {}).items()}
    connection.execute(delete(camera_runtime).where(camera_runtime.c.camera == camera))
    connection.execute(
        insert(camera_runtime).values(
            camera=camera,
            detection=runtime.detection,
            privacy=runtime.privacy,
            snoozed_until=runtime.snoozed_until,
            snoozed_labels=labels,
        )
    )


class CameraSwitches:
    """A camera without a row has the defaults of CameraRuntime. Each change is audited and returns the new state."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def get(self, camera: str) -> CameraRuntime:
        return await self._database.read(lambda c: _load(c, camera))

    async def all(self) -> Mapping[str, CameraRuntime]:
        """Cameras that were ever switched, by key."""
        return await self._database.read(
            lambda c: {row.camera: _runtime_from(row) for row in c.execute(select(camera_runtime))}
        )

    async def set_detection(self, camera: str, on: bool, actor: Actor) -> CameraRuntime:
        return await self._change(camera, lambda r: replace(r, detection=on), actor, "detection", {"on": on})

    async def set_privacy(self, camera: str, on: bool, actor: Actor) -> CameraRuntime:
        return await self._change(camera, lambda r: replace(r, privacy=on), actor, "privacy", {"on": on})

    async def snooze(self, camera: str, until: datetime | None, label: str | None, actor: Actor) -> CameraRuntime:
        """None ends the snooze: of one class, or with `label` None of the whole camera and all its classes."""
        now = self._clock.now()

        def change(runtime: CameraRuntime) -> CameraRuntime:
            labels = {k: v for k, v in (runtime.snoozed_labels or {}).items() if v > now and k != label}
            if label is None:
                return replace(runtime, snoozed_until=until, snoozed_labels=labels if until else {})
            if until is not None:
                labels[label] = until
            return replace(runtime, snoozed_labels=labels)

        details = {"until": None if until is None else until.isoformat(), "label": label}
        return await self._change(camera, change, actor, "snooze", details)

    async def _change(
        self,
        camera: str,
        change: Callable[[CameraRuntime], CameraRuntime],
        actor: Actor,
        action: str,
        details: Mapping[str, Any],
    ) -> CameraRuntime:
        now = self._clock.now()

        def job(connection: Connection) -> CameraRuntime:
            runtime = change(_load(connection, camera))
            _save(connection, camera, runtime)
            append_audit(connection, now, actor, action, camera, details)
            return runtime

        return await self._database.write(job)
