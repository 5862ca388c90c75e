"""Owns the tests of the audit: newest first, in pages, pruned after a year."""

from __future__ import annotations

from crime_detect_engine.domain.ports import Actor


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
