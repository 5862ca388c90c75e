"""Owns the tests of lists of incidents: filters, pages, and what callers may see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Actor, IncidentQuery
from crime_detect_engine.domain.types import ChangeType, Severity, Verdict
from crime_detect_engine.store.incidents import IncidentContext

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


async def found(store, **filters) -> list[str]:
    return [one.incident_id for one in (await store.incidents(IncidentQuery(**filters))).items]


async def test_pages_hold_every_incident_once_newest_first(store, add_incident):
    ids = [await add_incident(timedelta(minutes=minute)) for minute in range(7)]
    ids += [await add_incident(timedelta(minutes=3), label=label) for label in ("arson", "robbery")]
    query = IncidentQuery(limit=2)
    seen = []
    while True:
        page = await store.incidents(query)
        seen += page.items
        if page.next_cursor is None:
            break
        query = replace(query, cursor=page.next_cursor)
    assert sorted(one.incident_id for one in seen) == sorted(ids)
    times = [(one.started_at, one.incident_id) for one in seen]
    assert times == sorted(times, reverse=True)


async def test_filters(store, add_incident):
    fight = await add_incident(timedelta(hours=2))
    weak = await add_incident(timedelta(hours=1), confidence=0.6, severity=Severity.DETECTION)
    hall = await add_incident(camera="hall", label="road_accident", severity=Severity.CRITICAL)
    await store.set_verdict(fight, Verdict.CONFIRMED, Actor("anna", "operator"))
    assert await found(store, camera="hall") == [hall]
    assert await found(store, cameras=frozenset({"yard"})) == [weak, fight]
    assert await found(store, cameras=frozenset()) == []
    assert await found(store, camera="hall", cameras=frozenset({"yard"})) == []
    assert await found(store, label="fighting") == [weak, fight]
    assert await found(store, severity=Severity.DETECTION) == [weak]
    assert await found(store, start=START - timedelta(hours=1)) == [hall, weak]
    assert await found(store, end=START - timedelta(hours=1)) == [fight]
    assert await found(store, min_confidence=0.6) == [hall, weak, fight]
    assert await found(store, min_confidence=0.61) == [hall, fight]
    assert await found(store, verdict=Verdict.CONFIRMED) == [fight]
    assert await found(store, text="ROAD") == [hall]
    assert await found(store, text="d_a") == [hall]
    assert await found(store, text="%") == []


@pytest.mark.parametrize("cursor", ["", "x", "bm90IGpzb24", "W10", "WyIyMDI2LTExLTIxIiwgIngiXQ", "ä" * 50, "WzEsIDJd"])
async def test_a_foreign_cursor_is_refused(store, cursor):
    with pytest.raises(InvalidInputError, match="cursor"):
        await store.incidents(IncidentQuery(cursor=cursor))


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_limit_out_of_range_is_refused(store, limit):
    with pytest.raises(InvalidInputError, match="limit"):
        await store.incidents(IncidentQuery(limit=limit))


WITHOUT_PICTURE = None


@pytest.mark.parametrize(
    ("media", "blurred"),
    [
        ([True], True),
        ([False], False),
        ([WITHOUT_PICTURE], False),
        ([WITHOUT_PICTURE, True], True),
        ([True, WITHOUT_PICTURE, True], True),
        ([True, False], False),
        ([False, True], False),
    ],
)
async def test_an_incident_is_blurred_when_all_that_was_ever_kept_of_it_is(store, make_alert, media, blurred):
    """What is seen once was seen: a later picture that hides somebody does not undo it."""
    for number, hidden in enumerate(media):
        alert = make_alert(ChangeType.NEW if number == 0 else ChangeType.UPDATE)
        snapshot = None if hidden is WITHOUT_PICTURE else b"jpeg"
        stored = await store.write(alert, snapshot, IncidentContext(faces_blurred=hidden))
    assert stored.after.faces_blurred is blurred
