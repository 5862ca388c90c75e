"""Owns the tests of retention: what goes, what stays, and that the dry run says the truth."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
import voluptuous as vol
from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.types import ChangeType, Severity, Verdict
from crime_detect_engine.store.lifecycle import MediaFile, register
from crime_detect_engine.store.media import ORIGINAL_SNAPSHOT
from crime_detect_engine.store.retention import DAY_S, SCHEMA, RetentionOptions

PERSON = Actor("anna", "operator")


def day(count: float) -> timedelta:
    return timedelta(days=count)


async def kept_ids(store) -> set[str]:
    return {one.incident_id for one in (await store.incidents(IncidentQuery(limit=500))).items}


def test_the_schema_reads_what_people_write():
    text = {"incidents": "30d", "below_threshold": "7d", "per_class": {"fighting": "90d"}, "media_quota": "20GB"}
    assert read(text) == RetentionOptions(30 * DAY_S, 7 * DAY_S, {"fighting": 90 * DAY_S}, media_quota=20 * 10**9)
    assert read({}) == RetentionOptions()
    assert read({"snapshots": "2w", "clips": "36h"}).clips_s == 1.5 * DAY_S


def read(value: dict[str, object]) -> RetentionOptions:
    return vol.Schema(SCHEMA)(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"archive": {"path": "mnt"}}, "full path"),
        ({"archive": {"after": "30d"}}, "required key"),
        ({"per_verdict": {"maybe": "30d"}}, "expected confirmed, false_alarm, none"),
        ({"incidents": "forever"}, "expected a duration"),
        ({"incidents": "0s"}, "at least 1h"),
        ({"media_quota": "lots"}, "expected a size"),
        ({"per_class": {"fighting": -1}}, "negative"),
        ({"incident": "30d"}, "extra keys"),
    ],
)
def test_the_schema_refuses_with_a_reason(value, reason):
    with pytest.raises(vol.Invalid, match=reason):
        read(value)


async def test_age_by_class_and_threshold(store, add_incident, clock):
    store.retention.options = RetentionOptions(30 * DAY_S, 7 * DAY_S, {"robbery": 90 * DAY_S})
    old = await add_incident(day(31))
    young = await add_incident(day(29))
    robbery = await add_incident(day(89), label="robbery")
    weak = await add_incident(day(8), severity=Severity.DETECTION, label="robbery")
    held = await add_incident(day(400))
    await store.hold(held, True, PERSON)
    plan = (await store.retention.plan()).deletions
    assert [(one.incident_id, one.what) for one in plan] == [(old, "record"), (weak, "record")]
    assert plan[0].reason == "fighting older than 30 days"
    assert await store.retention.apply() == plan, "the dry run must say what is done"
    assert await kept_ids(store) == {young, robbery, held}
    deleted = [event for event in await store.events_since(0) if event.type is ChangeType.DELETED]
    assert [event.before.incident_id for event in deleted] == [old], "a mere detection was never told"
    assert (await store.retention.plan()).deletions == []
    clock.advance(2 * DAY_S)
    assert (await store.retention.plan(RetentionOptions(incidents_s=365 * DAY_S))).deletions == []
    assert {one.incident_id for one in (await store.retention.plan()).deletions} == {young, robbery}


RULES = RetentionOptions(
    30 * DAY_S, 7 * DAY_S, {"robbery": 90 * DAY_S},
    {"confirmed": 365 * DAY_S, "false_alarm": 3 * DAY_S, "none": 20 * DAY_S},
)  # fmt: skip


@pytest.mark.parametrize(
    ("severity", "label", "verdict", "days", "words"),
    [
        (Severity.DETECTION, "robbery", "confirmed", 7, "below threshold"),
        (Severity.ALERT, "robbery", "false_alarm", 3, "false alarm"),
        (Severity.ALERT, "robbery", "confirmed", 365, "confirmed"),
        (Severity.ALERT, "robbery", None, 90, "robbery"),
        (Severity.ALERT, "fighting", None, 20, "not judged"),
        (Severity.CRITICAL, "fighting", "confirmed", 365, "confirmed"),
    ],
)
def test_the_most_specific_rule_wins(severity, label, verdict, days, words):
    assert RULES.period(severity, label, verdict) == (days * DAY_S, words)
    bare = replace(RULES, per_verdict_s={})
    assert bare.period(Severity.ALERT, "fighting", verdict) == (30 * DAY_S, "fighting")


async def test_what_the_database_finds_is_what_the_rules_say(store, add_incident):
    """Every severity, class and verdict at ages around every period."""
    ages = (2.9, 3.1, 6.9, 7.1, 19.9, 20.1, 29.9, 30.1, 89.9, 90.1, 364.9, 365.1)
    expected = set()
    for age in ages:
        for label in ("robbery", "fighting"):
            for severity, verdict in (
                (Severity.DETECTION, None), (Severity.ALERT, None), (Severity.ALERT, Verdict.CONFIRMED),
                (Severity.CRITICAL, Verdict.FALSE_ALARM),
            ):  # fmt: skip
                camera = f"c{severity}_{verdict or 'none'}"
                incident_id = await add_incident(day(age), None, camera=camera, label=label, severity=severity)
                if verdict is not None:
                    await store.set_verdict(incident_id, verdict, PERSON)
                if age * DAY_S > RULES.period(severity, label, verdict)[0]:
                    expected.add(incident_id)
    found = await store.retention.plan(RULES)
    assert {one.incident_id for one in found.deletions} == expected
    assert [one.ended_at for one in found.deletions] == sorted(one.ended_at for one in found.deletions)


async def test_counts_outlive_incidents_and_name_nobody(store, add_incident, clock):
    for _ in range(2):
        clock.advance(60)
        await add_incident(day(31), started_at=clock.now() - day(31))
    kept = await add_incident(day(1), label="robbery")
    await store.set_verdict(kept, Verdict.CONFIRMED, PERSON)
    everything = (date(2026, 1, 1), date(2027, 1, 1))
    before = await store.retention.trends(*everything)
    assert [(one.day, one.hour, one.label, one.verdict, one.count) for one in before] == [
        (date(2026, 10, 21), 3, "fighting", None, 2), (date(2026, 11, 20), 3, "robbery", "confirmed", 1),
    ]  # fmt: skip
    await store.retention.clean()
    assert await kept_ids(store) == {kept}
    assert await store.retention.trends(*everything) == before
    assert await store.retention.trends(date(2026, 11, 1), date(2026, 11, 20)) == []
    clock.advance(5 * DAY_S)
    await store.retention.clean()
    store.retention.options = RetentionOptions(trends_s=10 * DAY_S, incidents_s=90 * DAY_S)
    await store.retention.clean()
    assert [one.label for one in await store.retention.trends(*everything)] == ["robbery"]


async def test_originals_have_a_period_of_their_own(store, add_incident, tmp_path):
    incident_id = await add_incident(day(6))
    before = await store.incident(incident_id)
    original = before.snapshot.replace(".jpg", ".original.jpg")
    (tmp_path / "data" / "media" / original).write_bytes(b"sealed")
    file = MediaFile(original, incident_id, "yard", ORIGINAL_SNAPSHOT, 6)
    await store._database.write(lambda c: register(c, file, before.started_at))
    store.retention.options = RetentionOptions(originals_s=5 * DAY_S)
    (deletion,) = await store.retention.clean()
    assert (deletion.what, deletion.bytes, deletion.reason) == ("originals", 6, "originals older than 5 days")
    assert not (tmp_path / "data" / "media" / original).exists()
    assert await store.incident(incident_id) == before


async def test_a_file_that_cannot_be_deleted_keeps_its_mark(store, add_incident, tmp_path):
    """Seen with a real refusal: a folder lies where the file was."""
    incident_id = await add_incident(day(40))
    picture = tmp_path / "data" / "media" / (await store.incident(incident_id)).snapshot
    picture.unlink()
    picture.mkdir()
    (picture / "inside").touch()
    await store.retention.clean()
    assert "cannot be deleted" in store.storage_error
    assert (await store.retention.holdings()).doomed == 1
    (entry,) = [one for one in await store.media_log(incident_id) if one.action == "delete"]
    assert entry.path.endswith(".json"), "the one that is gone is told, the other is not"
    (picture / "inside").unlink()
    picture.rmdir()
    await store.retention.clean()
    assert ((await store.retention.holdings()).doomed, store.storage_error) == (0, None)


async def test_snapshots_and_clips_go_before_their_record(store, add_incident, tmp_path):
    store.retention.options = RetentionOptions(snapshots_s=10 * DAY_S, clips_s=5 * DAY_S)
    older, newer = await add_incident(day(11)), await add_incident(day(6))
    for incident_id in (older, newer):
        clip = await store.clips.encode(incident_id, [(0.0, np.zeros((48, 64, 3), np.uint8))])
        await store.attach_clip(incident_id, clip)
    done = await store.retention.apply()
    assert [(one.incident_id, one.what) for one in done] == [(older, "snapshot"), (older, "clip"), (newer, "clip")]
    assert (await store.incident(older)).snapshot is None
    assert (await store.incident(newer)).snapshot is not None
    assert (await store.incident(newer)).clip is None
    assert await store.outbox.snapshot_jpeg(older) is None
    assert ChangeType.DELETED not in [event.type for event in await store.events_since(0)]
    reasons = [one.reason for one in await store.media_log(older) if one.action == "delete"]
    assert "snapshot older than 10 days" in reasons
    assert (await store.retention.plan()).deletions == []
    left = {path.suffix for path in (tmp_path / "data" / "media").rglob("*") if path.is_file()}
    assert left == {".jpg", ".json"}


async def test_the_quota_takes_the_oldest_pictures_and_never_what_is_held(store, add_incident, tmp_path):
    ids = [await add_incident(day(age), b"x" * 100_000) for age in (5, 4, 3, 2)]
    await store.hold(ids[0], True, PERSON)
    store.retention.options = RetentionOptions(media_quota=210_000)
    done = await store.retention.clean()
    assert [(one.incident_id, one.what, one.reason) for one in done] == [
        (ids[1], "snapshot", "media quota"),
        (ids[2], "snapshot", "media quota"),
    ]
    assert await kept_ids(store) == set(ids)
    assert store.storage_error is None
    store.retention.options = RetentionOptions(media_quota=50_000)
    await store.retention.clean()
    assert await store.outbox.snapshot_jpeg(ids[0]) is not None
    assert "quota" in store.storage_error


async def test_an_incident_that_goes_on_is_not_touched(store, make_alert, clock):
    await store.write(make_alert(), b"x")
    clock.advance(400 * DAY_S)
    assert (await store.retention.plan()).deletions == []


async def test_a_clock_that_went_back_deletes_nothing(store, add_incident, clock):
    await add_incident()
    clock.step(-365 * DAY_S)
    assert (await store.retention.plan()).deletions == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_locked_database_deletes_nothing(store, add_incident, tmp_path, monkeypatch):
    incident_id = await add_incident(day(40))
    await store._database.read(lambda c: c.exec_driver_sql("PRAGMA busy_timeout=50"))
    with closing(sqlite3.connect(tmp_path / "data" / "crime_detect.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await store.retention.apply()
        assert "locked" in store.storage_error
    assert await store.outbox.snapshot_jpeg(incident_id) is not None
    assert len(await store.retention.apply()) == 1


async def test_a_hold_between_plan_and_deletion_wins(store, add_incident):
    incident_id = await add_incident(day(40))
    plan = (await store.retention.plan()).deletions
    await store.hold(incident_id, True, PERSON)
    with pytest.raises(NotFoundError):
        await store._journal.run(lambda c: store.retention._delete(c, plan[0]))
    assert await kept_ids(store) == {incident_id}


async def test_unknown_files_are_shown_and_left_alone(store, add_incident, tmp_path):
    await add_incident(day(40))
    stray = tmp_path / "data" / "media" / "holiday.jpg"
    stray.write_bytes(b"mine")
    assert await store.retention.unknown_files() == ["holiday.jpg"]
    await store.retention.clean()
    assert stray.read_bytes() == b"mine"
