"""Owns the tests of the queue of accesses: nothing waits for it, nothing is written twice, what is lost is told."""

from __future__ import annotations

import asyncio

import pytest
from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store import access_log

ANA = Actor("ana", "viewer")


async def test_what_was_noted_is_written_in_order_and_the_rest_at_the_end(store, until, clock):
    log = store.audit.accesses
    running = asyncio.create_task(log.run())
    for n in range(45):
        log.note(ANA, "view_clip", str(n))
    clock.advance(60)
    await until(lambda: len(log._queue) < 45)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    entries = await store.audit.list(100)
    assert [entry.target for entry in entries] == [str(n) for n in reversed(range(45))]
    assert {entry.at for entry in entries} != {clock.now()}, "when it was seen, not when it was written"
    assert (await store.evidence.check()).fault is None


async def test_a_full_queue_costs_a_count_and_no_time(store, monkeypatch):
    log = store.audit.accesses
    monkeypatch.setattr(access_log, "QUEUE", 30)
    for n in range(access_log.QUEUE + 7):
        log.note(ANA, "view_clip", str(n))
    assert log.lost == 7
    await log.flush()
    last = await store.audit.list(100)
    told = [entry.details for entry in last if entry.action == access_log.LOST]
    assert told == [{"entries": 7}]
    assert len(last) == 31
    await log.flush()
    assert [entry.action for entry in await store.audit.list(100)].count(access_log.LOST) == 1


async def test_a_database_that_refuses_loses_nothing(store, monkeypatch):
    log = store.audit.accesses
    log.note(ANA, "view_clip", "one")
    with monkeypatch.context() as refusing:

        async def refuse(_job: object) -> None:
            raise StoreError("locked")

        refusing.setattr(store._database, "write", refuse)
        with pytest.raises(StoreError):
            await log.flush()
    await log.flush()
    assert [entry.target for entry in await store.audit.list()] == ["one"]
