"""Owns the tests of media that lie sealed: the whole store with them, and what is read however it was written."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import ChangeType
from crime_detect_engine.store.evidence.verify import verify_package
from crime_detect_engine.store.media import MediaFolder
from crime_detect_engine.store.media_key import KEY_FILE, MARK, MediaKey
from crime_detect_engine.store.mp4 import browser_playable
from crime_detect_engine.store.pictures import encode_jpeg, thumbnail
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.sealing import SealError
from crime_detect_engine.store.stored_file import bound_name

SEALED, CLEAR = PrivacyOptions(encrypt_media=True), PrivacyOptions()
SQLITE_ONLY = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PERSON = Actor("ines", "investigator")
PICTURES = [(step * 0.2, np.full((48, 64, 3), step * 10, np.uint8)) for step in range(10)]
JPEG = encode_jpeg(PICTURES[3][1])
IN_CLEAR = (JPEG[:12], b"ftyp", b"yard", b"incident_id", b"moov")
KILLED = """
import os, signal, sys
from pathlib import Path
from crime_detect_engine.store.media import MediaFolder
from crime_detect_engine.store.media_key import MediaKey
data, step = Path(sys.argv[1]), int(sys.argv[2])
seen = 0
def hear(event, arguments):
    global seen
    if event in ("open", "os.rename", "os.remove") and "media" in str(arguments[0]) and sys._getframe(1):
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)
folder = MediaFolder(data / "media", 0, MediaKey(data), seal=True)
sys.addaudithook(hear)
folder.write("yard/2026-11-21/030000_x_01ARZ3NDEKTSV4RRFFQ69G5FAV.jpg", b"in clear " * 30000)
"""


def files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file() and not one.name.startswith("."))


async def write_whole(store, make_alert) -> str:
    """An incident with picture and clip."""
    await store.write(make_alert(), JPEG)
    incident_id = make_alert().incident_id
    clip = await store.clips.encode(incident_id, PICTURES)
    await store.write(make_alert(ChangeType.END), None, clip=clip)
    return incident_id


async def test_nothing_of_it_lies_in_clear_and_everything_is_read(open_store, make_alert, tmp_path):
    store = await open_store(privacy=SEALED)
    incident = await store.incident(await write_whole(store, make_alert))
    media = files(tmp_path / "data" / "media")
    assert {one.suffix for one in media} == {".jpg", ".mp4", ".json"}
    for path in media:
        assert not [word for word in IN_CLEAR if word in path.read_bytes()], path
    picture, clip = await store.media(incident, "snapshot"), await store.media(incident, "clip")
    assert picture.read() == JPEG
    assert picture.size == len(JPEG)
    assert thumbnail(picture.read()) is not None
    assert await store.outbox.snapshot_jpeg(incident.incident_id) == JPEG
    with clip.open() as file, av.open(file) as container:
        assert len(list(container.decode(video=0))) == len(PICTURES)
    content = clip.read()
    assert content.index(b"moov") < content.index(b"mdat"), "a browser must be able to start before all is loaded"
    assert (await store.evidence.check(files=True)).fault is None
    assert sum((await store.storage())["media"]["yard"].values()) == sum(one.stat().st_size for one in media)


async def test_a_package_holds_the_content_and_does_not_lie_in_clear_meanwhile(open_store, make_alert, tmp_path):
    store = await open_store(privacy=SEALED)
    made = await store.evidence.make(await write_whole(store, make_alert), PERSON)
    assert JPEG[:12] not in made.path.read_bytes()
    out = tmp_path / "package.zip"
    with made.content.open() as source, out.open("wb") as target:
        shutil.copyfileobj(source, target)
    assert out.stat().st_size == made.size_bytes
    assert set(verify_package(out).missing) == {"camera.json"}
    with zipfile.ZipFile(out) as package:
        assert package.read("snapshot.jpg") == JPEG


async def test_rebuilt_from_what_lies_sealed_when_the_database_is_lost(open_store, make_alert, lose_database):
    store = await open_store(privacy=SEALED)
    incident_id = await write_whole(store, make_alert)
    await store.close()
    lose_database()
    store = await open_store(privacy=SEALED)
    incident = await store.incident(incident_id)
    assert (await store.media(incident, "snapshot")).read() == JPEG
    assert incident.clip is not None


@pytest.mark.parametrize("first", [SEALED, CLEAR], ids=["switched off", "switched on"])
async def test_older_files_stay_readable_when_it_is_switched(open_store, make_alert, clock, first):
    store = await open_store(privacy=first)
    old = await write_whole(store, make_alert)
    await store.close()
    clock.advance(60)
    store = await open_store(privacy=CLEAR if first is SEALED else SEALED)
    new = make_alert(started_at=clock.now())
    await store.write(new, JPEG)
    for incident_id in (old, new.incident_id):
        assert (await store.media(await store.incident(incident_id), "snapshot")).read() == JPEG
    await store.hold(old, True, PERSON)  # rewrites its record in the other way
    assert (await store.evidence.check(files=True)).fault is None


async def test_h265_is_transcoded_from_sealed_to_sealed(open_store, make_alert, tmp_path):
    store = await open_store(privacy=SEALED)
    await store.write(make_alert(), JPEG)
    incident_id, buffer = make_alert().incident_id, io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("libx265", rate=10, options={"x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _, image in PICTURES:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode(None))
    clip = await store.clips._make(incident_id, "clip", lambda target: target.write(buffer.getvalue()))
    incident = (await store.write(make_alert(ChangeType.END), None, clip=clip)).after
    shown = await store.media(incident, "clip")
    assert shown.path.name.endswith(".browser.mp4")
    assert browser_playable(shown.open())
    assert not [one for one in files(tmp_path / "data" / "media") if b"ftyp" in one.read_bytes()]


@SQLITE_ONLY
@pytest.mark.parametrize("fault", ["missing", "another", "empty"])
@pytest.mark.parametrize("marked", [True, False])
async def test_a_lost_key_is_named_and_nothing_is_made_or_changed(open_store, make_alert, tmp_path, fault, marked):
    store = await open_store(privacy=SEALED)
    incident_id = await write_whole(store, make_alert)
    await store.close()
    key, mark = tmp_path / "data" / KEY_FILE, tmp_path / "data" / MARK
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o077 == 0
    kept = key.read_bytes()
    key.unlink() if fault == "missing" else key.write_bytes(b"" if fault == "empty" else b"k" * 32)
    if not marked:
        mark.unlink()
    before = {one: one.read_bytes() for one in files(tmp_path / "data" / "media")}
    with pytest.raises(StoreError) as caught:
        await open_store(privacy=SEALED)
    assert str(key) in str(caught.value)
    assert kept.hex() not in str(caught.value)
    assert key.exists() is (fault != "missing")
    assert mark.exists() is marked
    # Not wanted any more: the service starts, and says so of each file that it cannot show.
    store = await open_store(privacy=CLEAR)
    picture = await store.media(await store.incident(incident_id), "snapshot")
    with pytest.raises(StoreError, match="key"):
        picture.read()
    assert {one: one.read_bytes() for one in before} == before
    await store.close()
    key.write_bytes(kept)
    store = await open_store(privacy=SEALED)
    assert (await store.media(await store.incident(incident_id), "snapshot")).read() == JPEG


@SQLITE_ONLY
async def test_the_key_may_lie_elsewhere(open_store, make_alert, tmp_path):
    elsewhere = PrivacyOptions(encrypt_media=True, key_file=tmp_path / "stick" / "media.key")
    store = await open_store(privacy=elsewhere)
    await write_whole(store, make_alert)
    assert (tmp_path / "stick" / "media.key").stat().st_size == 32
    assert not (tmp_path / "data" / KEY_FILE).exists()


@SQLITE_ONLY
async def test_files_swapped_between_incidents_or_kinds_do_not_open(open_store, make_alert, clock):
    store = await open_store(privacy=SEALED)
    one = await store.incident(await write_whole(store, make_alert))
    await store.write(make_alert(started_at=clock.now(), camera="gate"), JPEG)
    other = await store.incident(make_alert(started_at=clock.now(), camera="gate").incident_id)
    first, second = await store.media(one, "snapshot"), await store.media(other, "snapshot")
    shutil.copy(second.path, first.path)
    with pytest.raises(SealError, match="another file than its name says"):
        first.read()


def test_a_file_keeps_its_binding_when_an_archive_moves_it():
    stem = "yard/2026-11-21/030000_fighting_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    assert bound_name(f"{stem}.jpg") == "01ARZ3NDEKTSV4RRFFQ69G5FAV.jpg"
    assert bound_name(Path("/archive/2026") / f"{stem}.jpg") == bound_name(f"{stem}.jpg")
    assert bound_name(f"{stem}.original.jpg") != bound_name(f"{stem}.jpg")


def test_a_sealed_file_is_read_where_an_archive_put_it(tmp_path):
    MediaKey(tmp_path).keep(lambda: None)
    (tmp_path / "media").mkdir()
    folder = MediaFolder(tmp_path / "media", 0, MediaKey(tmp_path), seal=True)
    relative, moved = "yard/2026-11-21/030000_x_01ARZ3NDEKTSV4RRFFQ69G5FAV.jpg", tmp_path / "archive" / "2026"
    folder.write(relative, JPEG)
    moved.mkdir(parents=True)
    folder.path(relative).rename(moved / Path(relative).name)
    folder.archived = lambda one: moved / Path(one).name
    assert folder.read(relative) == JPEG
    assert folder.file(relative).size == len(JPEG)


def test_killed_at_any_step_of_sealing_nothing_is_left_in_clear(tmp_path):
    (tmp_path / "media").mkdir()
    MediaKey(tmp_path).keep(lambda: None)
    folder, step, code = MediaFolder(tmp_path / "media", 0, MediaKey(tmp_path), seal=True), 0, -1
    target = "yard/2026-11-21/030000_x_01ARZ3NDEKTSV4RRFFQ69G5FAV.jpg"
    while code != 0:
        step += 1
        code = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(step)], check=False).returncode
        assert code in (0, -signal.SIGKILL)
        assert not [one for one in (tmp_path / "media").rglob("*") if one.is_file() and b"in clear" in one.read_bytes()]
        folder.remove_temporaries()
        assert files(tmp_path / "media") == ([folder.path(target)] if folder.exists(target) else [])
    assert step > 3
    assert folder.read(target) == b"in clear " * 30000
    assert [one.name for one in folder.path(target).parent.iterdir()] == [Path(target).name]
