"""Owns the connection: one thread, one transaction a job; errors leave as StoreError."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError

from crime_detect_engine.domain.errors import InvalidInputError, StoreError

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

STUCK_S = 45.0
STUCK = "the database or its disk has not answered for a while; alerts wait"


class Backend(Protocol):
    """What SQLite and PostgreSQL each do their own way. `name` has the version, once opened; `place` no password."""

    name: str
    place: str

    def open(self, now: datetime, *, service: bool) -> Engine:
        """One connection, for one thread. Raises StoreError; `service` is False for commands beside a running one."""

    def describe(self, error: DBAPIError) -> str:
        """What went wrong and what to do, without statement or values."""

    def before_migration(self, step: str) -> None:
        """Whatever allows going back. Raises StoreError when that cannot be had; then nothing is changed."""

    def mark(self, connection: Connection) -> str:
        """Another text for a database that was restored or copied."""

    def bytes(self, connection: Connection) -> int:
        """Its size on disk."""


class Database:
    """Runs jobs in the store thread. `error` is the last failure of the disk until something succeeds again."""

    def __init__(self, engine: Engine, backend: Backend, executor: ThreadPoolExecutor) -> None:
        self._engine = engine
        self._executor = executor
        self._failed_writing = False
        self.backend = backend
        self.error: str | None = None

    async def write(self, job: Callable[[Connection], _T]) -> _T:
        """Runs `job` in one transaction. Raises StoreError when the database refuses."""
        return await self._run(job, write=True)

    async def read(self, job: Callable[[Connection], _T]) -> _T:
        """Runs `job` on one consistent view. Raises StoreError when the database refuses."""
        return await self._run(job, write=False)

    async def call(self, job: Callable[[], _T]) -> _T:
        """Runs `job` in the store thread outside any transaction."""
        loop = asyncio.get_running_loop()
        watch = loop.call_later(STUCK_S, self._say_stuck)
        try:
            return await loop.run_in_executor(self._executor, job)
        finally:
            watch.cancel()
            if self.error == STUCK:
                self.error = None

    def _say_stuck(self) -> None:
        """A server or a disk that neither answers nor fails holds the thread; nobody else would say so."""
        if self.error is None:
            _log.error("%s", STUCK)
            self.error = STUCK

    async def _run(self, job: Callable[[Connection], _T], *, write: bool) -> _T:
        return await self.call(lambda: self.transact(job, write=write))

    def transact(self, job: Callable[[Connection], _T], *, write: bool = True) -> _T:
        """Only for the store thread."""
        try:
            with self._connect(write) as connection, connection.begin():
                result = job(connection)
        except (DataError, UnicodeEncodeError):
            raise InvalidInputError(
                "the database cannot keep this text: it is too long, or has characters that are none"
            ) from None
        except DBAPIError as error:
            raise self._refusal(self.backend.describe(error), write=write) from None
        if write or not self._failed_writing:
            self.error = None
        return result

    def _connect(self, write: bool) -> Connection:
        try:
            return self._engine.connect().execution_options(write=write)
        except StoreError as error:  # what connects says so, where another engine took the database meanwhile
            raise self._refusal(str(error), write=write) from None

    def _refusal(self, message: str, *, write: bool) -> StoreError:
        if message != self.error:
            _log.error("%s", message)
        self.error = message
        self._failed_writing = write
        return StoreError(message)

    def close(self) -> None:
        """Only for the store thread."""
        self._engine.dispose()
