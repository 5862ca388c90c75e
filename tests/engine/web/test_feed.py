"""The event feed: resume without a gap or a repeat, reset, limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSMsgType
from crime_detect_engine.domain.ports import Actor
from crime_detect_engine.web.feed import QUEUE_SIZE, Feed, SlowClientError


async def messages(socket, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(60):
        return [await socket.receive_json() for _ in range(count)]


async def test_hello_tells_where_the_feed_stands_and_then_events_come(site):
    site.engine.open_incident()
    async with site.client("viewer-token").ws_connect("/api/v1/events") as socket:
        (hello,) = await messages(socket, 1)
        incident = site.engine.open_incident("yard")
        (news,) = await messages(socket, 1)
    assert (hello["kind"], hello["seq"], hello["data"]["oldest_seq"]) == ("hello", 1, 1)
    assert hello["data"]["cameras"]["yard"]["state"] == "live"
    assert hello["data"]["engine"]["device"] == "cpu"
    assert {key: news[key] for key in ("schema_version", "uuid", "epoch", "seq", "kind", "camera")} == {
        "schema_version": 1, "uuid": site.engine.uuid, "epoch": "epoch-1", "seq": 2, "kind": "incident",
        "camera": "yard",
    }  # fmt: skip
    assert news["data"]["type"] == "new"
    assert news["data"]["after"]["incident_id"] == incident.incident_id


async def test_a_client_that_returns_gets_exactly_what_it_missed(site):
    for _ in range(5):
        site.engine.open_incident()
    address = "/api/v1/events?since=2&epoch=epoch-1"
    async with site.client("viewer-token").ws_connect(address) as socket:
        received = await messages(socket, 4)
        site.engine.open_incident()
        received += await messages(socket, 1)
    assert [message["seq"] for message in received] == [5, 3, 4, 5, 6]


async def test_events_stored_while_the_replay_runs_come_once(site, monkeypatch):
    """The dangerous moment: an event is stored, and told to listeners, between reading the store and going live."""
    for _ in range(3):
        site.engine.open_incident()
    events_since = site.engine.events_since

    async def busy(seq: int, limit: int = 1000):
        found = await events_since(seq, 1)
        if len(site.engine.events) < 8:
            site.engine.open_incident()
        return found

    monkeypatch.setattr(site.engine, "events_since", busy)
    async with site.client("viewer-token").ws_connect("/api/v1/events?since=1&epoch=epoch-1") as socket:
        received = await messages(socket, 8)
        site.engine.open_incident()
        received += await messages(socket, 1)
    assert [message["seq"] for message in received[1:]] == [2, 3, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    "resume", ["since=4&epoch=other", "since=4", "since=1&epoch=epoch-1", "since=99&epoch=epoch-1"]
)
async def test_a_client_that_cannot_resume_is_told_to_start_over(site, resume):
    for _ in range(5):
        site.engine.open_incident()
    del site.engine.events[:2]
    async with site.client("viewer-token").ws_connect(f"/api/v1/events?{resume}") as socket:
        hello, reset = await messages(socket, 2)
        site.engine.open_incident()
        (news,) = await messages(socket, 1)
    assert hello["data"]["oldest_seq"] == 3
    assert (reset["kind"], reset["seq"], reset["data"]["oldest_seq"]) == ("reset", 5, 3)
    assert news["seq"] == 6


async def test_a_client_that_has_seen_all_that_was_deleted_resumes(site):
    """The first event of an engine, missed by a client that came before it, is not lost in a reset."""
    for _ in range(4):
        site.engine.open_incident()
    for since, seqs in ((0, [4, 1, 2, 3, 4]), (2, [4, 3, 4])):
        del site.engine.events[:since]
        address = f"/api/v1/events?since={since}&epoch=epoch-1"
        async with site.client("viewer-token").ws_connect(address) as socket:
            received = await messages(socket, len(seqs))
        assert [message["seq"] for message in received] == seqs
        assert {message["kind"] for message in received} == {"hello", "incident"}


async def test_a_limited_caller_hears_of_their_cameras_only(site):
    site.engine.open_incident("front_door")
    site.engine.open_incident("yard")
    site.engine.alter_camera("front_door", state="lost")
    async with site.client("yard-token").ws_connect("/api/v1/events?since=1&epoch=epoch-1") as socket:
        hello, replayed = await messages(socket, 2)
        site.engine.open_incident("front_door")
        site.engine.alter_camera("front_door", state="live")
        site.engine.alter_camera("yard", state="lost")
        (live,) = await messages(socket, 1)
    assert list(hello["data"]["cameras"]) == ["yard"]
    assert hello["data"]["engine"]["cameras"] == ["yard"]
    assert replayed["camera"] == "yard"
    assert (live["kind"], live["camera"], live["data"]["state"]) == ("camera", "yard", "lost")


async def test_a_slow_client_is_cut_off_and_costs_a_bounded_queue(site):
    blocked, started, sent = asyncio.Event(), asyncio.Event(), []

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message["seq"])
        started.set()
        if len(sent) > 1:
            await blocked.wait()

    async def allowed() -> bool:
        return True

    feed = Feed(site.engine, Actor("slow", "viewer"), send, allowed)
    running = asyncio.create_task(feed.run(None, None))
    async with asyncio.timeout(60):
        await started.wait()
    for number in range(QUEUE_SIZE + 10):
        site.engine.alter_camera("yard", fps=float(number))
        await asyncio.sleep(0)
    with pytest.raises(SlowClientError):
        await asyncio.wait_for(running, 60)
    assert site.engine._listeners == []


async def test_a_revoked_token_ends_the_feed(site):
    async with site.client("viewer-token").ws_connect("/api/v1/events") as socket:
        await messages(socket, 1)
        del site.tokens["viewer-token"]
        site.clock.advance(31)
        site.engine.open_incident()
        await messages(socket, 1)  # was already waiting for it
        async with asyncio.timeout(60):
            assert (await socket.receive()).data == 1008
    assert site.engine._listeners == []


async def test_a_client_that_leaves_is_forgotten(site):
    socket = await site.client("viewer-token").ws_connect("/api/v1/events")
    await messages(socket, 1)
    await socket.close()
    async with asyncio.timeout(15):  # before a heartbeat could find out
        while site.engine._listeners:  # noqa: ASYNC110 - the double has nothing to wait for
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("query", ["since=-1", "since=x", "since=1&since=2", "other=1"])
async def test_a_malformed_resume_is_refused(site, query):
    async with site.client("viewer-token").get(f"/api/v1/events?{query}") as answer:
        assert answer.status == 400


@pytest.mark.parametrize("token", ["viewer-token", "operator-token", "admin-token", "integration-token", "yard-token"])
async def test_nothing_that_a_client_says_does_anything_whoever_it_is(site, token):
    """There is no message for clients to send, so none has a role: all are ignored, and the feed goes on."""
    incident = site.engine.open_incident("yard")
    before = list(site.engine.actions)
    async with site.client(token).ws_connect("/api/v1/events") as socket:
        assert (await socket.receive_json())["kind"] == "hello"
        for said in (
            {"kind": "incident", "type": "deleted", "data": {"incident_id": incident.incident_id}},
            {"kind": "subscribe", "camera": "front_door"},
            {"kind": "verdict", "incident_id": incident.incident_id, "verdict": "confirmed"},
            {"command": "privacy", "camera": "yard", "on": True},
            ["auth", "admin-token"],
        ):
            await socket.send_json(said)
        await socket.send_str("not json \0 ½")
        await socket.send_bytes(b"\xff" * 4000)
        site.engine.open_incident("yard")
        assert (await socket.receive_json())["kind"] == "incident"
        assert site.engine.actions == before
        assert (await site.engine.incident(incident.incident_id)).verdict is None
        await socket.send_bytes(b"x" * 5000)
        ended = await socket.receive()
        assert (ended.type, ended.data) == (WSMsgType.CLOSE, WSCloseCode.MESSAGE_TOO_BIG)
