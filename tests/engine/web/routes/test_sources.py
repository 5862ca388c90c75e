"""Sources that are not cameras yet: a picture, or the reason, and not without end."""

from __future__ import annotations

import asyncio

import pytest
from crime_detect_engine.web.trials import A_MINUTE, AT_ONCE

RTSP = {"source": "rtsp://u:p@10.0.0.9/s"}


async def test_a_source_that_works_is_a_picture(site):
    async with site.client("integration-token").post("/api/v1/sources/test", json=RTSP) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
        assert (await answer.read()).startswith(b"\xff\xd8")


async def test_a_source_that_does_not_work_is_a_reason(site):
    async with site.client("admin-token").post("/api/v1/sources/test", json={"source": "http://x"}) as answer:
        assert answer.status == 422
        error = (await answer.json())["error"]
    assert (error["code"], error["message"]) == ("source_unreadable", "connection refused; nothing listens there")


async def test_a_caller_tries_one_source_at_a_time_and_others_are_not_kept_from_theirs(site, monkeypatch):
    going, running = asyncio.Event(), []

    async def slow(_source: str) -> bytes:
        running.append(1)
        await going.wait()
        return b"jpeg"

    monkeypatch.setattr(site.engine, "try_source", slow)
    client, other = site.client("integration-token"), site.client("admin-token")
    first = asyncio.create_task(client.post("/api/v1/sources/test", json=RTSP))
    async with asyncio.timeout(60):
        while not running:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    async with client.post("/api/v1/sources/test", json=RTSP, headers={"X-On-Behalf-Of": "Bob"}) as answer:
        assert answer.status == 429
        assert "Retry-After" in answer.headers
    second = asyncio.create_task(other.post("/api/v1/sources/test", json=RTSP))
    async with asyncio.timeout(60):
        while len(running) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    going.set()
    assert [(await task).status for task in (first, second)] == [200, 200]
    async with client.post("/api/v1/sources/test", json=RTSP) as answer:
        assert answer.status == 200


async def test_nobody_looks_around_the_network_all_day(site):
    client = site.client("integration-token")
    for _ in range(A_MINUTE):
        async with client.post("/api/v1/sources/test", json=RTSP) as answer:
            assert answer.status == 200
    async with client.post("/api/v1/sources/test", json=RTSP) as answer:
        assert answer.status == 429
    site.clock.advance(61.0)
    async with client.post("/api/v1/sources/test", json=RTSP) as answer:
        assert answer.status == 200
    assert AT_ONCE < A_MINUTE


async def test_frigates_cameras_that_nobody_watches_are_offered(site):
    async with site.client("integration-token").get("/api/v1/sources/frigate") as answer:
        assert await answer.json() == {"items": [{"source": "frigate:shed", "name": "Shed"}], "next_cursor": None}


@pytest.mark.parametrize("body", [{}, {"source": ""}, {"source": "x" * 3000}, {"source": 5}])
async def test_an_address_is_needed(site, body):
    async with site.client("admin-token").post("/api/v1/sources/test", json=body) as answer:
        assert (answer.status, list((await answer.json())["error"]["details"])) == (400, ["source"])
