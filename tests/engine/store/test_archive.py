"""Owns the tests of the archive: real file systems that are there, away, full, another's, or never answer."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store import archive as archive_module
from crime_detect_engine.store.caution import MARK
from crime_detect_engine.store.retention import DAY_S, ArchiveOptions, RetentionOptions
from crime_detect_engine.store.store import Store
from crime_detect_engine.store.tables import media
from sqlalchemy import select

PERSON = Actor("anna", "admin")
PICTURE = b"picture" * 1000


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def day(count: float) -> timedelta:
    return timedelta(days=count)


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".crime_detect")
    }


async def tiers(store: Store) -> dict[str, str]:
    rows = await store._database.read(lambda c: c.execute(select(media.c.path, media.c.tier)).all())
    return {row.path.rpartition(".")[2]: row.tier for row in rows}


@pytest.fixture
def place(tmp_path: Path, mount: Callable[[Path, str], Path]) -> Path:
    return mount(tmp_path / "archive", "8m")


@pytest.fixture
def archiving(store: Store, place: Path) -> Callable[..., None]:
    def use(after_s: float = 10 * DAY_S, quota: int | None = None, path: Path = place, **rules: object) -> None:
        options = {"incidents_s": 90 * DAY_S, **rules}
        store.retention.options = RetentionOptions(archive=ArchiveOptions(path, after_s, quota), **options)

    return use


@pytest.fixture
def add_clip(store: Store) -> Callable[[str], Awaitable[None]]:
    async def add(incident_id: str) -> None:
        clip = await store.clips.encode(incident_id, [(0.0, np.zeros((48, 64, 3), np.uint8))])
        await store.attach_clip(incident_id, clip)

    return add


async def test_old_pictures_and_clips_move_and_are_read_from_there(
    store, add_incident, add_clip, archiving, place, tmp_path
):
    old, new = await add_incident(day(11), PICTURE), await add_incident(day(9), PICTURE)
    await add_clip(old)
    archiving()
    await store.retention.clean()
    here, incident = tmp_path / "data" / "media", await store.incident(old)
    assert files(place) == {incident.snapshot, incident.clip}
    assert {path for path in files(here) if old in path} == {incident.snapshot.replace(".jpg", ".json")}
    assert await store.outbox.snapshot_jpeg(old) == PICTURE
    assert (await store.media(incident, "clip")).size > 0
    assert await store.outbox.snapshot_jpeg(new) == PICTURE
    assert [entry.action for entry in await store.media_log(old)].count("archive") == 2
    assert (await store.evidence.check(files=True)).fault is None
    state = await store.storage()
    assert state["archive_bytes"] == sum((place / path).stat().st_size for path in files(place))
    assert await store.retention.clean() == []
    assert store.storage_error is None


async def test_what_lies_there_is_deleted_there_when_its_time_comes(store, add_incident, archiving, place, clock):
    old = await add_incident(day(11), PICTURE)
    archiving()
    await store.retention.clean()
    clock.advance(5 * DAY_S)
    await store.delete(old, PERSON)
    await store.retention.clean()
    assert files(place) == set()
    assert [path for path in place.iterdir() if path.is_dir()] == [], "no empty folders"
    assert (await store.media_log(old))[0].action == "delete"
    assert (await store.retention.holdings()).doomed == 0


async def test_while_it_is_away_nothing_is_lost_and_nothing_counts_as_deleted(
    store, add_incident, archiving, place, clock, tmp_path
):
    ids = [await add_incident(day(age), PICTURE) for age in (12, 11, 9)]
    archiving()
    await store.retention.clean()
    there = tmp_path / "there"
    run("cp", "-a", place, there)
    run("umount", place)

    clock.advance(2 * DAY_S)
    await store.retention.clean()
    with pytest.raises(StoreError, match="is away"):
        await store.outbox.snapshot_jpeg(ids[0])
    assert await store.outbox.snapshot_jpeg(ids[2]) == PICTURE, "what has not moved yet waits and is there"
    await store.delete(ids[0], PERSON)
    await store.retention.clean()
    assert (await store.retention.holdings()).doomed == 1, "its deletion waits, marked"
    assert files(place) == set(), "nothing is written beneath the missing disk"
    assert "its mark is not there" in store.storage_error

    run("mount", "-t", "tmpfs", "none", place)
    run("cp", "-a", f"{there}/.", place)
    await store.retention.clean()
    assert store.storage_error is None
    assert (await store.retention.holdings()).doomed == 0
    assert await store.outbox.snapshot_jpeg(ids[1]) == PICTURE
    assert not any(ids[0] in path for path in files(place))
    assert any(ids[2] in path for path in files(place)), "what had to wait has moved"


async def test_the_disk_of_the_system_is_never_taken_for_the_archive(store, add_incident, archiving, tmp_path):
    incident_id = await add_incident(day(11), PICTURE)
    beneath = tmp_path / "not-mounted"
    archiving(path=beneath)
    await store.retention.clean()
    assert "no such folder" in store.storage_error
    beneath.mkdir()
    await store.retention.clean()
    assert "disk of the system" in store.storage_error
    assert list(beneath.iterdir()) == []
    (beneath / MARK).touch()
    await store.retention.clean()
    assert store.storage_error is None
    assert any(incident_id in path for path in files(beneath)), "who says so by hand may"


async def test_an_archive_of_another_engine_is_left_alone(store, add_incident, archiving, place):
    await add_incident(day(11), PICTURE)
    (place / MARK).write_text("0c4f1f9e-0000 abcd\n")
    archiving()
    await store.retention.clean()
    assert "belongs to another engine" in store.storage_error
    assert files(place) == set()


async def test_another_folder_is_not_taken_while_the_first_has_files(store, add_incident, archiving, mount, tmp_path):
    first = await add_incident(day(11), PICTURE)
    archiving()
    await store.retention.clean()
    second = mount(tmp_path / "second", "1m")
    archiving(path=second)
    await store.delete(first, PERSON)
    await store.retention.clean()
    assert "not where the files are" in store.storage_error
    assert (await store.retention.holdings()).doomed == 1
    store.retention.options = RetentionOptions()
    await store.retention.clean()
    assert "does not name any more" in store.storage_error
    assert (await store.retention.holdings()).doomed == 1


async def test_a_full_archive_takes_no_more_and_loses_nothing(store, add_incident, archiving, mount, tmp_path):
    small = mount(tmp_path / "small", "300k")
    pictures = {await add_incident(day(20 - i), os.urandom(100_000)): i for i in range(5)}
    archiving(path=small)
    await store.retention.clean()
    assert "No space left" in store.storage_error
    assert not [path for path in files(small) if path.endswith(".tmp")]
    for incident_id in pictures:
        assert len(await store.outbox.snapshot_jpeg(incident_id)) == 100_000
    assert 0 < len(files(small)) < 5


async def test_what_is_too_much_here_moves_and_what_is_too_much_there_goes(store, add_incident, archiving, place):
    ids = [await add_incident(day(age), bytes(100_000)) for age in (8, 7, 6, 5)]
    await store.hold(ids[0], True, PERSON)
    archiving(after_s=60 * DAY_S, media_quota=220_000, quota=None)
    plan = await store.retention.plan()
    assert (plan.deletions, [move.incident_id for move in plan.moves]) == ([], ids[:2])
    await store.retention.clean()
    assert {path.rpartition("_")[2][:26] for path in files(place)} == set(ids[:2]), "on hold moves too"
    archiving(after_s=60 * DAY_S, media_quota=220_000, quota=150_000)
    done = await store.retention.clean()
    assert [(one.incident_id, one.reason) for one in done] == [(ids[1], "archive quota")], "what is on hold stays"
    assert await store.outbox.snapshot_jpeg(ids[0]) is not None


async def test_a_copy_that_is_another_is_not_trusted(store, add_incident, archiving, place, monkeypatch, tmp_path):
    incident_id = await add_incident(day(11), PICTURE)

    def spoil(descriptor: int) -> None:
        os.pwrite(descriptor, b"X", 5)

    archiving()
    with monkeypatch.context() as patch:
        patch.setattr(archive_module, "_forget_cache", spoil)
        await store.retention.clean()
    assert "not what was read" in store.storage_error
    assert await store.outbox.snapshot_jpeg(incident_id) == PICTURE
    assert (await store.retention.holdings()).moving == 1
    await store.retention.clean()
    assert store.storage_error is None
    assert files(place) == {(await store.incident(incident_id)).snapshot}


async def test_an_archive_that_never_answers_holds_nobody_up(store, add_incident, archiving, place, monkeypatch):
    incident_id = await add_incident(day(11), PICTURE)
    archiving()
    await store.retention.clean()
    (place / MARK).unlink()
    os.mkfifo(place / MARK)  # reading it waits for somebody who writes, as a share waits for its server
    monkeypatch.setattr(archive_module, "LOOK_S", 0.05)
    await store.retention.clean()
    assert "does not answer" in store.storage_error
    with pytest.raises(StoreError, match="is away"):
        await store.outbox.snapshot_jpeg(incident_id)
    (place / MARK).open("w").close()  # it lets go


async def test_what_is_deleted_while_it_is_copied_is_nowhere_afterwards(
    store, add_incident, archiving, place, monkeypatch, tmp_path
):
    incident_id = await add_incident(day(11), PICTURE)
    archiving()
    loop = asyncio.get_running_loop()

    def delete_meanwhile(_descriptor: int) -> None:
        asyncio.run_coroutine_threadsafe(store.delete(incident_id, PERSON), loop).result()

    monkeypatch.setattr(archive_module, "_forget_cache", delete_meanwhile)
    await store.retention.clean()
    assert files(place) | files(tmp_path / "data" / "media") == set()
    assert (await store.retention.holdings()).doomed == 0


async def test_a_database_made_anew_finds_what_lies_in_the_archive(
    store, open_store, add_incident, add_clip, archiving, place, lose_database, clock
):
    incident_id = await add_incident(day(11), PICTURE)
    await add_clip(incident_id)
    archiving()
    await store.recover()
    await store.retention.clean()
    lying, options = files(place), store.retention.options
    await store.close()
    lose_database()
    again = await open_store(retention=options)
    await again.recover()
    assert await again.outbox.snapshot_jpeg(incident_id) == PICTURE
    assert set((await again.retention.holdings()).archived["yard"]) == {"snapshot", "clip"}
    assert (await again.storage())["archive_bytes"] == sum((place / path).stat().st_size for path in lying)
    clock.advance(6 * DAY_S)
    await again.retention.clean()
    clock.advance(6 * DAY_S)
    again.retention.options = RetentionOptions(incidents_s=20 * DAY_S, archive=options.archive)
    assert [one.what for one in await again.retention.clean()] == ["record"]
    assert files(place) == set()
