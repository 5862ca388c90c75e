"""Owns the tests of clips as parts of incidents: written aside, whole or absent, playable on demand."""

from __future__ import annotations

import errno
import os
from datetime import timedelta

import av
import numpy as np
import pytest
from crime_detect_engine.domain.types import ChangeType
from crime_detect_engine.store import mp4

PICTURES = [(step * 0.2, np.full((48, 64, 3), step * 10, np.uint8)) for step in range(10)]


async def test_a_clip_comes_with_the_end_of_its_incident(store, make_alert, tmp_path):
    new = await store.write(make_alert(), b"x")
    clip = await store.clips.encode(new.after.incident_id, PICTURES)
    assert clip == new.after.snapshot.replace(".jpg", ".mp4")
    end = await store.write(make_alert(ChangeType.END), None, clip=clip)
    assert end.after.clip == clip
    path = (await store.media(end.after, "clip", "anna")).path
    assert path == tmp_path / "data" / "media" / clip
    accesses = [(one.actor, one.path) for one in await store.media_log(new.after.incident_id) if one.action == "access"]
    assert accesses == [("anna", clip)]
    figures = await store.storage()
    assert figures["media"]["yard"]["clip"] == path.stat().st_size


async def test_a_late_clip_is_an_update(store, add_incident):
    incident_id = await add_incident()
    clip = await store.clips.encode(incident_id, PICTURES)
    event = await store.attach_clip(incident_id, clip)
    assert (event.type, event.before.clip, event.after.clip) == (ChangeType.UPDATE, None, clip)


async def test_a_clip_that_was_done_when_the_engine_died_is_found_again(open_store, make_alert):
    store = await open_store()
    new = await store.write(make_alert(), None)
    clip = await store.clips.encode(new.after.incident_id, PICTURES)
    await store.close()
    store = await open_store()
    await store.recover()
    assert (await store.incident(new.after.incident_id)).clip == clip


async def test_a_clip_that_cannot_be_written_leaves_nothing_and_says_why(store, make_alert, tmp_path, monkeypatch):
    new = await store.write(make_alert(), None)

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        assert await store.clips.encode(new.after.incident_id, PICTURES) is None
    assert "No space left" in store.storage_error
    assert not list((tmp_path / "data" / "media").rglob("*.mp4*"))
    assert await store.clips.encode(new.after.incident_id, PICTURES) is not None
    assert store.storage_error is None


async def test_a_clip_larger_than_the_disk_leaves_nothing(small_disk, open_store, make_alert):
    store = await open_store(small_disk / "data")
    new = await store.write(make_alert(), b"x")
    noise = np.random.default_rng(1)
    pictures = ((step * 0.1, noise.integers(0, 255, (480, 640, 3), np.uint8)) for step in range(100))
    assert await store.clips.encode(new.after.incident_id, pictures) is None
    assert store.storage_error is not None
    assert not [path for path in small_disk.rglob("*") if ".mp4" in path.name]
    end = await store.write(make_alert(ChangeType.END), None)
    assert end.after.clip is None


async def test_no_clip_for_what_was_deleted(store, add_incident, tmp_path):
    assert await store.clips.encode("0" * 26, PICTURES) is None
    assert not list((tmp_path / "data" / "media").rglob("*.mp4"))


async def test_h265_is_transcoded_once_and_goes_with_its_incident(store, add_incident, tmp_path, monkeypatch):
    def write_h265(_pictures, path, _stopped):
        with av.open(str(path), "w", format="mp4") as output:
            stream = output.add_stream("libx265", rate=10, options={"x265-params": "log-level=none"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for _, image in PICTURES:
                output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            output.mux(stream.encode(None))

    incident_id = await add_incident(age=timedelta(days=40))
    with monkeypatch.context() as patched:
        patched.setattr(mp4, "encode", write_h265)
        clip = await store.clips.encode(incident_id, PICTURES)
    incident = (await store.attach_clip(incident_id, clip)).after
    first = (await store.media(incident, "clip")).path
    assert first.name.endswith(".browser.mp4")
    written = first.stat().st_mtime_ns
    again = (await store.media(incident, "clip")).path
    assert (again, again.stat().st_mtime_ns) == (first, written)
    assert mp4.browser_playable(first)
    await store.retention.apply()
    assert [path for path in (tmp_path / "data" / "media").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kind", ["snapshot", "clip"])
async def test_media_that_are_gone_are_none(store, add_incident, kind, tmp_path):
    incident = await store.incident(await add_incident())
    for path in list((tmp_path / "data" / "media").rglob("*.jpg")):
        path.unlink()
    assert await store.media(incident, kind) is None
