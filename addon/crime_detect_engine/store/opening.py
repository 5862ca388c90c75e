"""Owns the way from a data directory to a database that can be used: checked, copied, migrated, or set aside."""

from __future__ import annotations

import logging
import sqlite3
import uuid
from contextlib import closing
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from crime_detect_engine.domain.errors import StoreError

from .database import BUSY_TIMEOUT_MS, describe, open_engine
from .media import MediaFolder
from .rebuild import rebuild
from .tables import meta

_log = logging.getLogger(__name__)

DATABASE = "crime_detect.db"
IDENTITY = "engine-uuid"
KEPT_COPIES = 2
_MALFORMED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def open_database(
    data_dir: Path,
    folder: MediaFolder,
    now: datetime,
    *,
    repair: bool = True,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
) -> Engine:
    """A database of this version's shape. Raises StoreError: newer, locked, no space, read-only.

    Without `repair` a malformed one is an error too: a running service may still have it open.
    """
    path = data_dir / DATABASE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        folder.root.mkdir(exist_ok=True)
        if path.exists() and not _is_sound(path, busy_timeout_ms):
            if not repair:
                raise StoreError(f"{path} is malformed; restart the service, which sets it aside and rebuilds it")
            _quarantine(path, now)
        engine = open_engine(path, busy_timeout_ms)
        try:
            _migrate(engine, path)
            with engine.begin() as connection:
                _identify(connection, data_dir, folder)
        except (StoreError, OSError, DBAPIError):
            engine.dispose()
            raise
    except OSError as error:
        raise StoreError(f"the data directory {data_dir} cannot be used: {error.strerror or error}") from error
    except DBAPIError as error:
        raise StoreError(describe(error)) from None
    return engine


def _is_sound(path: Path, busy_timeout_ms: int) -> bool:
    """False for a malformed file; other troubles (locked, read-only) are errors and no reason to set it aside."""
    try:
        with closing(sqlite3.connect(path, timeout=busy_timeout_ms / 1000)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _MALFORMED:
            return False
        raise StoreError(describe(error)) from None
    return bool(found == ("ok",))


def _quarantine(path: Path, now: datetime) -> None:
    suffix = f"malformed-{now:%Y%m%dT%H%M%S}"
    for part in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if part.exists():
            part.rename(part.with_name(f"{part.name}.{suffix}"))
    _log.error("the database was malformed; it is kept as %s.%s and rebuilt from the files beside it", path, suffix)


def _scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def _migrate(engine: Engine, path: Path) -> None:
    config = _scripts()
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    with engine.connect().execution_options(write=False) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == head:
        return
    if current is not None:
        if current not in {script.revision for script in scripts.walk_revisions()}:
            raise StoreError(
                f"{path} was written by a newer version of crime_detect (its revision {current[:40]!r}); install that "
                "version again, or restore the copy that it made before it changed the database"
            )
        _copy_before(path, f"{current}-to-{head}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _copy_before(path: Path, step: str) -> None:
    """A whole, checked copy beside the database; without one nothing is migrated."""
    copy = path.with_name(f"{path.name}.before-{step}")
    copy.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with closing(sqlite3.connect(copy)) as connection:
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
    except sqlite3.Error as error:
        copy.unlink(missing_ok=True)
        raise StoreError(f"no copy of the database could be made before updating it: {describe(error)}") from None
    if not sound:
        copy.unlink(missing_ok=True)
        raise StoreError("the copy made before updating the database is not sound; nothing was changed")
    copies = sorted(path.parent.glob(f"{path.name}.before-*"), key=lambda one: one.stat().st_mtime)
    for old in copies[:-KEPT_COPIES]:
        old.unlink(missing_ok=True)


def _identify(connection: Connection, data_dir: Path, folder: MediaFolder) -> None:
    """The uuid stays with the data directory; the epoch is new when the database is another than before."""
    known = {row.key: row.value for row in connection.execute(select(meta))}
    identity = data_dir / IDENTITY
    # A restored or copied database is another file: clients must not take its numbers for those they know.
    inode = str((data_dir / DATABASE).stat().st_ino)
    if "epoch" not in known:
        told = identity.read_text().strip() if identity.exists() else ""
        known["uuid"] = told or str(uuid.uuid4())
        rows = {"uuid": known["uuid"], "epoch": uuid.uuid4().hex[:16], "seq": "0", "inode": inode}
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in rows.items()])
        restored = rebuild(connection, folder)
        if restored:
            _log.warning("a new database was filled with %d incidents from the files in %s", restored, folder.root)
    elif known.get("inode") != inode:
        connection.execute(delete(meta).where(meta.c.key == "inode"))
        connection.execute(insert(meta).values(key="inode", value=inode))
        connection.execute(update(meta).where(meta.c.key == "epoch").values(value=uuid.uuid4().hex[:16]))
    if not identity.exists() or identity.read_text().strip() != known["uuid"]:
        identity.write_text(known["uuid"] + "\n")
