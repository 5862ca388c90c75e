"""Owns a writer that dies: one child a step, killed at its n-th write to the disk. Prints what each had told."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import Alert, ChangeType, Score, Severity
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.store import Store
from sqlalchemy import Engine, event

SERVER = sys.argv[2] if len(sys.argv) > 2 else None
"""A PostgreSQL server whose database `empty` is there for this; SQLite without one."""
START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def alert(change: ChangeType, label: str, second: int) -> Alert:
    at = START + timedelta(seconds=second)
    score = Score("yard", at, float(second), {"normal": 0.1, label: 0.9}, "m", 1.0)
    incident_id = ulid(START, "yard", label)
    return Alert(incident_id, "yard", change, label, 0.9, 0.8, Severity.ALERT, True, None, START, at, (score,), True)


class Countdown:
    """Kills its own process at the n-th count."""

    def __init__(self, left: int) -> None:
        self.left = left

    def count(self, *_arguments: object) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def arm(self) -> None:
        for owner, name in ((os, "fsync"), (Path, "write_bytes"), (Path, "replace"), (Path, "unlink")):
            setattr(owner, name, self._counted(getattr(owner, name)))
        event.listen(Engine, "commit", self.count)

    def _counted(self, function):
        def call(*arguments, **words):
            self.count()
            return function(*arguments, **words)

        return call


async def write(folder: Path, told: Path, countdown: Countdown, database: DatabaseOptions) -> None:
    store = await Store.open(
        folder, ManualClock(START), deliveries_for=lambda _event: [("mqtt", "yard")], database=database
    )
    countdown.arm()
    with told.open("w") as log:
        for change, second, picture in (
            (ChangeType.NEW, 0, b"one" * 1000),
            (ChangeType.UPDATE, 1, b"two" * 1000),
            (ChangeType.END, 5, None),
        ):
            stored = await store.write(alert(change, "fighting", second), picture)
            print(stored.after.incident_id, file=log, flush=True)
    other = await store.write(alert(ChangeType.NEW, "robbery", 6), None)
    await store.delete(other.after.incident_id, Actor("anna", "admin"))
    await store.close()


async def create(folder: Path, database: DatabaseOptions) -> None:
    store = await Store.open(folder, ManualClock(START), database=database)
    await store.close()


def database_of(name: str) -> DatabaseOptions:
    return DatabaseOptions(SERVER and f"{SERVER}/{name}")


def copy(folder: Path, name: str) -> None:
    shutil.copytree(folder / "empty", folder / name)
    if SERVER is not None:
        import psycopg

        with psycopg.connect(f"{SERVER}/postgres".replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE empty".encode())


def main(folder: Path) -> None:
    told = []
    if (first := os.fork()) == 0:
        asyncio.run(create(folder / "empty", database_of("empty")))
        os._exit(0)
    os.waitpid(first, 0)
    for step in range(200):
        log = folder / f"told{step}"
        copy(folder, f"step{step}")
        child = os.fork()
        if child == 0:
            asyncio.run(write(folder / f"step{step}", log, Countdown(step), database_of(f"step{step}")))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        told.append(log.read_text().split() if log.exists() else [])
        if status == 0:
            break
        if os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"step {step} failed by itself: {status}")
    print(json.dumps(told))


main(Path(sys.argv[1]))
