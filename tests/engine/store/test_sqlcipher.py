"""Owns the tests of the encrypted database: nothing of it in clear, never taken for malformed, always whole."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import IncidentQuery
from crime_detect_engine.domain.types import ChangeType
from crime_detect_engine.store.media_key import KEY_FILE, MARK, MediaKey
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.sqlcipher import CONVERTING, connect, convert, is_encrypted

SQLITE_ONLY = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ENCRYPTED = PrivacyOptions(encrypt_database=True)
PLAIN_HEAD = b"SQLite format 3\0"
READER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1])
other.execute("SELECT count(*) FROM incidents").fetchone()
print("open", flush=True)
sys.stdin.read()
"""
CONVERTER = Path(__file__).with_name("convert_database.py")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def path(data: Path) -> Path:
    return data / "crime_detect.db"


@pytest.fixture
def add_alert(make_alert):
    """Writes one, in a store that the test opened; the incident's id."""

    async def add(store) -> str:
        await store.write(make_alert(), b"\xff\xd8 a picture")
        await store.write(make_alert(ChangeType.END), None)
        return make_alert().incident_id

    return add


def in_clear(folder: Path, *words: bytes) -> list[Path]:
    """Files that hold one of the words."""
    return [one for one in folder.rglob("*") if one.is_file() and any(word in one.read_bytes() for word in words)]


@SQLITE_ONLY
async def test_nothing_of_the_records_is_on_the_disk_in_clear(open_store, make_alert, data, path):
    store = await open_store(privacy=ENCRYPTED)
    await store.write(make_alert(), None)
    # Also while it is open: the write-ahead log.
    assert not [one for one in in_clear(data, PLAIN_HEAD, b"yard", b"fighting") if one.suffix != ".json"]
    await store.close()
    assert is_encrypted(path)
    assert not in_clear(data, PLAIN_HEAD)
    store = await open_store(privacy=ENCRYPTED)
    assert [one.camera for one in (await store.incidents(IncidentQuery())).items] == ["yard"]
    assert store.database_name.startswith("SQLCipher")


@SQLITE_ONLY
async def test_a_plain_database_is_encrypted_at_the_next_start_and_made_plain_again(open_store, add_alert, data, path):
    store = await open_store()
    incident_id, epoch = await add_alert(store), store.epoch
    await store.close()
    (data / "crime_detect.db.before-old").write_bytes(PLAIN_HEAD)
    for privacy, encrypted in ((ENCRYPTED, True), (ENCRYPTED, True), (PrivacyOptions(), False)):
        store = await open_store(privacy=privacy)
        assert is_encrypted(path) is encrypted
        assert store.epoch == epoch, "it is the same database: who follows it need not begin anew"
        assert (await store.incident(incident_id)).camera == "yard"
        assert (await store.evidence.check()).fault is None
        await store.close()
        left = sorted(one.name for one in data.iterdir() if one.name.startswith("crime_detect.db"))
        assert left == ["crime_detect.db"], "no copy in clear stays"


@SQLITE_ONLY
async def test_short_commands_open_it_as_it_is(open_store, add_alert, path):
    store = await open_store(privacy=ENCRYPTED)
    incident_id = await add_alert(store)
    beside = await open_store(repair=False)  # no configuration at hand: the key lies in its own place
    assert (await beside.incident(incident_id)).camera == "yard"
    await beside.close()
    await store.close()
    beside = await open_store(repair=False)
    await beside.close()
    assert is_encrypted(path), "only the service changes how it lies"


@SQLITE_ONLY
@pytest.mark.parametrize("fault", ["missing", "another", "short"])
@pytest.mark.parametrize("privacy", [ENCRYPTED, PrivacyOptions()], ids=["wanted", "not wanted any more"])
async def test_without_the_right_key_nothing_is_set_aside_or_made_anew(
    open_store, add_alert, data, path, fault, privacy
):
    store = await open_store(privacy=ENCRYPTED)
    incident_id = await add_alert(store)
    await store.close()
    key, before = data / KEY_FILE, path.read_bytes()
    kept = key.read_bytes()
    if fault == "missing":
        key.unlink()
    else:
        key.write_bytes(b"k" * (32 if fault == "another" else 31))
    for mark in (True, False):
        if not mark:
            (data / MARK).unlink()
        with pytest.raises(StoreError) as caught:
            await open_store(privacy=privacy)
        assert str(key) in str(caught.value)
        assert "malformed" not in str(caught.value)
        assert kept.hex() not in str(caught.value)
        assert path.read_bytes() == before
        assert not list(data.glob("*malformed*"))
        assert key.exists() is (fault != "missing"), "no new key is made where something was sealed"
    key.write_bytes(kept)
    store = await open_store(privacy=ENCRYPTED)
    assert (await store.incident(incident_id)).camera == "yard"


@SQLITE_ONLY
async def test_a_malformed_one_is_set_aside_as_any_other(open_store, add_alert, data, path):
    store = await open_store(privacy=ENCRYPTED)
    incident_id = await add_alert(store)
    await store.close()
    content = bytearray(path.read_bytes())
    content[200:4000] = b"\x17" * 3800
    path.write_bytes(content)
    store = await open_store(privacy=ENCRYPTED)
    assert (await store.incident(incident_id)).camera == "yard", "rebuilt from the records beside the pictures"
    assert is_encrypted(path)
    assert is_encrypted(next(data.glob("crime_detect.db.malformed-*")))


@SQLITE_ONLY
async def test_the_copy_before_a_migration_is_encrypted_too(open_store, add_alert, data, later_version):
    store = await open_store(privacy=ENCRYPTED)
    await add_alert(store)
    await store.close()
    later_version()
    await open_store(privacy=ENCRYPTED)
    (copy,) = data.glob("crime_detect.db.before-*")
    assert is_encrypted(copy)
    with closing(connect(copy, MediaKey(data), 1000)) as connection:
        assert connection.execute("SELECT count(*) FROM incidents").fetchone() == (1,)


@SQLITE_ONLY
async def test_the_key_is_in_no_log_and_no_error(open_store, add_alert, data, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        store = await open_store(privacy=ENCRYPTED)
        await add_alert(store)
    finally:
        for name in ("sqlalchemy.engine", "sqlalchemy.pool"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    raw = (data / KEY_FILE).read_bytes()
    told = caplog.text + repr(store._database.__dict__) + repr(store._database.backend.__dict__)
    salt = (data / "crime_detect.db").read_bytes()[:16]
    for secret in (raw.hex(), MediaKey(data).database_key(salt)):
        assert secret not in told.lower()
    assert "BEGIN IMMEDIATE" in caplog.text


@SQLITE_ONLY
async def test_a_database_that_somebody_else_has_open_stays_as_it_is(open_store, add_alert, path):
    store = await open_store()
    await add_alert(store)
    await store.close()
    # Another process: the locks of SQLite and SQLCipher do not keep each other out of one.
    with read_beside(path) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreError, match=r"another program|locked"):
            convert(path, _key(path.parent), 200, encrypt=True)
        other.communicate(b"done", timeout=60)
    assert not is_encrypted(path)
    assert not list(path.parent.glob(f"*{CONVERTING}*"))
    convert(path, _key(path.parent), 200, encrypt=True)
    assert is_encrypted(path)


@SQLITE_ONLY
@pytest.mark.parametrize("encrypt", [True, False])
async def test_killed_at_any_moment_of_a_conversion_one_database_is_there_whole(
    open_store, make_alert, data, path, tmp_path, encrypt
):
    store = await open_store(privacy=PrivacyOptions(encrypt_database=not encrypt))
    await store.write(make_alert(), None)
    incident_id = make_alert().incident_id
    await store.close()
    _key(data)
    out = tmp_path / "killed"
    what = "encrypt" if encrypt else "decrypt"
    command = [sys.executable, str(CONVERTER), str(data), str(out), what]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=120)
    steps = sorted(out.iterdir(), key=lambda one: int(one.name))
    states = [is_encrypted(one / "crime_detect.db") for one in steps]
    assert states == sorted(states, reverse=not encrypt), "it changes once"
    assert {*states} == {True, False}
    assert len(steps) > 15
    for step in steps:
        store = await open_store(step, privacy=PrivacyOptions(encrypt_database=encrypt))
        assert (await store.incident(incident_id)).camera == "yard", f"killed at step {step.name}"
        await store.close()
        names = {one.name for one in step.iterdir() if one.name.startswith("crime_detect")}
        assert names == {"crime_detect.db"}
        assert is_encrypted(step / "crime_detect.db") is encrypt


def read_beside(path: Path) -> subprocess.Popen[bytes]:
    """A program that says `open` once it has read something, and stays until it is told to go."""
    command = [sys.executable, "-c", READER, str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _key(data: Path) -> MediaKey:
    key = MediaKey(data)
    key.keep(lambda: None)
    return key
