"""Owns the tests of what a start mends: `kill -9` at every step of writing, deleting and archiving."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from crime_detect_engine.domain.ports import IncidentQuery
from crime_detect_engine.domain.types import ChangeType

from tests.rig.postgres import USER

WRITER = Path(__file__).with_name("crash_writer.py")
STEPS = {"write": 60, "delete": 30, "archive": 60, "originals": 60}
"""At least; fewer would mean that calls are not counted any more."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is room: each step is a copy of everything, synced again and again."""
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 10**9
    path = Path(tempfile.mkdtemp(prefix="crime-detect-crash-", dir=memory if roomy else None))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.timeout(400)  # a hundred lives each; on a machine that is busy otherwise they take their time
@pytest.mark.parametrize("scene", STEPS)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_kill_at_every_step_leaves_everything_whole_or_absent(folder, database, scene, request):
    """`kill -9` before each call that changes the disk and each commit: nothing told is lost, nothing half is left."""
    command, server = [sys.executable, WRITER, folder, scene], None
    if database == "postgresql":
        server = request.getfixturevalue("postgres")
        server.run(f"CREATE DATABASE begun OWNER {USER} TEMPLATE {server.template}")
        command.append(server.url("begun").rpartition("/")[0])
    try:
        result = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-3000:]
        assert int(result.stdout) > STEPS[scene], "too few steps to die at were found"
    finally:
        for name in [row[0] for row in server.run("SELECT datname FROM pg_database")] if server else []:
            if name == "begun" or name.startswith("step"):
                server.drop(name)


async def test_what_a_crash_left_of_nobody_is_removed_and_what_people_put_there_stays(store, make_alert, tmp_path):
    kept = (await store.write(make_alert(), b"x")).after
    media = tmp_path / "data" / "media"
    stranded = (media / kept.snapshot).with_name("030000_fighting_01ARZ3NDEKTSV4RRFFQ69G5FAV.jpg")
    stranded.write_bytes(b"never told")
    holiday = media / "yard" / "holiday.jpg"
    holiday.write_bytes(b"mine")
    await store.recover()
    assert not stranded.exists()
    assert holiday.read_bytes() == b"mine"
    assert (media / kept.snapshot).read_bytes() == b"x"
    (entry,) = [one for one in await store.media_log() if one.action == "delete"]
    assert entry.reason == "a crash left it without a record"


async def test_many_files_without_a_record_are_left_for_a_person(store, make_alert, tmp_path, clock):
    """An old copy of the database, or an empty one, must not make files strangers that are deleted."""
    for second in range(20):
        await store.write(make_alert(label="robbery", started_at=clock.now(), incident_id=f"{second:026d}"), b"x")
        clock.advance(1)
    await store._database.write(lambda c: c.exec_driver_sql("DELETE FROM media"))
    await store._database.write(lambda c: c.exec_driver_sql("DELETE FROM incidents"))
    for sidecar in (tmp_path / "data" / "media").rglob("*.json"):
        sidecar.unlink()
    await store.recover()
    assert len(list((tmp_path / "data" / "media").rglob("*.jpg"))) == 20
    assert "belong to no record" in (await store.retention.doubts())[0]
    assert await store.retention.clean() == []
    assert "until somebody has looked" in store.storage_error


async def test_a_sidecar_that_is_gone_is_written_again(store, make_alert, tmp_path):
    ids = []
    for label in ("fighting", "robbery", "arson"):
        ids.append((await store.write(make_alert(label=label), b"x")).after.incident_id)
        await store.write(make_alert(ChangeType.END, label=label), None)
    sidecars = sorted((tmp_path / "data" / "media").rglob("*.json"))
    texts = {path: path.read_bytes() for path in sidecars}
    sidecars[0].unlink()
    await store.recover()
    assert {path: path.read_bytes() for path in sidecars} == texts
    assert {one.incident_id for one in (await store.incidents(IncidentQuery())).items} == set(ids)
