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
