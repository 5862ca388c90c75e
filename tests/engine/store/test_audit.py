"""Owns the tests of the audit: found by who, what and when, newest first, in pages, pruned after a year."""

from __future__ import annotations

from datetime import timedelta

import pytest
from crime_detect_engine.domain.auditing import AuditQuery
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.store.evidence.links import check_link


async def test_lines_page_back_and_age_out(store, clock):
    for step in range(5):
        await store.audit.append(Actor("anna", "admin"), "settings", f"cameras.{step}", {"step": step})
    lines = await store.audit.list(2)
    assert [line.details["step"] for line in lines] == [4, 3]
    assert [line.target for line in await store.audit.list(2, lines[-1].id)] == ["cameras.2", "cameras.1"]
    assert (lines[0].actor, lines[0].role, lines[0].at) == ("anna", "admin", clock.now())
    clock.advance(366 * 86400)
    await store.retention.clean()
    assert await store.audit.list() == []


async def fill(store, clock):
    for who, action, target in [
        ("ana", "view_clip", "01A"),
        ("bo", "view_clip", "01B"),
        ("ana", "threshold", "yard"),
        ("Ana B.", "hold", "50%"),
    ]:
        await store.audit.append(Actor(who, "admin"), action, target, {"n": target})
        clock.advance(3600)


async def targets(store, **query):
    return [entry.target for entry in (await store.audit.find(AuditQuery(**query))).items]


async def test_entries_are_found_by_who_what_and_when(store, clock):
    begin = clock.now()
    await fill(store, clock)
    assert await targets(store) == ["50%", "yard", "01B", "01A"]
    assert await targets(store, actor="ana") == ["50%", "yard", "01A"]
    assert await targets(store, actor="ana", action="view_clip") == ["01A"]
    assert await targets(store, target="0%") == ["50%"]
    assert await targets(store, target="%") == ["50%"]
    assert await targets(store, start=begin + timedelta(hours=1), end=begin + timedelta(hours=3)) == ["yard", "01B"]
    assert await targets(store, actor="' OR 1=1 --") == []
    assert set(await store.audit.actions()) >= {"view_clip", "threshold", "hold"}


async def test_pages_go_on_where_the_one_before_ended(store, clock):
    await fill(store, clock)
    first = await store.audit.find(AuditQuery(limit=3))
    second = await store.audit.find(AuditQuery(limit=3, cursor=first.next_cursor))
    assert [entry.target for entry in (*first.items, *second.items)] == ["50%", "yard", "01B", "01A"]
    assert second.next_cursor is None
    for cursor in ("x", "-1", "1" * 30, "٣"):
        with pytest.raises(InvalidInputError):
            await store.audit.find(AuditQuery(cursor=cursor))


async def test_each_entry_names_its_link_and_a_part_of_the_chain_holds(store, clock):
    await fill(store, clock)
    begin = clock.now()
    clock.advance(1)
    await store.audit.append(Actor("cy", "viewer"), "view_clip", "01C")
    entries = (await store.audit.find(AuditQuery())).items
    query = AuditQuery(actor="cy", start=begin)
    first, last = await store.audit.span(query)
    part = await store.audit.part(query, first, last)
    assert entries[0].link == (part[-1][0].seq, part[-1][0].hash)
    shown = [content for _, content in part if content is not None]
    assert len(shown) == 1
    previous = None
    for link, content in part:
        assert check_link(link, previous, content, first=first) is None
        previous = link
    assert await store.audit.span(AuditQuery(start=clock.now() + timedelta(days=1))) == (1, 0)
