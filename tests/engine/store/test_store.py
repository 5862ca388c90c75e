"""Owns the tests of the store as the pipeline, the outbox and people use it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery, ManualReport
from crime_detect_engine.domain.types import (
    CameraChanged,
    ChangeType,
    Event,
    Grounds,
    IncidentChanged,
    IncidentSource,
    Location,
    ModelRef,
    Severity,
    Verdict,
)
from crime_detect_engine.store.incidents import IncidentContext
from crime_detect_engine.store.store import Store

PERSON = Actor("anna", "operator")
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def all_events(store: Store) -> list[Event]:
    return list(await store.events_since(0, 10_000))


async def check_consistent(store: Store) -> None:
    """Mission row 82: every published incident has its events, and every event an incident or its deletion."""
    told: dict[str, list[IncidentChanged]] = {}
    for event in await all_events(store):
        if isinstance(event, IncidentChanged):
            known = event.after or event.before
            told.setdefault(known.incident_id, []).append(event)
    kept = {one.incident_id: one for one in (await store.incidents(IncidentQuery(limit=500))).items}
    for incident_id, events in told.items():
        assert events[0].type is ChangeType.NEW
        assert events[0].before is None
        for earlier, later in pairwise(events):
            assert later.before == earlier.after
        if events[-1].type is ChangeType.DELETED:
            assert incident_id not in kept
        else:
            assert events[-1].after == kept[incident_id]
    assert {key for key, one in kept.items() if one.severity >= Severity.ALERT} <= set(told)


async def test_an_alert_is_one_incident_with_scores_event_deliveries_and_files(store, make_alert, clock, tmp_path):
    context = IncidentContext(Location(52.1, 4.3), Grounds(model=ModelRef("default", "1.0")))
    new = await store.write(make_alert(), b"first", context)
    clock.advance(2)
    update = await store.write(make_alert(ChangeType.UPDATE, 0.95), b"better", context)
    clock.advance(5)
    end = await store.write(make_alert(ChangeType.END, 0.95, scores=()), None, context)

    assert [new.type, update.type, end.type] == ["new", "update", "end"]
    assert [new.seq, update.seq, end.seq] == [1, 2, 3]
    assert new.before is None
    assert (update.before, end.before) == (new.after, update.after)
    incident = await store.incident(new.after.incident_id)
    assert incident == end.after
    assert incident.ended_at == clock.now()
    assert (incident.confidence, incident.location, incident.model) == (0.95, context.location, context.grounds.model)
    assert incident.scores_summary == {"count": 2, "max": 0.95, "mean": pytest.approx(0.925)}
    assert [one["probabilities"]["fighting"] for one in await store.scores(incident.incident_id)] == [0.9, 0.95]
    assert incident.snapshot == f"yard/2026-11-21/030000_fighting_{incident.incident_id}.jpg"
    assert incident.snapshot_rev == 2
    picture = tmp_path / "data" / "media" / incident.snapshot
    assert picture.read_bytes() == b"better"
    assert json.loads(picture.with_suffix(".json").read_text())["incident"]["ended_at"] is not None
    assert await store.outbox.pending_counts() == {"mqtt": 3, "sms": 3}
    await check_consistent(store)


async def test_a_detection_is_stored_silently_and_is_new_when_it_rises(store, make_alert):
    assert await store.write(make_alert(confidence=0.6, severity=Severity.DETECTION), b"x") is None
    assert await all_events(store) == []
    assert await store.outbox.pending_counts() == {}
    risen = await store.write(make_alert(ChangeType.UPDATE), None)
    assert risen.type is ChangeType.NEW
    assert risen.before is None
    assert risen.after.scores_summary["count"] == 2
    end = await store.write(make_alert(ChangeType.END, 0.4, severity=Severity.DETECTION), None)
    assert (end.type, end.after.severity, end.after.confidence) == (ChangeType.END, Severity.ALERT, 0.9)


async def test_listeners_hear_every_event_in_order_after_it_was_stored(store, make_alert, until):
    heard: list[Event] = []
    unsubscribe = store.subscribe(heard.append)
    new = await store.write(make_alert(), None)
    await store.append_camera_event("yard", {"state": "live"})
    await store.set_verdict(new.after.incident_id, Verdict.CONFIRMED, PERSON)
    await store.append_engine_event({"version": "1"})
    await until(lambda: len(heard) == 4)
    assert heard == await all_events(store)
    assert [event.seq for event in heard] == [1, 2, 3, 4]
    assert isinstance(heard[1], CameraChanged)
    assert heard[1].data == {"state": "live"}
    unsubscribe()
    await store.append_engine_event({})
    assert len(heard) == 4
    assert await store.events_since(3) == (await all_events(store))[3:]


async def test_edits_are_audited_and_told_once(store, add_incident):
    incident_id = await add_incident()
    await store.set_verdict(incident_id, Verdict.FALSE_ALARM, PERSON)
    await store.set_verdict(incident_id, Verdict.FALSE_ALARM, PERSON)
    await store.acknowledge(incident_id, True, PERSON)
    held = await store.hold(incident_id, True, PERSON)
    assert (held.verdict, held.acknowledged, held.hold) == (Verdict.FALSE_ALARM, True, True)
    assert [event.type for event in await all_events(store)] == ["new", "end", "update", "update", "update"]
    lines = [(line.actor, line.action, line.target) for line in await store.audit.list()]
    assert lines == [
        ("anna", "hold", incident_id),
        ("anna", "acknowledge", incident_id),
        ("anna", "verdict", incident_id),
        ("anna", "verdict", incident_id),
    ]
    await check_consistent(store)


async def test_edits_of_a_mere_detection_are_told_to_nobody(store, add_incident):
    incident_id = await add_incident(severity=Severity.DETECTION)
    assert (await store.set_verdict(incident_id, Verdict.CONFIRMED, PERSON)).verdict is Verdict.CONFIRMED
    await store.delete(incident_id, PERSON)
    assert await all_events(store) == []


async def test_deleting_removes_record_scores_and_files_and_says_so(store, add_incident, tmp_path):
    incident_id = await add_incident()
    before = await store.incident(incident_id)
    await store.delete(incident_id, PERSON)
    last = (await all_events(store))[-1]
    assert (last.type, last.before, last.after) == (ChangeType.DELETED, before, None)
    assert [path for path in (tmp_path / "data" / "media").rglob("*") if path.is_file()] == []
    assert await store.outbox.snapshot_jpeg(incident_id) is None
    log = [(line.action, Path(line.path).suffix, line.actor) for line in await store.media_log(incident_id)]
    assert sorted(log) == [
        ("create", ".jpg", "engine"), ("create", ".json", "engine"), ("delete", ".jpg", "anna"),
        ("delete", ".json", "anna"),
    ]  # fmt: skip
    with pytest.raises(NotFoundError):
        await store.scores(incident_id)
    with pytest.raises(NotFoundError):
        await store.delete(incident_id, PERSON)
    await check_consistent(store)


async def test_what_is_on_hold_cannot_be_deleted(store, add_incident):
    incident_id = await add_incident()
    await store.hold(incident_id, True, PERSON)
    with pytest.raises(InvalidInputError, match="on hold"):
        await store.delete(incident_id, PERSON)
    assert (await store.incident(incident_id)).hold


async def test_a_person_reports_an_incident(store, clock):
    report = ManualReport("yard", "vandalism", clock.now() - timedelta(hours=1), None, "paint on the wall")
    incident = await store.report(report, PERSON)
    assert (incident.source, incident.severity, incident.notify) == (IncidentSource.MANUAL, Severity.ALERT, False)
    assert (await store.incident(incident.incident_id)).note == "paint on the wall"
    assert [event.type for event in await all_events(store)] == ["new"]
    with pytest.raises(InvalidInputError):
        await store.report(ManualReport("yard", "theft", clock.now(), clock.now() - timedelta(1), None), PERSON)


async def test_a_start_ends_what_a_crash_left_open(open_store, make_alert, clock):
    store = await open_store()
    await store.write(make_alert(), b"x")
    clock.advance(3)
    await store.write(make_alert(ChangeType.UPDATE, 0.97), b"y")
    hidden = make_alert(label="robbery", severity=Severity.DETECTION)
    await store.write(hidden, None)
    last_seen = clock.now()
    await store.close()

    clock.advance(600)
    store = await open_store(deliveries_for=lambda _event: [("mqtt", "yard")])
    assert await store.recover() == 2
    end = (await all_events(store))[-1]
    assert (end.type, end.after.ended_at, end.at) == (ChangeType.END, last_seen, clock.now())
    assert await store.outbox.pending_counts() == {"mqtt": 1}
    assert (await store.incident(hidden.incident_id)).ended_at == last_seen
    assert await store.recover() == 0
    await check_consistent(store)


async def test_uuid_and_epoch_stay_over_a_restart(open_store):
    store = await open_store()
    uuid, epoch = store.uuid, store.epoch
    await store.close()
    again = await open_store()
    assert (again.uuid, again.epoch) == (uuid, epoch)


# --- faults of the disk ---------------------------------------------------------------------------------------------


def subprocess_mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", options, folder], check=True)


def media_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", refuse)


async def test_a_full_media_disk_costs_the_picture_not_the_record(store, make_alert, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        media_disk_is_full(patched)
        new = await store.write(make_alert(), b"picture")
        assert (new.after.snapshot, new.after.snapshot_rev) == (None, 0)
        assert "No space left" in store.storage_error
    assert [path for path in (tmp_path / "data" / "media").rglob("*") if path.is_file()] == []
    update = await store.write(make_alert(ChangeType.UPDATE, 0.95), b"picture")
    assert update.after.snapshot_rev == 1
    assert store.storage_error is None


@SQLITE
async def test_a_disk_that_fills_up_keeps_what_was_stored_and_recovers(small_disk, open_store, make_alert, clock):
    store = await open_store(small_disk / "data")
    stored = []
    refused = None
    for second in range(400):
        at = clock.now() + timedelta(seconds=second)
        try:
            event = await store.write(make_alert(started_at=at, at=at), os.urandom(30_000))
        except StoreError as error:
            refused = str(error)
            break
        stored.append(event.after.incident_id)
    assert refused is not None
    assert "no space" in refused
    assert store.storage_error is not None
    assert await store.outbox.pending_counts() == {}
    media = small_disk / "data" / "media"
    assert not list(media.rglob(".*.tmp"))
    for picture in list(media.rglob("*.jpg"))[:40]:
        picture.unlink()
    at = clock.now() + timedelta(hours=1)
    assert (await store.write(make_alert(started_at=at, at=at), b"small")).after.snapshot_rev == 1
    assert store.storage_error is None
    page = await store.incidents(IncidentQuery(limit=500))
    assert {one.incident_id for one in page.items} >= set(stored)
    await check_consistent(store)


async def test_a_disk_without_inodes_costs_the_picture_not_the_record(small_disk, open_store, make_alert):
    store = await open_store(small_disk / "data")
    subprocess_mount(small_disk, "remount,nr_inodes=20")
    events = [await store.write(make_alert(label=f"class{index}"), b"x") for index in range(12)]
    assert events[-1].after.snapshot is None
    assert "No space left" in store.storage_error
    assert len((await store.incidents(IncidentQuery())).items) == 12
    await check_consistent(store)


@SQLITE
async def test_a_disk_that_turns_read_only_is_said_and_forgiven(small_disk, open_store, make_alert):
    store = await open_store(small_disk / "data")
    await store.write(make_alert(), b"x")
    # An open database file forbids the remount that a failing disk gets from the kernel.
    await store.close()
    subprocess_mount(small_disk, "remount,ro")
    with pytest.raises(StoreError, match="read-only"):
        await open_store(small_disk / "data")
    subprocess_mount(small_disk, "remount,rw")
    again = await open_store(small_disk / "data")
    assert (await again.write(make_alert(label="robbery"), b"x")).after.snapshot_rev == 1


async def test_on_a_nearly_full_disk_detections_go_without_pictures(open_store, make_alert):
    store = await open_store(reserve_bytes=2**62)
    await store.write(make_alert(label="robbery", severity=Severity.DETECTION), b"x")
    alert = await store.write(make_alert(), b"x")
    assert alert.after.snapshot is not None
    page = await store.incidents(IncidentQuery(label="robbery"))
    assert page.items[0].snapshot is None
    assert "nearly full" in store.storage_error


async def test_media_are_not_written_beneath_a_missing_mount(store, make_alert, tmp_path):
    (tmp_path / "data" / "media").rmdir()
    new = await store.write(make_alert(), b"x")
    assert new.after.snapshot is None
    assert "missing" in store.storage_error
    assert not (tmp_path / "data" / "media").exists()
