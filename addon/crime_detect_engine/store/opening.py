"""Owns the way from a data directory to a database that can be used: checked, migrated, and known again."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from crime_detect_engine.domain.errors import StoreError

from .address import DatabaseOptions
from .chain import begin
from .database import Backend
from .media import MediaFolder
from .media_key import MediaKey
from .postgres import PostgresServer
from .rebuild import rebuild
from .sqlcipher import key_of
from .sqlite import DATABASE, SqliteFile
from .tables import meta

_log = logging.getLogger(__name__)

IDENTITY = "engine-uuid"
EPOCH = "engine-epoch"
MOUNTED = "media-mounted"
"""There when the media folder was a disk of its own; who wants it in the data directory again deletes this."""


def choose_backend(
    data_dir: Path, options: DatabaseOptions, key: MediaKey | None = None, *, encrypted: bool = False
) -> Backend:
    """`encrypted` is what the service makes of SQLite's file. Raises StoreError for an address that cannot be used."""
    if options.url is None:
        return SqliteFile(data_dir, key=key, encrypted=encrypted)
    try:
        return PostgresServer(options.url)
    except ValueError as error:
        raise StoreError(f"database: {error}") from None


def look(data_dir: Path, options: DatabaseOptions, now: datetime) -> str:
    """Connects and changes nothing: kind, version and place. Raises StoreError."""
    backend = choose_backend(data_dir, options)
    engine = backend.open(now, service=False)
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise StoreError(backend.describe(error)) from None
    finally:
        engine.dispose()
    return f"{backend.name} at {backend.place}"


def open_database(
    data_dir: Path,
    folder: MediaFolder,
    now: datetime,
    *,
    service: bool = True,
    backend: Backend,
    key: MediaKey | None = None,
) -> Engine:
    """A database of this version's shape. Raises StoreError: newer, locked, no space, read-only, away, taken.

    Without `service` a malformed one is an error too, and one in use is none: a running service may have it open.
    `key` is given where something is to be sealed: it must be the right one, and is made where nothing was sealed yet.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        folder.root.mkdir(exist_ok=True)
        _know_mount(folder, data_dir / MOUNTED)
        if key is not None:
            key.keep(lambda: key_of(data_dir / DATABASE) or folder.sealed_with())
        engine = backend.open(now, service=service)
        try:
            _migrate(engine, backend)
            with engine.begin() as connection:
                _identify(connection, backend, data_dir, folder, service=service)
                begin(connection, now)
        except (StoreError, OSError, DBAPIError):
            engine.dispose()
            raise
    except OSError as error:
        raise StoreError(f"the data directory {data_dir} cannot be used: {error.strerror or error}") from error
    except DBAPIError as error:
        raise StoreError(backend.describe(error)) from None
    if service:
        _log.info("records are kept in %s at %s", backend.name, backend.place)
    return engine


def _know_mount(folder: MediaFolder, told: Path) -> None:
    if folder.root.is_mount():
        told.touch()
    folder.mounted = told.exists()
    if folder.mounted and not folder.root.is_mount():
        _log.error(
            "%s was a disk of its own and is not mounted: no pictures or clips are kept or deleted until it is. "
            "If it is meant to lie in the data directory now, delete %s", folder.root, told
        )  # fmt: skip


def _scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def _migrate(engine: Engine, backend: Backend) -> None:
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
                f"{backend.place} was written by a newer version of crime_detect (its revision {current[:40]!r}); "
                "install that version again, or restore the copy that was made before it changed the database"
            )
        backend.before_migration(f"{current}-to-{head}")
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _identify(connection: Connection, backend: Backend, data_dir: Path, folder: MediaFolder, *, service: bool) -> None:
    """The uuid stays with the data directory; the epoch is new when the database is another than before."""
    known = {row.key: row.value for row in connection.execute(select(meta))}
    told, last_epoch = _read(data_dir / IDENTITY), _read(data_dir / EPOCH)
    if not service and last_epoch and last_epoch != known.get("epoch"):
        raise StoreError(
            f"the service keeps the records of {data_dir} in another database than {backend.place}; give this command "
            "the service's configuration with --config, or start the service first if its database has changed"
        )
    # A restored or copied database is another one: clients must not take its numbers for those they know.
    mark = backend.mark(connection)
    if "epoch" not in known:
        known = {"uuid": told or str(uuid.uuid4()), "epoch": _new_epoch(), "seq": "0", "inode": mark}
        connection.execute(insert(meta), [{"key": key, "value": value} for key, value in known.items()])
        restored = rebuild(connection, folder)
        if restored:
            _log.warning("a new database was filled with %d incidents from the files in %s", restored, folder.root)
    else:
        if told != known["uuid"] and connection.dialect.name == "postgresql":
            raise StoreError(_stranger(backend.place, known["uuid"], data_dir, told))
        # Between two databases that were used in turn, too: the one that comes back has missed what the other told.
        if known.get("inode") != mark or (last_epoch and last_epoch != known["epoch"]):
            known["epoch"] = _new_epoch()
            connection.execute(delete(meta).where(meta.c.key == "inode"))
            connection.execute(insert(meta).values(key="inode", value=mark))
        # Written in any case: who may only read is told so now and not at the first alert.
        connection.execute(update(meta).where(meta.c.key == "epoch").values(value=known["epoch"]))
    for name, value, there in ((IDENTITY, known["uuid"], told), (EPOCH, known["epoch"], last_epoch)):
        if there != value:
            (data_dir / name).write_text(value + "\n")


def _stranger(place: str, owner: str, data_dir: Path, told: str) -> str:
    if told:
        return (
            f"the database {place} belongs to another engine ({owner}); give this one a database of its own, or write "
            f"that uuid into {data_dir / IDENTITY} to take it over"
        )
    return (
        f"the database {place} has the records of an engine whose pictures are not in {data_dir}: is its disk "
        f"connected? If they are lost, write {owner} into {data_dir / IDENTITY} to go on without them"
    )


def _new_epoch() -> str:
    return uuid.uuid4().hex[:16]


def _read(file: Path) -> str:
    return file.read_text().strip() if file.exists() else ""
