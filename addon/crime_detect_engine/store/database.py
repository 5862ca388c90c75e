"""Owns the connection: one SQLite file, one thread, one transaction a job; errors leave as StoreError."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from crime_detect_engine.domain.errors import StoreError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

BUSY_TIMEOUT_MS = 5000


def open_engine(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Engine:
    """An engine with one connection, to be used from one thread."""
    engine = create_engine(f"sqlite:///{path}", pool_size=1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions begin where we say, see _begin
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={busy_timeout_ms:d}")
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: an alert that was sent must be in the store even after a power cut; one sync a commit is cheap here.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA journal_size_limit=67108864")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock first: a transaction that reads and then writes could otherwise fail half-way.
        write = connection.get_execution_options().get("write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def describe(error: DBAPIError | sqlite3.Error) -> str:
    """What went wrong and what to do, without statement or values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = str(cause)
    if "locked" in text:
        return "the database is locked by another program; close it and try again"
    if "full" in text:
        return "no space is left for the database; free some space on its disk"
    if "readonly" in text:
        return "the database cannot be written: its disk or file is read-only"
    if "unable to open" in text:
        return "the database cannot be opened: its disk is read-only, full or missing, or another user owns it"
    if "malformed" in text or "not a database" in text:
        return "the database is malformed; it is set aside and rebuilt at the next start"
    return f"the database refused: {text}"


class Database:
    """Runs jobs in the store thread. `error` is the last failure of the disk until something succeeds again."""

    def __init__(self, engine: Engine, executor: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._executor = executor
        self.error: str | None = None

    async def write(self, job: Callable[[Connection], _T]) -> _T:
        """Runs `job` in one transaction. Raises StoreError when the database refuses."""
        return await self._run(job, write=True)

    async def read(self, job: Callable[[Connection], _T]) -> _T:
        """Runs `job` on one consistent view. Raises StoreError when the database refuses."""
        return await self._run(job, write=False)

    async def call(self, job: Callable[[], _T]) -> _T:
        """Runs `job` in the store thread outside any transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)

    async def _run(self, job: Callable[[Connection], _T], *, write: bool) -> _T:
        return await self.call(lambda: self.transact(job, write=write))

    def transact(self, job: Callable[[Connection], _T], *, write: bool = True) -> _T:
        """Only for the store thread."""
        try:
            with self._engine.connect().execution_options(write=write) as connection, connection.begin():
                result = job(connection)
        except DBAPIError as error:
            message = describe(error)
            if message != self.error:
                _log.error("%s", message)
            self.error = message
            raise StoreError(message) from None
        if write:
            self.error = None
        return result

    def close(self) -> None:
        """Only for the store thread."""
        self._engine.dispose()
