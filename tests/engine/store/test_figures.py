"""What reports ask of the store: when people acknowledged, and what was told of cameras."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store import figures
from crime_detect_engine.store.store import Store

ANNA = Actor("anna", "operator")


async def test_the_first_acknowledgement_counts(
    store: Store, clock: ManualClock, add_incident: Callable[..., Awaitable[str]]
) -> None:
    start = clock.now()
    first, other = await add_incident(), await add_incident(timedelta(minutes=5))
    for seconds, acknowledged in ((30, True), (10, False), (20, True)):
        clock.advance(seconds)
        await store.acknowledge(first, acknowledged, ANNA)
    await store.acknowledge(other, False, ANNA)
    assert await store.figures.acknowledged(start) == {first: start + timedelta(seconds=30)}
    assert await store.figures.acknowledged(start + timedelta(seconds=31)) == {first: start + timedelta(seconds=60)}


async def test_what_was_told_of_cameras_comes_in_order_and_in_pieces(
    store: Store, clock: ManualClock, monkeypatch, add_incident: Callable[..., Awaitable[str]]
) -> None:
    monkeypatch.setattr(figures, "CHUNK", 2)
    start = clock.now()
    await add_incident()
    for state in ("live", "lost", "live", "paused"):
        await store.append_camera_event("yard", {"state": state, "online": state == "live"})
        clock.advance(60)
    await store.append_engine_event({"state": "not a camera"})
    found, seq = [], 0
    while words := await store.figures.camera_words(start, start + timedelta(seconds=180), seq):
        assert len(words) <= 2
        found += words
        seq = words[-1].seq
    assert [(one.camera, one.state) for one in found] == [("yard", "live"), ("yard", "lost"), ("yard", "live")]
    assert found[1].at == start + timedelta(seconds=60)


async def test_what_is_kept_and_what_people_did_is_counted(
    store: Store, clock: ManualClock, add_incident: Callable[..., Awaitable[str]]
) -> None:
    assert await store.figures.kept() == (0, None)
    start = clock.now()
    await add_incident()
    await add_incident(timedelta(days=3))
    assert await store.figures.kept() == (2, start - timedelta(days=3))
    for action in ("evidence", "evidence", "original", "hold"):
        await store.audit.append(ANNA, action, "x", {})
    clock.advance(1)
    counted = await store.figures.actions(start, clock.now(), ("evidence", "original", "delete"))
    assert (counted["evidence"], counted["original"], counted["delete"], counted["hold"]) == (2, 1, 0, 0)
    assert not await store.figures.actions(clock.now(), clock.now() + timedelta(days=1), ("evidence",))


async def test_how_long_was_watched_is_kept_by_month(store: Store) -> None:
    assert await store.figures.watched("2026-11") == {}
    await store.figures.keep_watched("2026-11", {"2026-11-20": 23.5})
    await store.figures.keep_watched("2026-11", {"2026-11-20": 23.5, "2026-11-21": 24.0})
    await store.figures.keep_watched("2026-12", {"2026-12-01": 1.0})
    assert await store.figures.watched("2026-11") == {"2026-11-20": 23.5, "2026-11-21": 24.0}
