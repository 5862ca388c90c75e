"""Owns the tests of what only PostgreSQL does: servers that are away, wrong, shared, restored, and their messages."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import InvalidInputError, StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery, ManualReport
from crime_detect_engine.domain.types import ChangeType
from crime_detect_engine.store import database
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.opening import look

from tests.rig.postgres import PASSWORD, QUOTED, USER

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
PERSON = Actor("anna", "operator")


@pytest.fixture
def name(database: Callable[[Path], DatabaseOptions], tmp_path: Path) -> str:
    """Of the database that `open_store` opens."""
    return database(tmp_path / "data").url.rpartition("/")[2]


@pytest.fixture
def refused(open_store, caplog):
    """Opens what cannot be opened: the message, which with the log is held to show no password."""

    async def open_refused(url: str) -> str:
        with pytest.raises(StoreError) as caught:
            await open_store(database=DatabaseOptions(url))
        text = str(caught.value)
        for secret in (PASSWORD, QUOTED, "wr0ng"):
            assert secret not in text + repr(caught.value) + caplog.text
        assert caught.value.__cause__ is None
        return text

    return open_refused


# --- servers that cannot be used ------------------------------------------------------------------------------------


async def test_what_is_wrong_with_the_address_is_told_without_the_password(refused, postgres):
    assert "password authentication failed" in await refused(postgres.url("postgres", password="wr0ng"))
    assert '"nowhere" does not exist' in await refused(postgres.url("nowhere"))
    assert "nobody" in await refused(postgres.url("postgres", user="nobody"))
    elsewhere = postgres.url("postgres").replace(str(postgres.port), "1")
    assert "127.0.0.1:1/postgres" in await refused(elsewhere)
    assert "SSL" in await refused(postgres.url("postgres") + "?sslmode=require")


async def test_the_missing_driver_is_named_with_what_to_install(refused, name, monkeypatch):
    assert name
    monkeypatch.setitem(sys.modules, "psycopg", None)
    text = await refused("postgresql+psycopg://u:wr0ng@127.0.0.1/d")
    assert "pip install 'crime-detect[postgres]'" in text


async def test_a_database_in_another_encoding_is_refused(refused, postgres):
    name = postgres.create("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "UTF8" in await refused(postgres.url(name))
    postgres.drop(name)


async def test_a_user_who_may_make_no_tables_is_told(refused, postgres):
    assert "make the user the owner" in await refused(postgres.url("postgres"))


async def test_a_user_who_may_only_read_is_told_at_the_start(open_store, refused, postgres, name):
    await (await open_store()).close()
    postgres.run("DROP ROLE IF EXISTS reader")
    postgres.run(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    postgres.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader", name)
    assert "its user may not do that" in await refused(postgres.url(name, user="reader"))


async def test_a_read_only_database_is_told(open_store, refused, postgres, name):
    await (await open_store()).close()
    postgres.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert "read-only" in await refused(postgres.url(name))
    postgres.run(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert (await open_store()).storage_error is None


async def test_looking_makes_no_tables(postgres, name, clock, tmp_path):
    postgres.drop(name)
    postgres.run(f"CREATE DATABASE {name} OWNER {USER}")
    told = look(tmp_path / "none", DatabaseOptions(postgres.url(name)), clock.now())
    assert told.startswith("PostgreSQL ")
    assert told.endswith(f" at 127.0.0.1:{postgres.port}/{name}")
    assert not (tmp_path / "none").exists()
    assert postgres.run("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == [(0,)]


# --- servers that come and go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_restart_of_the_server_costs_nothing_that_was_stored(store, make_alert, postgres, how):
    first = (await store.write(make_alert(), b"one")).after
    postgres.stop(how)
    try:
        with pytest.raises(StoreError, match="refuses"):
            await store.write(make_alert(ChangeType.UPDATE, 0.95), b"two")
        assert store.storage_error is not None
        with pytest.raises(StoreError):
            await store.incident(first.incident_id)
    finally:
        postgres.start()
    assert await store.incident(first.incident_id) == first
    update = await store.write(make_alert(ChangeType.UPDATE, 0.95), b"two")
    assert (update.before, update.seq, update.after.snapshot_rev) == (first, 2, 2)
    assert store.storage_error is None
    assert [event.seq for event in await store.events_since(0)] == [1, 2]


async def test_a_connection_that_was_cut_is_made_anew_unnoticed(store, make_alert, postgres, name):
    await store.write(make_alert(), None)
    cut = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
    assert postgres.run(cut) == [(True,)]
    assert (await store.write(make_alert(ChangeType.UPDATE, 0.95), None)).seq == 2
    assert store.storage_error is None


async def test_a_connection_that_is_cut_in_the_middle_undoes_the_transaction(store, make_alert, postgres, name):
    await store.write(make_alert(), None)
    cut = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"

    def half(connection):
        connection.exec_driver_sql("UPDATE meta SET value = '99' WHERE key = 'seq'")
        postgres.run(cut)
        connection.exec_driver_sql("DELETE FROM incidents")

    with pytest.raises(StoreError, match="refuses"):
        await store._database.write(half)
    assert await store.sequence_range() == (1, 1)
    assert (await store.write(make_alert(ChangeType.UPDATE, 0.95), None)).seq == 2


async def test_a_server_that_hangs_is_said_and_forgiven(store, make_alert, until, monkeypatch):
    monkeypatch.setattr(database, "STUCK_S", 0.05)
    pid = await store._database.read(lambda c: c.exec_driver_sql("SELECT pg_backend_pid()").scalar())
    os.kill(pid, signal.SIGSTOP)
    try:
        writing = asyncio.create_task(store.write(make_alert(), None))
        await until(lambda: store.storage_error == database.STUCK)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (await writing).seq == 1
    assert store.storage_error is None


async def test_our_own_lost_connection_does_not_keep_us_out(store, make_alert, postgres, name):
    """As after a cut of the network that the server has not noticed: the lock is still held, by ourselves."""
    lost = await store._database.call(store._database._engine.raw_connection)
    lost.detach()  # still open at the server, out of our hands
    event = await store.write(make_alert(), None)
    assert event.seq == 1
    lost.close()


async def test_a_locked_table_is_an_error_in_time_and_deletes_nothing(store, add_incident, postgres, name, clock):
    import psycopg

    incident_id = await add_incident()
    clock.advance(400 * 86400)
    await store._database.read(lambda c: c.exec_driver_sql("SET lock_timeout = '100ms'"))
    with psycopg.connect(postgres.url(name).replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE incidents IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="another program holds a lock"):
            await store.retention.apply()
        assert "lock" in store.storage_error
        other.rollback()
    assert await store.outbox.snapshot_jpeg(incident_id) is not None
    assert len(await store.retention.apply()) == 1
    assert store.storage_error is None


# --- one engine a database ------------------------------------------------------------------------------------------


async def test_a_second_engine_is_refused_while_the_first_runs(open_store, refused, postgres, name, tmp_path):
    first = await open_store()
    assert "another engine uses" in await refused(postgres.url(name))
    beside = await open_store(repair=False)  # a command beside the service
    await beside.tokens.create("phone", "viewer")
    await beside.close()
    await first.close()
    with pytest.raises(StoreError, match="belongs to another engine"):
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "engine-uuid").write_text("not-the-first\n")
        await open_store(tmp_path / "other", database=DatabaseOptions(postgres.url(name)))


async def test_a_data_directory_that_is_not_there_is_not_made_beneath_a_missing_mount(open_store, make_alert, tmp_path):
    store = await open_store()
    kept = (await store.write(make_alert(), b"x")).after
    await store.close()
    (tmp_path / "data").rename(tmp_path / "unmounted")
    with pytest.raises(StoreError, match="is its disk connected"):
        await open_store()
    (tmp_path / "data" / "engine-uuid").write_text(store.uuid)
    assert (await (await open_store()).incident(kept.incident_id)).snapshot == kept.snapshot


async def test_a_command_without_the_configuration_is_told_that_it_looks_elsewhere(open_store, tmp_path):
    await (await open_store()).close()
    with pytest.raises(StoreError, match="--config"):
        await open_store(repair=False, database=DatabaseOptions())


# --- another database than before -----------------------------------------------------------------------------------


async def test_from_sqlite_to_postgresql_and_back(open_store, make_alert, tmp_path):
    old = await open_store(database=DatabaseOptions())
    admin = await old.tokens.ensure_admin_token()
    kept = (await old.write(make_alert(), b"x")).after
    await old.close()
    new = await open_store()
    assert (new.uuid, new.epoch == old.epoch) == (old.uuid, False)
    assert await new.incident(kept.incident_id) == kept
    assert await new.tokens.ensure_admin_token() is None
    assert (await new.tokens.find(admin.read_text().strip())).role == "admin"
    await new.close()
    again = await open_store(database=DatabaseOptions())
    assert again.uuid == old.uuid
    assert again.epoch not in (old.epoch, new.epoch)
    await again.close()
    assert (await open_store()).epoch not in (old.epoch, new.epoch, again.epoch)


async def test_a_restored_copy_has_a_new_epoch_and_the_same_uuid(open_store, postgres, name):
    store = await open_store()
    await store.close()
    copy = postgres.create(f"TEMPLATE {name}")
    restored = await open_store(database=DatabaseOptions(postgres.url(copy)))
    assert restored.uuid == store.uuid
    assert restored.epoch != store.epoch
    await restored.close()
    postgres.drop(copy)


async def test_an_emptied_database_is_filled_from_the_sidecar_files(open_store, make_alert, postgres, name):
    store = await open_store()
    kept = (await store.write(make_alert(), b"x")).after
    await store.close()
    postgres.drop(name)
    postgres.run(f"CREATE DATABASE {name} OWNER {USER}")
    again = await open_store()
    assert list((await again.incidents(IncidentQuery())).items) == [kept]
    assert (again.uuid, again.epoch == store.epoch) == (store.uuid, False)


# --- what PostgreSQL minds and SQLite does not ----------------------------------------------------------------------


async def test_what_the_database_cannot_keep_is_the_askers_fault(store, clock):
    for label, note in (("a\0b", None), ("x" * 100, None), ("theft", "a\0b"), ("theft", "\ud800")):
        with pytest.raises(InvalidInputError):
            await store.report(ManualReport("yard", label, clock.now(), clock.now(), note), PERSON)
    with pytest.raises(InvalidInputError):
        await store.incidents(IncidentQuery(text="\0"))
    assert store.storage_error is None


async def test_messages_have_no_values(store, caplog):
    caplog.set_level(logging.DEBUG)
    secret = await store.tokens.create("phone", "viewer")

    def twice(connection):
        connection.exec_driver_sql("INSERT INTO meta VALUES ('hemmelig', 'hemmelig')")
        connection.exec_driver_sql("INSERT INTO meta VALUES ('hemmelig', 'hemmelig')")

    with pytest.raises(StoreError, match="duplicate key") as caught:
        await store._database.write(twice)
    assert "hemmelig" not in str(caught.value) + caplog.text
    assert secret not in caplog.text


async def test_the_search_ignores_case_beyond_ascii(store, clock):
    found = await store.report(ManualReport("yard", "theft", clock.now(), clock.now(), "ÄRGER am Tor 100%_"), PERSON)
    for text in ("ärger", "TOR 100%_"):
        page = await store.incidents(IncidentQuery(text=text))
        assert [one.incident_id for one in page.items] == [found.incident_id]
    assert (await store.incidents(IncidentQuery(text="100_%"))).items == []


async def test_the_size_on_the_server_is_told(store):
    storage = await store.storage()
    assert storage["database_bytes"] > 100_000
    assert store.database_name.startswith("PostgreSQL ")


async def test_an_update_says_that_the_backup_is_the_owners(open_store, later_version, postgres, name, caplog):
    await (await open_store()).close()
    later_version('op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(StoreError, match="nowhere"):
        await open_store()
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'weather'"
    assert postgres.run(columns, name) == [(0,)], "a migration that fails changes nothing"
    later_version()
    store = await open_store()
    assert postgres.run(columns, name) == [(1,)]
    assert "pg_dump" in caplog.text
    assert store.storage_error is None
