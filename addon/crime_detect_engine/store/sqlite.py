"""Owns what only SQLite is: one file, its settings, its soundness, the copy before it is changed."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from crime_detect_engine.domain.errors import StoreError

from . import sqlcipher
from .media_key import MediaKey
from .sqlcipher import is_encrypted

_log = logging.getLogger(__name__)

DATABASE = "crime_detect.db"
BUSY_TIMEOUT_MS = 5000
KEPT_COPIES = 2
_MALFORMED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class SqliteFile:
    """A Backend: the file in the data directory.

    `encrypted` is what the service makes of it, with `key`; others open it as it is.
    """

    def __init__(
        self,
        data_dir: Path,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        key: MediaKey | None = None,
        *,
        encrypted: bool = False,
    ) -> None:
        self.path = data_dir / DATABASE
        self.name = f"SQLite {sqlite3.sqlite_version}"
        self.place = str(self.path)
        self._busy_timeout_ms = busy_timeout_ms
        self._key = key or MediaKey(data_dir)
        self._wanted = encrypted
        self._encrypted = encrypted

    def open(self, now: datetime, *, service: bool) -> Engine:
        """Sets a malformed file aside, if this is the service: it is made anew then, and filled from sidecar files."""
        if self.path.exists():
            self._encrypted = is_encrypted(self.path)
            if not self._is_sound():
                if not service:
                    raise StoreError(
                        f"{self.path} is malformed; restart the service, which sets it aside and rebuilds it"
                    )
                self._quarantine(now)
                self._encrypted = self._wanted
            elif service and self._encrypted != self._wanted:
                self._convert()
        if service:
            sqlcipher.clear_leftovers(self.path)
            self._clear_copies()
        if self._encrypted:
            self.name = f"SQLCipher, SQLite {sqlcipher.library().sqlite_version}"
        return self._connect()

    def _convert(self) -> None:
        _log.warning("%s the database; this takes a while", "encrypting" if self._wanted else "decrypting")
        sqlcipher.convert(self.path, self._key, self._busy_timeout_ms, encrypt=self._wanted)
        self._encrypted = self._wanted

    def _clear_copies(self) -> None:
        """Nothing of an encrypted database stays beside it in clear. What was set aside is for a person to look at."""
        if not self._wanted:
            return
        for copy in self.path.parent.glob(f"{self.path.name}.before-*"):
            if not is_encrypted(copy):
                copy.unlink(missing_ok=True)
        for copy in self.path.parent.glob(f"{self.path.name}.malformed-*"):
            if not is_encrypted(copy):
                _log.warning("%s holds records in clear; delete it when nobody needs it any more", copy)

    def _raw(self, path: Path) -> Any:
        """A connection of the sqlite3 kind. Raises StoreError for another key."""
        if self._encrypted:
            return sqlcipher.connect(path, self._key, self._busy_timeout_ms)
        return sqlite3.connect(path, timeout=self._busy_timeout_ms / 1000)

    def _driver(self) -> Any:
        return sqlcipher.library() if self._encrypted else sqlite3

    def _connect(self) -> Engine:
        url, options = f"sqlite:///{self.path}", {"pool_size": 1, "max_overflow": 0}
        if self._encrypted:
            engine = create_engine(url, module=self._driver(), creator=lambda: self._raw(self.path), **options)
        else:
            engine = create_engine(url, **options)

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # transactions begin where we say, see _begin
            cursor = connection.cursor()
            cursor.execute(f"PRAGMA busy_timeout={self._busy_timeout_ms:d}")
            cursor.execute("PRAGMA journal_mode=WAL")
            # FULL: a sent alert must be in the store even after a power cut; one sync a commit is cheap here.
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

    def describe(self, error: DBAPIError) -> str:
        return _describe(error.orig)

    def before_migration(self, step: str) -> None:
        """A whole, checked copy beside the database; without one nothing is migrated."""
        copy = self.path.with_name(f"{self.path.name}.before-{step}")
        copy.unlink(missing_ok=True)
        try:
            with closing(self._raw(self.path)) as connection:  # an encrypted one makes an encrypted one
                connection.execute("VACUUM INTO ?", (str(copy),))
            with closing(self._raw(copy)) as connection:
                sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except self._driver().Error as error:
            copy.unlink(missing_ok=True)
            raise StoreError(f"no copy of the database could be made before updating it: {_describe(error)}") from None
        if not sound:
            copy.unlink(missing_ok=True)
            raise StoreError("the copy made before updating the database is not sound; nothing was changed")
        copies = sorted(self.path.parent.glob(f"{self.path.name}.before-*"), key=lambda one: one.stat().st_mtime)
        for old in copies[:-KEPT_COPIES]:
            old.unlink(missing_ok=True)

    def mark(self, _connection: Connection) -> str:
        """A restored or copied database is another file."""
        return str(self.path.stat().st_ino)

    def bytes(self, _connection: Connection) -> int:
        return self.path.stat().st_size

    def _is_sound(self) -> bool:
        """False for a malformed file; other troubles (locked, read-only) are errors and no reason to set it aside."""
        try:
            with closing(self._raw(self.path)) as connection:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()
        except self._driver().DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _MALFORMED:
                return False
            raise StoreError(_describe(error)) from None
        return bool(found == ("ok",))

    def _quarantine(self, now: datetime) -> None:
        suffix = f"malformed-{now:%Y%m%dT%H%M%S}"
        for part in (self.path, *(self.path.with_name(f"{self.path.name}{end}") for end in ("-wal", "-shm"))):
            if part.exists():
                part.rename(part.with_name(f"{part.name}.{suffix}"))
        _log.error(
            "the database was malformed; it is kept as %s.%s and rebuilt from the files beside it", self.path, suffix
        )


def _describe(cause: BaseException | None) -> str:
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
