"""Owns the tests of the journal on disks that fill up, turn read-only or go away, each apart: real, small ones."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.types import ChangeType, Severity
from crime_detect_engine.store.address import DatabaseOptions
from crime_detect_engine.store.retention import DAY_S, RetentionOptions
from crime_detect_engine.store.tables import media as media_table
from sqlalchemy import select

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(512))
    return ballast


async def write_until_refused(store, make_alert, clock) -> str:
    """An incident a second until three were refused one after the other: the last refusal."""
    refusals: list[str] = []
    for second in range(1, 300):
        at = clock.now() + timedelta(seconds=second)
        try:
            await store.write(make_alert(started_at=at, at=at), b"picture")
        except StoreError as error:
            refusals.append(str(error))
            if len(refusals) == 3:
                return refusals[-1]
        else:
            refusals.clear()
    raise AssertionError("the disk never filled up")


async def test_media_on_a_full_disk_of_their_own_cost_no_record(open_store, make_alert, mount, tmp_path):
    media = mount(tmp_path / "data" / "media", "1m")
    store = await open_store()
    ballast = fill(media)
    full = (await store.write(make_alert(), os.urandom(100_000))).after
    assert full.snapshot is None
    assert "No space left" in store.storage_error
    ballast.unlink()
    assert (await store.write(make_alert(label="robbery"), os.urandom(100_000))).after.snapshot is not None
    assert store.storage_error is None


async def test_media_that_turn_read_only_while_it_runs_cost_no_record(open_store, make_alert, mount, tmp_path, clock):
    media = mount(tmp_path / "data" / "media", "1m")
    store = await open_store()
    first = (await store.write(make_alert(), b"x")).after
    run("mount", "-o", "remount,ro", media)
    assert (await store.write(make_alert(label="robbery"), b"y")).after.snapshot is None
    assert "Read-only" in store.storage_error
    await store.recover()
    clock.advance(400 * DAY_S)
    await store.retention.clean()
    assert (media / first.snapshot).read_bytes() == b"x"
    run("mount", "-o", "remount,rw", media)
    await store.recover()
    assert not (media / first.snapshot).exists(), "what was to be deleted is deleted then"
    assert (await store.write(make_alert(label="arson"), b"z")).after.snapshot is not None
    assert store.storage_error is None


async def test_beneath_a_missing_mount_nothing_is_written_and_nothing_counts_as_deleted(
    open_store, make_alert, mount, tmp_path, clock, caplog
):
    media = mount(tmp_path / "data" / "media", "1m")
    store = await open_store()
    kept = (await store.write(make_alert(), b"x")).after
    await store.recover()
    run("umount", media)
    beneath = (await store.write(make_alert(label="robbery"), b"y")).after
    assert beneath.snapshot is None
    assert "media folder is missing" in store.storage_error
    await store.close()

    store = await open_store()
    assert "is not mounted" in caplog.text
    store.retention.options = RetentionOptions(incidents_s=DAY_S)
    clock.advance(2 * DAY_S)
    await store.retention.clean()
    assert (await store.write(make_alert(label="arson"), b"z")).after.snapshot is None
    assert list(media.iterdir()) == [], "nothing on the disk of the system"
    waiting = await store._database.read(lambda c: c.execute(select(media_table.c.path)).scalars().all())
    assert kept.snapshot in waiting, "still to be deleted once the disk is back"


@SQLITE
async def test_a_database_on_a_full_disk_refuses_whole_and_goes_on(open_store, make_alert, mount, tmp_path, clock):
    data = mount(tmp_path / "data", "3m")
    mount(data / "media", "10m")
    store = await open_store()
    first = (await store.write(make_alert(), b"x")).after
    ballast = fill(data)
    refusals = await write_until_refused(store, make_alert, clock)
    assert "no space is left for the database" in refusals
    kept = await store.incidents(IncidentQuery(limit=500))
    assert first in kept.items
    pictures = {path.stem[-26:] for path in (data / "media").rglob("*.jpg")}
    assert pictures == {one.incident_id for one in kept.items}, "no picture of what was refused"
    ballast.unlink()
    at = clock.now() + timedelta(hours=1)
    assert (await store.write(make_alert(started_at=at, at=at), b"y")).after.snapshot_rev == 1
    assert store.storage_error is None


@POSTGRES
async def test_a_server_on_a_full_disk_refuses_whole_and_goes_on(
    open_store, make_alert, mount, postgres, tmp_path, clock
):
    place = mount(postgres.folder / "small", "24m")
    os.chown(place, *postgres.owner)
    postgres.run(f"CREATE TABLESPACE small LOCATION '{place}'")
    name = postgres.create(f"TEMPLATE {postgres.template} TABLESPACE small")
    try:
        store = await open_store(database=DatabaseOptions(postgres.url(name)))
        first = (await store.write(make_alert(), b"x")).after
        ballast = fill(place)
        assert "no space is left on its disk" in await write_until_refused(store, make_alert, clock)
        assert first in (await store.incidents(IncidentQuery(limit=500))).items
        ballast.unlink()
        at = clock.now() + timedelta(hours=1)
        assert (await store.write(make_alert(started_at=at, at=at), b"y")).after.snapshot_rev == 1
        assert store.storage_error is None
        await store.close()
    finally:
        postgres.drop(name)
        postgres.run("DROP TABLESPACE small")


async def test_a_full_disk_costs_no_evidence_and_says_so(open_store, make_alert, mount, tmp_path, clock):
    """What is on hold and what has not expired stays; what is worth little is not written any more."""
    media = mount(tmp_path / "data" / "media", "3m")
    store = await open_store(reserve_bytes=500_000)
    store.retention.options = RetentionOptions(incidents_s=30 * DAY_S)
    pictures = {}
    for label in ("fighting", "robbery"):
        incident = (await store.write(make_alert(label=label), os.urandom(200_000))).after
        await store.write(make_alert(ChangeType.END, label=label), None)
        pictures[incident.incident_id] = (media / incident.snapshot).read_bytes()
    held = next(iter(pictures))
    await store.hold(held, True, Actor("anna", "admin"))
    clip = await store.clips.encode(held, [(0.0, np.zeros((48, 64, 3), np.uint8))])
    await store.attach_clip(held, clip)
    ballast = fill(media)
    assert "nearly full" in store.storage_error
    clock.advance(20 * DAY_S)
    await store.retention.clean()
    clock.advance(5 * DAY_S)
    await store.write(make_alert(label="arson", severity=Severity.DETECTION), b"x")
    told = (await store.write(make_alert(label="burglary"), os.urandom(200_000))).after
    assert told.snapshot is None, "the alert is stored all the same"
    assert {path.name[-4:] for path in media.rglob("*") if "arson" in path.name} <= {"json"}
    for incident_id, picture in pictures.items():
        assert await store.outbox.snapshot_jpeg(incident_id) == picture
    assert await store.media(await store.incident(held), "clip") is not None
    assert "nearly full" in store.storage_error or "No space" in store.storage_error
    ballast.unlink()
    clock.advance(15 * DAY_S)
    await store.retention.confirm(Actor("anna", "admin"))
    await store.retention.clean()
    assert await store.outbox.snapshot_jpeg(held) == pictures[held], "on hold, whatever its age"
    assert len((await store.incidents(IncidentQuery())).items) == 3


async def test_without_inodes_records_go_on_and_evidence_stays(open_store, make_alert, mount, tmp_path, clock):
    media = mount(tmp_path / "data" / "media", "3m,nr_inodes=12")
    store = await open_store()
    kept = (await store.write(make_alert(), b"x")).after
    for number in range(20):
        with suppress(OSError):
            (media / f"filler{number}").touch()
    bare = (await store.write(make_alert(label="robbery"), b"y")).after
    assert bare.snapshot is None
    assert "No space left" in store.storage_error
    await store.recover()
    await store.retention.clean()
    assert (media / kept.snapshot).read_bytes() == b"x"


@SQLITE
async def test_a_database_that_is_locked_in_the_middle_of_a_clean_up_deletes_nothing_more(
    open_store, make_alert, tmp_path, clock, monkeypatch
):
    store = await open_store()
    for label in ("fighting", "robbery"):
        await store.write(make_alert(label=label), b"x")
        await store.write(make_alert(ChangeType.END, label=label), None)
    clock.advance(5 * DAY_S)
    store.retention.options = RetentionOptions(incidents_s=DAY_S)
    await store._database.read(lambda c: c.exec_driver_sql("PRAGMA busy_timeout=50"))
    other = sqlite3.connect(tmp_path / "data" / "crime_detect.db", isolation_level=None, check_same_thread=False)
    sweep = store._journal.sweep

    def locked_before() -> int:
        """The record is gone, and before its files go somebody takes the database."""
        other.execute("BEGIN IMMEDIATE")
        return sweep()

    monkeypatch.setattr(store._journal, "sweep", locked_before)
    with pytest.raises(StoreError, match="locked"):
        await store.retention.clean()
    assert len(list((tmp_path / "data" / "media").rglob("*.jpg"))) == 2, "no file goes that nobody can write down"
    assert len((await store.incidents(IncidentQuery())).items) == 1
    other.execute("ROLLBACK")
    other.close()
    monkeypatch.undo()
    await store.retention.clean()
    assert not list((tmp_path / "data" / "media").rglob("*.jpg"))
