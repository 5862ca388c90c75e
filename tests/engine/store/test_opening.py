"""Owns the tests of opening: new, newer, older, locked, torn, malformed and restored databases."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.types import Severity, Verdict
from crime_detect_engine.store import opening
from crime_detect_engine.store.media import MediaFolder
from crime_detect_engine.store.sqlite import SqliteFile
from crime_detect_engine.store.tables import metadata

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def rows(path: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


async def test_migrations_give_exactly_the_tables_of_the_code(open_store):
    store = await open_store()
    differences = await store._database.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata))
    assert differences == []


@SQLITE
async def test_the_file_is_written_ahead_and_synced(open_store):
    store = await open_store()
    for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
        query = f"PRAGMA {pragma}"
        assert await store._database.read(lambda c, q=query: c.exec_driver_sql(q).scalar()) == value


@SQLITE
async def test_a_newer_database_is_refused_untouched(open_store, later_version, tmp_path, monkeypatch):
    with monkeypatch.context():
        later_version()
        await (await open_store()).close()
        monkeypatch.undo()
    path = tmp_path / "data" / "crime_detect.db"
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer version"):
        await open_store()
    assert path.read_bytes() == before


@SQLITE
async def test_a_migration_is_preceded_by_a_sound_copy(open_store, later_version, tmp_path):
    store = await open_store()
    await store.append_engine_event({"version": "1"})
    await store.close()
    later_version()
    store = await open_store()
    assert (await store.sequence_range()) == (1, 1)
    await store.close()
    path = tmp_path / "data" / "crime_detect.db"
    assert "weather" in {row[1] for row in rows(path, "PRAGMA table_info(incidents)")}
    copy = path.with_name("crime_detect.db.before-0005-to-later")
    assert rows(copy, "PRAGMA integrity_check") == [("ok",)]
    assert rows(copy, "SELECT version_num FROM alembic_version") == [("0005",)]
    assert rows(copy, "SELECT seq FROM events") == [(1,)]


@SQLITE
async def test_a_migration_that_fails_changes_nothing(open_store, later_version, tmp_path):
    await (await open_store()).close()
    later_version('op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(StoreError, match="nowhere"):
        await open_store()
    path = tmp_path / "data" / "crime_detect.db"
    assert rows(path, "SELECT version_num FROM alembic_version") == [("0005",)]
    assert "weather" not in {row[1] for row in rows(path, "PRAGMA table_info(incidents)")}


@SQLITE
async def test_without_room_for_a_copy_nothing_is_migrated(open_store, later_version, tmp_path):
    await (await open_store()).close()
    (tmp_path / "data" / "crime_detect.db.before-0005-to-later").mkdir()
    later_version()
    with pytest.raises(StoreError):
        await open_store()
    path = tmp_path / "data" / "crime_detect.db"
    assert rows(path, "SELECT version_num FROM alembic_version") == [("0005",)]


@SQLITE
@pytest.mark.parametrize("damage", ["text", "header", "middle"])
async def test_a_malformed_database_is_set_aside_and_rebuilt(open_store, make_alert, tmp_path, damage):
    store = await open_store()
    uuid, epoch = store.uuid, store.epoch
    admin = await store.tokens.ensure_admin_token()
    alert = make_alert()
    await store.write(alert, b"picture")
    await store.write(make_alert(label="robbery", severity=Severity.DETECTION), None)
    before = await store.set_verdict(alert.incident_id, Verdict.CONFIRMED, Actor("anna", "operator"))
    await store.close()

    path = tmp_path / "data" / "crime_detect.db"
    data = bytearray(path.read_bytes())
    if damage == "text":
        data = bytearray(b"not a database, but long enough to be looked at" * 100)
    elif damage == "header":
        data[0:64] = b"\xff" * 64
    else:
        data[4096:-4096] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)

    with pytest.raises(StoreError, match="malformed"):
        await open_store(repair=False)
    store = await open_store()
    assert (store.uuid, store.epoch == epoch) == (uuid, False)
    assert await store.incident(alert.incident_id) == before
    assert len((await store.incidents(IncidentQuery())).items) == 2
    assert await store.outbox.snapshot_jpeg(alert.incident_id) == b"picture"
    assert await store.sequence_range() == (1, 0)
    (aside,) = path.parent.glob("crime_detect.db.malformed-*")
    assert aside.read_bytes() == bytes(data)
    assert await store.retention.unknown_files() == []
    assert await store.tokens.ensure_admin_token() is None
    assert (await store.tokens.find(admin.read_text().strip())).role == "admin"


@SQLITE
async def test_a_torn_log_loses_only_what_was_not_finished(open_store, make_alert, tmp_path):
    store = await open_store()
    await store.write(make_alert(), None)
    crashed = tmp_path / "crashed"
    shutil.copytree(tmp_path / "data", crashed)
    log = crashed / "crime_detect.db-wal"
    (crashed / "crime_detect.db-shm").unlink()
    log.write_bytes(log.read_bytes() + b"\x55" * 3000)
    again = await open_store(crashed)
    assert len((await again.incidents(IncidentQuery())).items) == 1
    assert not list(crashed.glob("*.malformed*"))


@SQLITE
async def test_a_locked_database_is_an_error_and_not_set_aside(clock, open_store, tmp_path):
    await (await open_store()).close()
    path = tmp_path / "data" / "crime_detect.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE meta SET value = value")
        other.commit()
        with pytest.raises(StoreError, match="locked"):
            opening.open_database(
                tmp_path / "data",
                MediaFolder(tmp_path / "data" / "media"),
                clock.now(),
                backend=SqliteFile(tmp_path / "data", busy_timeout_ms=50),
            )
    assert path.exists()
    assert not list(path.parent.glob("*.malformed*"))


@SQLITE
async def test_a_restored_copy_has_a_new_epoch_and_the_same_uuid(open_store, tmp_path):
    store = await open_store()
    await store.close()
    path = tmp_path / "data" / "crime_detect.db"
    copy = shutil.copy(path, tmp_path / "backup")
    path.rename(tmp_path / "replaced")
    shutil.copy(copy, path)
    restored = await open_store()
    assert restored.uuid == store.uuid
    assert restored.epoch != store.epoch


async def test_a_data_directory_that_cannot_be_used_is_a_plain_error(open_store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be used"):
        await open_store(tmp_path / "file")
