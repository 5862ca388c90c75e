"""What people in pictures may ask for: what is kept of them, a copy, and that it goes for good."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import InvalidInputError, NotFoundError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.subjects import SubjectQuery
from crime_detect_engine.domain.types import Alert, ChangeType, IncidentChanged, Verdict
from crime_detect_engine.store.store import Store
from sqlalchemy import select, text

ANNA = Actor("anna", "admin")
KEEPS = {"incidents": "30d", "clips": "7d"}
Add = Callable[..., Awaitable[str]]


@pytest.fixture
def hour(clock: ManualClock) -> SubjectQuery:
    """The hour that ends now."""
    return SubjectQuery(clock.now() - timedelta(hours=1), clock.now())


async def everything(store: Store) -> str:
    """Every value of every table but the audit and the lines about files, as one text."""

    def read(connection) -> str:
        from crime_detect_engine.store.tables import metadata

        tables = [one for one in metadata.sorted_tables if one.name not in ("audit", "lifecycle", "chain_contents")]
        found = [connection.execute(select(one)).all() for one in tables]
        found.append(
            connection.execute(
                text("SELECT subject, content FROM chain_contents WHERE subject NOT LIKE 'audit:%'")
            ).all()
        )
        return repr(found)

    return await store._database.read(read)


async def copy_of(store: Store, query: SubjectQuery) -> zipfile.ZipFile:
    made = await store.subjects.export(query, ANNA, KEEPS)
    data = made.path.read_bytes()
    assert made.size_bytes == len(data)
    made.path.unlink()
    return zipfile.ZipFile(io.BytesIO(data))


async def test_what_overlaps_with_a_time_is_found(store: Store, add_incident: Add, hour: SubjectQuery) -> None:
    inside = await add_incident(timedelta(minutes=30))
    begun_before = await add_incident(timedelta(hours=1, seconds=5))
    await add_incident(timedelta(hours=2))
    elsewhere = await add_incident(timedelta(minutes=20), camera="gate")
    found = await store.subjects.find(hour, ANNA)
    assert [one.incident_id for one in found.records] == [begun_before, inside, elsewhere]
    assert all(one.files == 2 and one.bytes > 4 for one in found.records)
    at_the_gate = await store.subjects.find(SubjectQuery(hour.start, hour.end, frozenset({"gate"})), ANNA)
    assert [one.incident_id for one in at_the_gate.records] == [elsewhere]
    nowhere = await store.subjects.find(SubjectQuery(hour.start, hour.end, frozenset()), ANNA)
    assert not nowhere.records
    with pytest.raises(InvalidInputError, match="to"):
        await store.subjects.find(SubjectQuery(hour.end, hour.start), ANNA)
    assert [one.action for one in await store.audit.list()][:3] == ["subject_find"] * 3


async def test_a_copy_has_all_that_is_kept(store: Store, add_incident: Add, hour: SubjectQuery) -> None:
    incident = await add_incident(timedelta(minutes=30), picture=b"a picture")
    await store.set_verdict(incident, Verdict.CONFIRMED, ANNA)
    with await copy_of(store, hour) as copy:
        names = {name.rpartition("/")[2]: name for name in copy.namelist()}
        assert set(names) == {"record.json", "scores.csv", "done.json", "snapshot.jpg", "index.html", "index.json"}
        assert copy.read(names["snapshot.jpg"]) == b"a picture"
        record = json.loads(copy.read(names["record.json"]))
        assert record["incident_id"] == incident
        assert record["verdict"] == "confirmed"
        assert "stem" not in record
        done = json.loads(copy.read(names["done.json"]))
        page = copy.read("index.html").decode()
    assert {"at", "who", "what"} == set(done[0])
    assert {"admin", "engine"} <= {one["who"] for one in done}
    assert "anna" not in json.dumps(done) + page, "who of the staff looked is the staff's own"
    assert incident in page
    assert "30d" in page
    assert "<script" not in page
    assert [one.actor for one in await store.media_log(incident) if one.action == "access"] == ["anna"]


async def test_a_copy_of_nothing_says_so(store: Store, hour: SubjectQuery) -> None:
    with await copy_of(store, hour) as copy:
        assert "Nothing is kept" in copy.read("index.html").decode()


async def test_a_copy_leaves_untouched_originals_out(store: Store, add_incident: Add, hour: SubjectQuery) -> None:
    incident = await add_incident(timedelta(minutes=30))
    row = "INSERT INTO media (path, incident_id, camera, kind, bytes, created_at) VALUES "
    values = f"('yard/x.original.jpg', '{incident}', 'yard', 'original_picture', 1, '2026-11-21 03:00:00')"
    await store._database.write(lambda c: c.execute(text(row + values)))
    with await copy_of(store, hour) as copy:
        assert not [name for name in copy.namelist() if "original" in name]


async def test_what_is_erased_is_nowhere(
    store: Store, add_incident: Add, hour: SubjectQuery, tmp_path: Path, until: Any
) -> None:
    heard: list[IncidentChanged] = []
    store.subscribe(heard.append)  # type: ignore[arg-type]
    gone = await add_incident(timedelta(minutes=30), label="fighting", picture=b"a face")
    stays = await add_incident(timedelta(hours=3), label="robbery")
    files = [path for path in (tmp_path / "data" / "media").rglob("*") if gone in path.name]
    assert len(files) == 2
    found = await store.subjects.find(hour, ANNA)
    erased = await store.subjects.erase(hour, found.confirm, "asked for by letter", ANNA)
    assert (erased.incidents, erased.files, erased.spared) == (1, 2, [])
    with pytest.raises(NotFoundError):
        await store.incident(gone)
    assert await store.incident(stays)
    assert not [path for path in files if path.exists()]
    left = await everything(store)
    assert left.count(gone) == 2 + 2, "its number alone: in the message that it is gone, and in who must hear of that"
    (told,) = [event for event in await store.events_since(0) if event.before and event.before.incident_id == gone]
    assert (told.before.confidence, told.before.snapshot) == (0.0, None)
    last = await until(lambda: next((event for event in heard if event.type is ChangeType.DELETED), None))
    assert last.before is not None
    assert (last.after, last.before.incident_id, dict(last.before.probabilities)) == (None, gone, {})
    entry = (await store.audit.list())[0]
    assert (entry.action, entry.actor, entry.details["incidents"]) == ("subject_erase", "anna", 1)
    assert entry.details["reason"] == "asked for by letter"
    assert (await store.evidence.check(files=True)).fault is None


async def test_messages_that_would_still_tell_of_it_are_not_sent(
    store: Store, add_incident: Add, hour: SubjectQuery, clock: ManualClock
) -> None:
    await add_incident(timedelta(minutes=30))
    assert len(await store.outbox.due("sms", clock.now())) == 1
    found = await store.subjects.find(hour, ANNA)
    await store.subjects.erase(hour, found.confirm, "asked", ANNA)
    for channel in ("mqtt", "sms"):
        (message,) = await store.outbox.due(channel, clock.now())
        told = await store.outbox.event(message.event_seq)
        assert told is not None
        assert told.after is None


async def test_what_is_held_or_going_on_is_spared_and_named(
    store: Store, add_incident: Add, hour: SubjectQuery, make_alert: Callable[..., Alert]
) -> None:
    held = await add_incident(timedelta(minutes=40))
    await store.hold(held, True, ANNA)
    going_on = make_alert(camera="gate", started_at=hour.end - timedelta(minutes=1))
    await store.write(going_on, None)
    found = await store.subjects.find(hour, ANNA)
    erased = await store.subjects.erase(hour, found.confirm, "asked", ANNA)
    assert erased.incidents == 0
    assert {one.incident_id: one.spared for one in erased.spared} == {
        held: "on hold",
        going_on.incident_id: "still going on",
    }
    assert (await store.audit.list())[0].details["spared"] == [held, going_on.incident_id]


async def test_only_what_was_looked_at_is_erased(store: Store, add_incident: Add, hour: SubjectQuery) -> None:
    await add_incident(timedelta(minutes=30))
    found = await store.subjects.find(hour, ANNA)
    later = await add_incident(timedelta(minutes=10))
    with pytest.raises(InvalidInputError, match="look again"):
        await store.subjects.erase(hour, found.confirm, "asked", ANNA)
    assert await store.incident(later)


async def test_states_of_cameras_tell_of_nobody_any_more(store: Store, hour: SubjectQuery, clock: ManualClock) -> None:
    seen = {"state": "live", "persons": 2, "objects": {"person": 2}, "zones": {}, "label": "fighting"}
    await store.append_camera_event("yard", seen)
    found = await store.subjects.find(hour, ANNA)
    await store.subjects.erase(hour, found.confirm, "asked", ANNA)
    (event,) = await store.events_since(0)
    assert event.data == {"state": "live", "persons": None, "objects": {}, "zones": {}, "label": None}


async def test_a_copy_that_the_disk_has_no_room_for_is_refused(
    store: Store, add_incident: Add, hour: SubjectQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_incident(timedelta(minutes=30))
    monkeypatch.setattr("crime_detect_engine.store.subjects._ROOM_BYTES", 10**15)
    with pytest.raises(InvalidInputError, match="no room"):
        await store.subjects.export(hour, ANNA, KEEPS)
