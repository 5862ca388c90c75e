"""Owns what only PostgreSQL is: a server that may be away, that others share, and that its owner backs up."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from crime_detect_engine.domain.errors import StoreError

from .address import parse, place

_log = logging.getLogger(__name__)

SERVICE_LOCK, WRITER_LOCK = 0x6372696D65, 0x6372696D66
"""Advisory locks of a database: one for the life of a service, one for the length of a writing transaction."""
CONNECT_S = 5
CLAIM_S = 3
OLDEST = 14
_SESSION = {
    "timezone": "UTC",
    "lock_timeout": "5s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    # The server must notice a dead network too: until then the lost connection keeps the locks.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_CLIENT = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
_CAUSES = {
    "25006": "it is read-only; is it a standby, or `default_transaction_read_only` set for this user?",
    "42501": "its user may not do that; make the user the owner of the database",
    "53100": "no space is left on its disk",
    "53200": "it is out of memory",
    "53300": "it has too many connections",
    "55P03": "another program holds a lock on its tables; close it and try again",
    "57014": "it took too long to answer",
    "57P01": "it shuts down or restarts",
    "57P02": "it shuts down or restarts",
    "57P03": "it is starting or shutting down",
    "58030": "its disk fails",
    "XX001": "its data are corrupted; restore a backup",
    "XX002": "an index is corrupted; REINDEX the database",
}


class PostgresServer:
    """A Backend: a database on a server. Raises StoreError where the driver is not installed."""

    def __init__(self, url: str) -> None:
        self._url = parse(url)
        self._session = f"crime_detect {uuid.uuid4().hex[:12]}"
        self.name = "PostgreSQL"
        self.place = place(self._url)

    def open(self, _now: datetime, *, service: bool) -> Engine:
        """An engine with one connection. The service's own keeps every other service out for as long as it lives."""
        engine = self._engine()

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            try:
                self._check(connection)
                if service:
                    self._claim(connection)
            except StoreError:
                connection.close()
                raise

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            if connection.get_execution_options().get("write", True):
                # As with SQLite, writers take turns: what one reads, it may build on.
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

        return engine

    def _engine(self) -> Engine:
        own = {"application_name": self._session, "options": " ".join(f"-c {k}={v}" for k, v in _SESSION.items())}
        timeout = {} if "connect_timeout" in self._url.query else {"connect_timeout": CONNECT_S}
        try:
            return create_engine(
                self._url,
                pool_size=1,
                max_overflow=0,
                pool_pre_ping=True,  # a server that came back is used again without anybody noticing
                hide_parameters=True,
                connect_args={**_CLIENT, **own, **timeout},
            )
        except ImportError:
            raise StoreError(
                "PostgreSQL needs the package psycopg, which the container images have; "
                "pip install 'crime-detect[postgres]', or set `database: sqlite`"
            ) from None

    def _check(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('server_version'), current_setting('server_encoding')")
            version, encoding = cursor.fetchone()
            # Store first, send second: what was sent must outlive a power cut of the server too.
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', false) "
                "WHERE current_setting('synchronous_commit') = 'off'"
            )
        connection.commit()
        self.name = f"PostgreSQL {version.split()[0]}"
        if int(version.split(".")[0]) < OLDEST:
            raise StoreError(f"the database {self.place} is {self.name}; {OLDEST} or newer is needed")
        if encoding != "UTF8":
            raise StoreError(f"the database {self.place} is encoded in {encoding}; create one with ENCODING 'UTF8'")

    def _claim(self, connection: Any) -> None:
        from psycopg.errors import LockNotAvailable  # here: an installation without PostgreSQL does not have it

        with connection.cursor() as cursor:
            # After a cut of the network the server may still hold our earlier connection, and with it the lock.
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE application_name = %s AND usename = current_user AND pid <> pg_backend_pid()",
                (self._session,),
            )
            cursor.execute(f"SET lock_timeout = '{CLAIM_S}s'")
            try:
                cursor.execute("SELECT pg_advisory_lock(%s)", (SERVICE_LOCK,))
            except LockNotAvailable:
                raise StoreError(
                    f"another engine uses the database {self.place}; each engine needs a database of its own "
                    "(one whose machine died lets go within half a minute)"
                ) from None
            cursor.execute(f"SET lock_timeout = '{_SESSION['lock_timeout']}'")
        connection.commit()

    def describe(self, error: DBAPIError) -> str:
        cause = error.orig
        known = _CAUSES.get(getattr(cause, "sqlstate", None) or "")
        if known is not None:
            return f"the database {self.place} refuses: {known}"
        # The primary message alone: details quote values, and a statement's hint would be about our code.
        primary = getattr(getattr(cause, "diag", None), "message_primary", None)
        text = primary or " ".join(str(cause).split())
        if self._url.password:
            text = text.replace(self._url.password, "***")
        return f"the database {self.place} refuses: {text}"

    def before_migration(self, step: str) -> None:
        _log.warning(
            "the database %s is brought from %s in one transaction: all of it or nothing; no copy is made, so going "
            "back to the older version takes a backup of your own (pg_dump)", self.place, step.replace("-to-", " to ")
        )  # fmt: skip

    def mark(self, connection: Connection) -> str:
        """Other after a restore: another cluster, timeline, database or table."""
        row = connection.exec_driver_sql(
            "SELECT s.system_identifier, c.timeline_id, d.oid, 'meta'::regclass::oid "
            "FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d WHERE d.datname = current_database()"
        ).one()
        return "/".join(str(part) for part in row)

    def bytes(self, connection: Connection) -> int:
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
