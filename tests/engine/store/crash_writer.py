"""Owns a store that dies: one child a step, killed at its n-th change of the disk or the database, then looked after.

`crash_writer.py FOLDER SCENE [SERVER]` prints the number of steps, or fails with what was found after one of them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crash_scenes import SCENES, Scene, check, open_store
from crime_detect_engine.store.address import DatabaseOptions
from sqlalchemy import Engine, event

FILE_CALLS = ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "ftruncate")
MOST_STEPS = 400


class Countdown:
    """Kills its own process at the n-th count."""

    def __init__(self, left: int) -> None:
        self.left = left

    def count(self, *_arguments: object) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def arm(self) -> None:
        """Counts each call that changes the disk, the moment before it and, by the next one, the moment after."""
        for name in FILE_CALLS:
            setattr(os, name, self._counted(getattr(os, name)))
        Path.write_bytes = self._counted(Path.write_bytes)
        event.listen(Engine, "commit", self.count)

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **words: Any) -> Any:
            self.count()
            return function(*arguments, **words)

        return call


class Places:
    """Copies of one beginning, a folder and a database each."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server

    def folder(self, name: str) -> Path:
        return self._folder / name

    def database(self, name: str) -> DatabaseOptions:
        return DatabaseOptions(self._server and f"{self._server}/{name}")

    def copy(self, name: str) -> None:
        shutil.copytree(self.folder("begun"), self.folder(name))
        self._run(f"CREATE DATABASE {name} TEMPLATE begun")

    def remove(self, name: str) -> None:
        shutil.rmtree(self.folder(name))
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        if self._server is None:
            return
        import psycopg

        with psycopg.connect(f"{self._server}/postgres".replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())


def apart(job: Callable[[], None]) -> int:
    """Runs it in a child, forked so that nothing is imported anew; its exit status."""
    sys.stdout.flush()
    if (child := os.fork()) == 0:
        try:
            job()
        except BaseException:  # noqa: BLE001 - the child must end here, whatever it was
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


async def begin(places: Places, scene: Scene) -> None:
    store = await open_store(places.folder("begun"), places.database("begun"))
    await store.recover()
    await scene.before(store, places.folder("begun"))
    await store.close()


async def act(places: Places, scene: Scene, name: str, countdown: Countdown | None) -> None:
    store = await open_store(places.folder(name), places.database(name))
    await store.recover()
    with (places.folder(name) / "told").open("w") as told:
        if countdown is not None:
            countdown.arm()
        await scene.act(store, lambda line: print(line, file=told, flush=True))
        await store.close()


def told(folder: Path) -> list[str]:
    path = folder / "told"
    return path.read_text().splitlines() if path.exists() else []


def walk(places: Places, scene: Scene, steps: range) -> int:
    """Dies at each of these steps, until one is after the end: that one."""
    for step in steps:
        name = f"step{step}"
        places.copy(name)
        status = apart(lambda: asyncio.run(act(places, scene, name, Countdown(step))))  # noqa: B023 - called at once
        if status and os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"step {step} failed by itself: {status}")
        if apart(lambda: asyncio.run(check(places.folder(name), places.database(name), told(places.folder(name))))):  # noqa: B023
            sys.exit(f"what was killed at step {step} is not whole")
        places.remove(name)
        if status == 0:
            return step
    sys.exit(f"it takes more than {MOST_STEPS} steps")


def main(folder: Path, scene: Scene, server: str | None) -> None:
    places = Places(folder, server)
    places.folder("begun").mkdir()
    asyncio.run(begin(places, scene))
    places.copy("warm")
    asyncio.run(act(places, scene, "warm", None))  # so that no child has to prepare all this anew
    asyncio.run(check(places.folder("warm"), places.database("warm"), told(places.folder("warm"))))
    places.remove("warm")
    gc.freeze()  # a child that collects garbage would copy all of its parent's memory
    gc.disable()
    lanes = min(os.cpu_count() or 1, 4)
    walking = []
    for lane in range(lanes):
        if (child := os.fork()) == 0:
            last = walk(places, scene, range(lane, MOST_STEPS, lanes))
            (folder / f"last{lane}").write_text(str(last))
            os._exit(0)
        walking.append(child)
    statuses = [os.waitpid(child, 0)[1] for child in walking]
    if any(statuses):
        sys.exit(1)
    print(min(int((folder / f"last{lane}").read_text()) for lane in range(lanes)))


main(Path(sys.argv[1]), SCENES[sys.argv[2]], sys.argv[3] if len(sys.argv) > 3 else None)
