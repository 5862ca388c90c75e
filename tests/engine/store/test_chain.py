"""Owns the tests of the hash chain: what is linked, what of tampering is found, and what erasure leaves."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.domain.types import Verdict
from crime_detect_engine.store.chain import head
from crime_detect_engine.store.chain_check import ChainReport, check_chain
from crime_detect_engine.store.retention import RetentionOptions
from crime_detect_engine.store.tables import incidents

PERSON = Actor("anna", "admin")


async def check(store, *, files: bool = True) -> ChainReport:
    folder = store._journal.folder if files else None
    return await store._database.read(lambda c: check_chain(c, folder))


async def rows(store, sql: str) -> list[tuple]:
    return [tuple(row) for row in await store._database.read(lambda c: c.exec_driver_sql(sql).all())]


async def alter(store, *statements: str) -> None:
    """As somebody would who has the database and knows nothing of the chain."""

    def job(connection) -> None:
        for sql in statements:
            connection.exec_driver_sql(sql)

    await store._database.write(job)


async def test_an_incident_is_linked_at_its_end_and_at_each_later_change(store, add_incident, make_alert):
    await store.write(make_alert(camera="gate"), b"jpeg")
    assert (await check(store)).links == 1  # an incident that goes on is in no link yet
    incident_id = await add_incident()
    await store.set_verdict(incident_id, Verdict.CONFIRMED, PERSON)
    await store.set_verdict(incident_id, Verdict.CONFIRMED, PERSON)
    await store.hold(incident_id, True, PERSON)
    kinds = [kind for (kind,) in await rows(store, "SELECT kind FROM chain ORDER BY seq")]
    assert kinds == ["genesis", "incident", "audit", "incident", "audit", "audit", "incident"]
    report = await check(store)
    assert (report.links, report.fault, report.erased) == (7, None, 0)


async def test_links_hold_nothing_that_tells_of_anybody(store, add_incident):
    incident_id = await add_incident()
    await store.set_verdict(incident_id, Verdict.CONFIRMED, PERSON)
    for row in await rows(store, "SELECT * FROM chain"):
        assert not {"anna", "yard", "fighting", incident_id} & {str(value) for value in row}
    query = f"SELECT content FROM chain_contents WHERE subject = '{incident_id}' ORDER BY seq"
    first, second = (json.loads(text) for (text,) in await rows(store, query))
    assert first["media"] == second["media"]
    salts = [salt for (salt,) in await rows(store, "SELECT salt FROM chain_contents")]
    assert len(set(salts)) == len(salts)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE chain SET at = '2026-01-01T00:00:00.000Z' WHERE seq = 3", "link 3: was changed"),
        ("UPDATE chain SET kind = 'audit' WHERE seq = 2", "link 2: was changed"),
        ("UPDATE chain SET hash = previous WHERE seq = 2", "link 2: was changed"),
        ("UPDATE chain SET digest = hash WHERE seq = 4", "link 4: was changed"),
        ("DELETE FROM chain WHERE seq = 3", "link 3: is missing"),
        ("DELETE FROM chain WHERE seq = 1", "link 1: is missing"),
        ("DELETE FROM chain", "link 1: is missing"),
        ("UPDATE chain_contents SET salt = 'x' WHERE seq = 2", "link 2: is the digest of another incident"),
        ("UPDATE chain_contents SET content = replace(content, 'anna', 'bert') WHERE seq = 3", "link 3: is the digest"),
        ("UPDATE chain_contents SET subject = 'audit:1' WHERE seq = 2", "link 2: has a content of another subject"),
        ("DELETE FROM chain_contents WHERE seq = 2", "link 2: has lost its incident"),
        ("DELETE FROM chain_contents WHERE seq = 1", "link 1: has lost its content"),
        ("UPDATE incidents SET label = 'robbery'", "link 4: incident"),
        ("UPDATE incidents SET confidence = 0.91", "link 4: incident"),
        ("UPDATE incidents SET verdict = NULL", "link 4: incident"),
        ("UPDATE scores SET probabilities = '{}'", "link 4: the scores"),
        ("DELETE FROM scores", "link 4: the scores"),
        ("DELETE FROM incidents", "link 4: the incident that it stands for is gone"),
        ("UPDATE audit SET actor = 'bert'", "link 3: audit entry 1 was changed"),
        ("DELETE FROM audit", "link 3: the audit entry that it stands for is gone"),
        (
            "INSERT INTO audit (at, actor, role, action, target, details) "
            "VALUES ('2026-11-21 04:00:00', 'eve', 'admin', 'hold', 'x', '{}')",
            "audit entry 2 is in no link",
        ),
    ],
)
async def test_what_is_edited_in_the_database_is_found(store, add_incident, sql, said):
    incident_id = await add_incident()
    await store.set_verdict(incident_id, Verdict.CONFIRMED, PERSON)
    assert (await check(store)).fault is None
    await alter(store, sql)
    assert str((await check(store)).fault).startswith(said)


async def test_a_record_that_was_slipped_in_is_in_no_link(store, add_incident):
    await add_incident()
    names = ", ".join(incidents.c.keys()[1:])
    await alter(store, f"INSERT INTO incidents (incident_id, {names}) SELECT 'X', {names} FROM incidents")
    assert str((await check(store)).fault) == "incident X is in no link"


async def test_a_picture_that_was_exchanged_is_found(store, add_incident):
    incident = await store.incident(await add_incident())
    await store.set_verdict(incident.incident_id, Verdict.CONFIRMED, PERSON)
    path = (await store.media(incident, "snapshot")).path
    path.write_bytes(b"another")
    await store.hold(incident.incident_id, True, PERSON)  # a later link does not vouch for the other picture
    assert "the snapshot of incident" in str((await check(store)).fault)
    assert (await check(store, files=False)).fault is None


async def test_erasure_leaves_tombstones_and_a_chain_that_holds(store, add_incident, clock):
    kept, gone = await add_incident(), await add_incident(timedelta(hours=1))
    await store.set_verdict(gone, Verdict.CONFIRMED, PERSON)
    before = await store._database.read(head)
    await store.delete(gone, PERSON)
    report = await check(store)
    assert (report.fault, report.erased) == (None, 2)
    assert report.head.seq > before.seq
    contents = [content for (content,) in await rows(store, "SELECT content FROM chain_contents")]
    assert not [one for one in contents if f'"incident_id":"{gone}"' in one]
    store.retention.options = RetentionOptions(incidents_s=3600.0)
    clock.advance(366 * 86400)
    await store.retention.clean()  # takes the other incident and a year's audit
    report = await check(store)
    assert (report.fault, report.erased) == (None, 5)
    assert await rows(store, f"SELECT 1 FROM chain_contents WHERE subject = '{kept}'") == []


async def test_pictures_that_retention_takes_are_a_change_like_others(store, add_incident, clock):
    await add_incident()
    store.retention.options = RetentionOptions(snapshots_s=3600.0)
    clock.advance(2 * 86400)
    assert [one.what for one in await store.retention.clean()] == ["snapshot"]
    assert (await check(store)).fault is None


async def test_an_older_database_begins_its_chain_and_says_what_was_before(open_store, add_incident, store):
    incident_id = await add_incident()
    await store.set_verdict(incident_id, Verdict.CONFIRMED, PERSON)
    older = "UPDATE alembic_version SET version_num = '0002'"
    since = ["DROP TABLE chain", "DROP TABLE chain_contents", "DROP TABLE users", "DROP TABLE trends"]
    since += [f"ALTER TABLE tokens DROP COLUMN {column}" for column in ("scopes", "expires_at", "last_used_at")]
    since += ["DROP INDEX media_by_tier", "ALTER TABLE media DROP COLUMN tier"]
    await alter(store, *since, older)
    await store.close()
    again = await open_store()
    report = await check(again)
    assert (report.links, report.fault) == (3, None)
    first = (await rows(again, "SELECT content FROM chain_contents ORDER BY seq"))[0][0]
    assert json.loads(first) == {"engine": again.uuid, "records_before": 2}
    await again.hold(incident_id, True, PERSON)
    report = await check(again)
    assert (report.links, report.fault) == (5, None)
    await again.close()
    last = await open_store()
    assert (await check(last)).links == 5  # it begins once
    await alter(last, "UPDATE incidents SET label = 'robbery'")
    assert str((await check(last)).fault).startswith("link 5: incident")


async def test_a_transaction_that_fails_leaves_no_link(store, add_incident, monkeypatch):
    incident_id = await add_incident()
    before = await check(store)

    def refuse(*_arguments, **_options):
        raise OSError("no space")

    monkeypatch.setattr("crime_detect_engine.store.journal.sidecar_bytes", refuse)
    with pytest.raises(OSError, match="no space"):
        await store.hold(incident_id, True, PERSON)
    assert await check(store) == before


async def test_commands_beside_the_service_write_into_one_chain(store, open_store):
    beside = await open_store(repair=False)
    jobs = [one.audit.append(PERSON, "look", str(number)) for number in range(20) for one in (store, beside)]
    await asyncio.gather(*jobs)
    report = await check(store)
    assert (report.links, report.fault) == (41, None)
