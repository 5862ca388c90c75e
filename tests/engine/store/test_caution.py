"""Owns the tests of what keeps clean-up from deleting: another folder, another database, a clock that jumped."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.store.caution import MARK
from crime_detect_engine.store.retention import DAY_S

PERSON = Actor("anna", "admin")
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def count(store) -> int:
    return len((await store.incidents(IncidentQuery(limit=500))).items)


async def test_a_clock_that_jumps_ahead_deletes_nothing_until_somebody_has_looked(store, add_incident, clock):
    await add_incident()
    await store.retention.clean()
    clock.advance(3600)
    clock.step(400 * DAY_S)
    for _ in range(3):
        assert await store.retention.clean() == []
        clock.advance(3600)
    assert "400 days ago" in store.storage_error
    assert await count(store) == 1
    await store.retention.confirm(PERSON)
    assert store.storage_error is None
    assert len(await store.retention.clean()) == 1
    entry = next(one for one in await store.audit.list() if one.action == "retention_confirm")
    assert (entry.actor, "400 days" in entry.details["doubts"][0]) == ("anna", True)


async def test_a_clock_that_went_back_waits_and_goes_on_by_itself_when_it_is_right(store, add_incident, clock):
    await add_incident()
    await store.retention.clean()
    clock.step(-30 * DAY_S)
    assert await store.retention.clean() == []
    assert "still to come" in store.storage_error
    clock.step(30 * DAY_S)
    assert await store.retention.clean() == []
    assert store.storage_error is None


async def test_records_of_a_wrong_future_are_accepted_when_somebody_has_looked(store, add_incident, clock):
    clock.step(3650 * DAY_S)
    await add_incident(age=timedelta(days=-3650))
    clock.step(-3650 * DAY_S)
    assert await store.retention.doubts() != []
    await store.retention.confirm(PERSON)
    assert await store.retention.doubts() == []
    clock.advance(DAY_S)
    await store.retention.clean()
    assert store.storage_error is None


async def test_in_a_folder_that_lost_its_mark_nothing_is_deleted(store, add_incident, tmp_path, clock):
    kept = await add_incident()
    await store.recover()
    mark = tmp_path / "data" / "media" / MARK
    assert mark.read_text().split() == [store.uuid, store.epoch]
    mark.unlink()
    clock.advance(2 * DAY_S)
    await store.retention.clean()
    assert "lost its mark" in store.storage_error
    await store.delete(kept, PERSON)
    assert list((tmp_path / "data" / "media").rglob("*.jpg")), "marked, and waits"
    await store.retention.confirm(PERSON)
    await store.retention.clean()
    assert not list((tmp_path / "data" / "media").rglob("*.jpg"))
    assert store.storage_error is None


async def test_the_folder_of_another_engine_is_left_alone(open_store, add_incident, store, tmp_path, clock):
    await add_incident()
    await store.recover()
    other = await open_store(tmp_path / "other")
    await other.recover()
    await other.close()
    await store.close()
    shutil.rmtree(tmp_path / "data" / "media")
    shutil.copytree(tmp_path / "other" / "media", tmp_path / "data" / "media")
    store = await open_store()
    await store.recover()
    clock.advance(5 * DAY_S)
    await store.retention.clean()
    assert "belongs to another engine" in store.storage_error
    assert await count(store) == 1


@SQLITE
async def test_an_old_copy_of_the_database_deletes_nothing(open_store, add_incident, store, tmp_path, clock):
    await store.recover()
    await add_incident()
    await store._database.call(store._database.close)
    data = tmp_path / "data"
    shutil.copy(data / "crime_detect.db", tmp_path / "backup")
    await add_incident(label="robbery")
    await store.close()
    (tmp_path / "replaced").mkdir()  # kept, so that the copy is another file whatever the file system numbers
    for left in list(data.glob("crime_detect.db*")):
        left.rename(tmp_path / "replaced" / left.name)
    shutil.copy(tmp_path / "backup", data / "crime_detect.db")
    store = await open_store()
    await store.recover()
    clock.advance(5 * DAY_S)
    assert "another than before" in (await store.retention.doubts())[0]
    await store.retention.clean()
    assert len(list((data / "media").rglob("*.jpg"))) == 2
    await store.retention.confirm(PERSON)
    assert await store.retention.doubts() == []


async def test_a_database_made_anew_from_the_files_needs_nobody(open_store, add_incident, store, lose_database, clock):
    await store.recover()
    await add_incident()
    await store.close()
    lose_database()
    store = await open_store()
    await store.recover()
    assert await store.retention.doubts() == []
    clock.advance(40 * DAY_S)
    assert len(await store.retention.clean()) == 1
