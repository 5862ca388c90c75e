"""Owns the tests of the event log: one counter that never goes back, and a bounded length."""

from __future__ import annotations

from crime_detect_engine.store import events


async def test_an_empty_log_says_so(store):
    assert await store.sequence_range() == (1, 0)
    assert await store.events_since(0) == []


async def test_numbers_are_never_used_again(open_store, clock):
    store = await open_store()
    for _ in range(3):
        await store.append_engine_event({})
    clock.advance(8 * 86400)
    await store.retention.clean()
    assert await store.sequence_range() == (4, 3)
    await store.close()
    store = await open_store()
    assert (await store.append_camera_event("yard", {"state": "live"})).seq == 4
    assert await store.sequence_range() == (4, 4)


async def test_a_page_of_events_is_bounded(store):
    for _ in range(5):
        await store.append_engine_event({})
    assert [event.seq for event in await store.events_since(1, 2)] == [2, 3]


async def test_the_log_is_pruned_by_number(store, clock):
    for _ in range(10):
        await store.append_engine_event({})
    await store._database.write(lambda c: events.prune_events(c, clock.now(), 3600, 4))
    assert await store.sequence_range() == (7, 10)


async def test_a_clock_that_went_back_prunes_nothing_young(store, clock):
    await store.append_engine_event({})
    clock.step(-3600)
    await store.append_engine_event({})
    await store.retention.clean()
    assert await store.sequence_range() == (1, 2)
