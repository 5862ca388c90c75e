"""Owns the tests of evidence packages as the store makes them, and of what is found when one was tampered with."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import timedelta
from functools import partial
from pathlib import Path

import crime_detect_engine
import pytest
from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import ChangeType, Verdict
from crime_detect_engine.store.evidence.container import ContainerError
from crime_detect_engine.store.evidence.keys import PublicKey
from crime_detect_engine.store.evidence.verify import verify_package
from crime_detect_engine.store.retention import RetentionOptions

PERSON = Actor("anna", "investigator")
CIRCUMSTANCES = {"camera": {"id": "yard", "rules": {"threshold": 0.8}}, "model": {"name": "m", "sha256": {"x": "00"}}}


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
async def incident_id(store, add_incident, make_alert):
    """An incident of somebody looked at, judged and held, with a picture and a clip."""
    store.evidence.follow(lambda _camera: CIRCUMSTANCES)
    found = await add_incident()
    incident = await store.incident(found)
    clip = incident.snapshot.replace(".jpg", ".mp4")
    store._journal.folder.write(clip, b"clip" * 100)
    await store.attach_clip(found, clip)
    await store.media(incident, "snapshot", "bert")
    await store.set_verdict(found, Verdict.CONFIRMED, PERSON)
    return found


async def test_a_package_holds_everything_that_is_known(store, incident_id):
    made = await store.evidence.make(incident_id, PERSON)
    content = parts(made.path)
    assert list(content) == [
        "README.txt", "snapshot.jpg", "clip.mp4", "report.html", "incident.json", "scores.json", "scores.csv",
        "camera.json", "custody.json", "chain.json", "manifest.json", "manifest.sig", "public-key.pem",
    ]  # fmt: skip
    assert content["snapshot.jpg"] == b"jpeg"
    assert content["clip.mp4"] == b"clip" * 100
    assert json.loads(content["camera.json"]) == CIRCUMSTANCES
    assert json.loads(content["incident.json"])["verdict"] == "confirmed"
    custody = json.loads(content["custody.json"])
    assert [(one["actor"], one["action"]) for one in custody["audit"]] == [("anna", "verdict"), ("anna", "evidence")]
    assert ("bert", "access") in [(one["actor"], one["action"]) for one in custody["files"]]
    assert content["scores.csv"].decode().splitlines()[0] == "at,fighting,normal"
    assert b"data:image/jpeg;base64," in content["report.html"]
    assert b"<polyline" in content["report.html"]
    checked = verify_package(made.path, (await store.evidence.key()).public, made.signature)
    assert (checked.incident_id, checked.trusted, checked.missing, checked.notes) == (incident_id, True, {}, [])
    assert (await store.evidence.check(files=True)).fault is None


async def test_the_making_is_audited_and_its_signature_can_be_had_again(store, incident_id):
    made = await store.evidence.make(incident_id, PERSON)
    assert [one.action for one in await store.audit.list(2)] == ["evidence made", "evidence"]
    assert await store.evidence.signature(incident_id, made.sha256) == made.signature
    with pytest.raises(NotFoundError):
        await store.evidence.signature(incident_id, "0" * 64)
    with pytest.raises(NotFoundError):
        await store.evidence.make("01ARZ3NDEKTSV4RRFFQ69G5FAV", PERSON)


async def test_a_package_stands_alone(store, incident_id, tmp_path):
    made = await store.evidence.make(incident_id, PERSON)
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(made.path, alone / "p.zip")
    (alone / "key.pem").write_bytes((await store.evidence.key()).public.pem)
    (alone / "p.zip.sig").write_bytes(made.signature)
    command = [sys.executable, "-m", "crime_detect_engine.cli", "evidence", "verify", "p.zip"]
    code = str(Path(crime_detect_engine.__file__).parents[1])
    environment = {"PATH": os.defpath, "HOME": str(alone), "PYTHONPATH": code}
    run = partial(subprocess.run, cwd=alone, env=environment, capture_output=True, text=True, check=False)
    good = await asyncio.to_thread(run, [*command, "--public-key", "key.pem", "--signature", "p.zip.sig"])
    assert good.returncode == 0, good.stderr
    assert good.stdout.startswith(f"GOOD: incident {incident_id}")
    data = bytearray((alone / "p.zip").read_bytes())
    data[len(data) // 2] ^= 1
    (alone / "p.zip").write_bytes(data)
    bad = await asyncio.to_thread(run, command)
    assert (bad.returncode, bad.stdout[:5]) == (3, "BAD: ")


async def test_an_incident_that_goes_on_is_told_as_it_is(store, make_alert):
    alert = make_alert()
    await store.write(alert, None)
    made = await store.evidence.make(alert.incident_id, PERSON)
    checked = verify_package(made.path)
    assert set(checked.missing) == {"snapshot.jpg", "clip.mp4", "camera.json"}
    assert "still going on" in checked.missing["clip.mp4"]
    assert len(checked.notes) == 1
    await store.write(make_alert(ChangeType.END), b"jpeg")
    checked = verify_package((await store.evidence.make(alert.incident_id, PERSON)).path)
    assert set(checked.missing) == {"clip.mp4", "camera.json"}


async def test_what_retention_took_is_named_with_the_reason(store, incident_id, clock):
    store.retention.options = RetentionOptions(snapshots_s=3600.0)
    clock.advance(2 * 86400)
    await store.retention.clean()
    checked = verify_package((await store.evidence.make(incident_id, PERSON)).path)
    assert "by retention: snapshot older than" in checked.missing["snapshot.jpg"]


async def test_a_file_that_is_not_on_the_disk_is_named(store, incident_id):
    (await store.media(await store.incident(incident_id), "snapshot")).path.unlink()
    checked = verify_package((await store.evidence.make(incident_id, PERSON)).path)
    assert "not on the disk" in checked.missing["snapshot.jpg"]


async def test_a_clip_exchanged_before_the_export_is_found(store, incident_id):
    folder = store._journal.folder
    folder.write((await store.incident(incident_id)).clip, b"another clip")
    made = await store.evidence.make(incident_id, PERSON)
    with pytest.raises(ContainerError, match=r"clip.mp4 is another file than the one that link \d+"):
        verify_package(made.path)


async def test_a_record_edited_before_the_export_is_found(store, incident_id):
    await store._database.write(lambda c: c.exec_driver_sql("UPDATE incidents SET label = 'robbery'"))
    made = await store.evidence.make(incident_id, PERSON)
    with pytest.raises(ContainerError, match=r"incident.json differs from link \d+"):
        verify_package(made.path)


async def test_erasing_others_leaves_a_package_that_verifies(store, incident_id, add_incident):
    await store.delete(await add_incident(timedelta(hours=1)), Actor("boss", "admin"))
    made = await store.evidence.make(incident_id, PERSON)
    assert verify_package(made.path).incident_id == incident_id


async def test_texts_of_people_are_escaped_in_the_report(store, incident_id):
    await store.media(await store.incident(incident_id), "snapshot", "<script>alert(1)</script>")
    page = parts((await store.evidence.make(incident_id, PERSON)).path)["report.html"].decode()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_nothing_is_left_of_a_package_that_could_not_be_made(store, incident_id, tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crime_detect_engine.store.exports.build_package", full)
    with pytest.raises(StoreError, match="No space left"):
        await store.evidence.make(incident_id, PERSON)
    assert list((tmp_path / "data" / "exports").iterdir()) == []


async def test_what_a_crash_left_is_removed_and_the_key_stays(store, open_store, incident_id, tmp_path):
    made = await store.evidence.make(incident_id, PERSON)
    key_id = await store.evidence.open()
    assert not made.path.exists()
    await store.close()
    assert await (await open_store()).evidence.open() == key_id
    key = tmp_path / "data" / "keys" / "evidence.pem"
    assert (key.stat().st_mode & 0o777, key.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_the_anchor_is_the_head_signed(store, incident_id):
    anchor = await store.evidence.anchor()
    head = (await store.evidence.check()).head
    assert (anchor.seq, anchor.hash) == (head.seq, head.hash)
    public = PublicKey.read((await store.evidence.key()).public.pem)
    assert public.verifies(anchor.signature, anchor.text.encode())
    assert f"\n{head.seq}\n{head.at}\n{head.hash}\n" in anchor.text
