"""Owns the tests of untouched originals: sealed whatever else is, each look written down, gone with their record."""

from __future__ import annotations

import asyncio
import shutil
import threading

import numpy as np
import pytest
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import ChangeType
from crime_detect_engine.store.evidence.verify import verify_package
from crime_detect_engine.store.media import MediaFolder
from crime_detect_engine.store.privacy import PrivacyOptions
from crime_detect_engine.store.retention import DAY_S, RetentionOptions
from crime_detect_engine.store.sealing import is_sealed
from crime_detect_engine.store.stored_file import StoredFile

KEPT = PrivacyOptions(blur_faces=True, encrypt_originals=True)
PICTURES = [(step * 0.2, np.full((48, 64, 3), step * 10, np.uint8)) for step in range(10)]
PERSON = Actor("ines", "investigator")


@pytest.fixture
async def kept(open_store, make_alert):
    """A store with one incident that has both originals."""
    store = await open_store(privacy=KEPT)
    await store.write(make_alert(), b"blurred", original=b"\xff\xd8 the face")
    incident_id = make_alert().incident_id
    clip = await store.clips.encode(incident_id, PICTURES)
    await store.clips.keep_original(incident_id, None, PICTURES)
    await store.write(make_alert(ChangeType.END), None, clip=clip)
    return store


async def test_they_lie_sealed_beside_what_everybody_sees(kept, make_alert, tmp_path):
    incident = await kept.incident(make_alert().incident_id)
    assert await kept.originals.kinds(incident.incident_id) == {"snapshot", "clip"}
    picture = await kept.originals.open(incident, "snapshot", PERSON)
    assert picture.read() == b"\xff\xd8 the face"
    clip = await kept.originals.open(incident, "clip", PERSON)
    assert b"ftyp" in clip.read()[:16]
    for original in (picture, clip):
        assert is_sealed(original.path.read_bytes()[:64])
        assert original.clear_path is None
    assert (await kept.media(incident, "snapshot")).read() == b"blurred", "what is sent and shown is the blurred one"
    assert not [one for one in (tmp_path / "data").rglob("*") if one.is_file() and b"the face" in one.read_bytes()]
    usage = (await kept.storage())["media"]["yard"]
    assert usage["original_picture"] == picture.path.stat().st_size


@pytest.mark.parametrize("asked", ["original", "package"])
async def test_a_disk_that_does_not_answer_holds_up_who_asked_and_no_alert(kept, make_alert, monkeypatch, until, asked):
    incident = await kept.incident(make_alert().incident_id)
    reached, answers = threading.Event(), threading.Event()

    def hang(owner, name):
        real = getattr(owner, name)

        def hanging(*arguments):
            reached.set()
            answers.wait(30)
            return real(*arguments)

        monkeypatch.setattr(owner, name, hanging)

    hang(MediaFolder, "exists")
    hang(StoredFile, "open")
    asking = asyncio.create_task(
        kept.originals.open(incident, "snapshot", PERSON)
        if asked == "original"
        else kept.evidence.make(incident.incident_id, PERSON)
    )
    try:
        await until(reached.is_set)
        async with asyncio.timeout(60):
            await kept.write(make_alert(label="robbery", incident_id="01ARZ3NDEKTSV4RRFFQ69G5FAV"), None)
        assert not asking.done()
    finally:
        answers.set()
    assert await asking is not None


async def test_each_look_and_each_refusal_is_written_down(kept, make_alert):
    incident = await kept.incident(make_alert().incident_id)
    await kept.originals.open(incident, "snapshot", PERSON)
    await kept.originals.refuse(incident.incident_id, "clip", Actor("otto", "operator"))
    await kept.originals.refuse("01ARZ3NDEKTSV4RRFFQ69G5FAV", "clip", Actor("otto", "operator"))
    refused, looked = await kept.audit.list(2)
    assert (looked.actor, looked.action, looked.target) == ("ines", "original", incident.incident_id)
    assert looked.details == {"kind": "snapshot", "found": True}
    assert (refused.actor, refused.role, refused.action) == ("otto", "operator", "original refused")
    assert len(await kept.audit.list()) == 2, "of an incident that is none nothing is written"
    accesses = [one for one in await kept.media_log(incident.incident_id) if one.action == "access"]
    assert [(one.actor, one.path.endswith(".original.jpg")) for one in accesses] == [("ines", True)]


async def test_the_chain_has_their_digests_and_finds_one_that_was_exchanged(kept, make_alert):
    incident = await kept.incident(make_alert().incident_id)
    assert (await kept.evidence.check(files=True)).fault is None
    picture = await kept.originals.open(incident, "snapshot", PERSON)
    sealed = bytearray(picture.path.read_bytes())
    sealed[-1] ^= 1
    picture.path.write_bytes(sealed)
    assert "original_picture" in str((await kept.evidence.check(files=True)).fault)


async def test_one_that_comes_after_the_end_is_in_the_chain_too(open_store, make_alert):
    store = await open_store(privacy=KEPT)
    incident_id = (await store.write(make_alert(), b"blurred")).after.incident_id
    await store.write(make_alert(ChangeType.END), None)
    await store.clips.keep_original(incident_id, None, PICTURES)
    clip = await store.originals.open(await store.incident(incident_id), "clip", PERSON)
    assert (await store.evidence.check(files=True)).fault is None
    clip.path.unlink()
    assert "original_clip" in str((await store.evidence.check(files=True)).fault)


@pytest.mark.parametrize("other", [{}, {"clips_s": DAY_S}])
async def test_their_own_period_takes_them_and_is_no_fault_of_the_evidence(kept, make_alert, clock, other):
    """Their files are gone because they were to go: not to be told as somebody's hand."""
    incident_id = make_alert().incident_id
    clock.advance(2 * DAY_S)
    kept.retention.options = RetentionOptions(originals_s=DAY_S, **other)
    await kept.retention.clean()
    assert await kept.originals.kinds(incident_id) == frozenset()
    assert (await kept.media(await kept.incident(incident_id), "snapshot")).read() == b"blurred"
    assert (await kept.evidence.check(files=True)).fault is None
    made = await kept.evidence.make(incident_id, PERSON)
    assert made is not None


async def test_they_go_with_their_record(kept, make_alert, tmp_path):
    incident = await kept.incident(make_alert().incident_id)
    await kept.delete(incident.incident_id, Actor("ada", "admin"))
    assert await kept.originals.open(incident, "snapshot", PERSON) is None
    assert await kept.originals.kinds(incident.incident_id) == frozenset()
    assert not [one for one in (tmp_path / "data" / "media").rglob("*") if one.is_file()]
    assert (await kept.evidence.check(files=True)).fault is None


async def test_they_are_found_again_when_the_database_is_lost(kept, make_alert, open_store, lose_database):
    await kept.close()
    lose_database()
    store = await open_store(privacy=KEPT)
    incident_id = make_alert().incident_id
    assert await store.originals.kinds(incident_id) == {"snapshot", "clip"}
    assert await store.originals.open(await store.incident(incident_id), "snapshot", PERSON) is not None


async def test_a_package_has_them_only_when_asked_and_never_in_clear_on_the_disk(kept, make_alert, tmp_path):
    incident_id = make_alert().incident_id
    for wanted, parts in ((False, set()), (True, {"original.jpg", "original.mp4"})):
        made = await kept.evidence.make(incident_id, PERSON, originals=wanted)
        assert (b"the face" in made.path.read_bytes()) is False
        out = tmp_path / f"{wanted}.zip"
        with made.content.open() as source, out.open("wb") as target:
            shutil.copyfileobj(source, target)
        assert {one for one in verify_package(out).parts if one.startswith("original")} == parts
    details = [one.details for one in await kept.audit.list() if one.action == "evidence"]
    assert details == [{"originals": True}, {}]
    told = [one.reason for one in await kept.media_log(incident_id) if one.action == "access"]
    assert told == ["in an evidence package"] * 2


async def test_an_original_that_does_not_open_is_named_and_the_rest_is_handed_out(kept, make_alert, tmp_path):
    picture = await kept.originals.open(await kept.incident(make_alert().incident_id), "snapshot", PERSON)
    picture.path.write_bytes(picture.path.read_bytes()[:-1])
    made = await kept.evidence.make(make_alert().incident_id, PERSON, originals=True)
    out = tmp_path / "package.zip"
    with made.content.open() as source, out.open("wb") as target:
        shutil.copyfileobj(source, target)
    assert "sealed" in verify_package(out).missing["original.jpg"]
