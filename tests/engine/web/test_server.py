"""Headers, errors, and stopping in time."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp.test_utils import make_mocked_request
from crime_detect_engine.domain.errors import ConfigError, CrimeDetectError, StoreError
from crime_detect_engine.web.server import answer_errors, serve


async def test_pages_forbid_inline_scripts_framing_and_sniffing(site):
    async with site.client("viewer-token").get("/") as answer:
        policy, page = answer.headers["Content-Security-Policy"], await answer.text()
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "aiohttp" not in answer.headers["Server"]
    assert " style=" not in page
    assert " onclick=" not in page


async def test_answers_of_the_api_are_not_stored(site):
    for path in ("/api/v1/info", "/api/v1/nothing", "/api/v1/cameras/yard/live.jpg"):
        async with site.client("viewer-token").get(path) as answer:
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["settings", "users", "audit", "training", "nothing"])
async def test_what_this_version_does_not_have_is_not_found(site, path):
    async with site.client("admin-token").get(f"/api/v1/{path}") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"


async def test_a_wrong_method_says_which_are_right(site):
    async with site.client("admin-token").delete("/api/v1/info") as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (StoreError("The database is locked."), 503, "storage_unavailable"),
        (ConfigError("crime_detect.yaml:3: threshold is a reference"), 409, "configuration"),
        (CrimeDetectError("No."), 500, "failed"),
    ],
)
async def test_errors_of_the_engine_become_their_status(site, monkeypatch, error, status, code):
    async def refuse(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(site.engine, "set_threshold", refuse)
    async with site.client("admin-token").patch("/api/v1/cameras/yard", json={"threshold": 0.7}) as answer:
        assert answer.status == status
        assert (await answer.json())["error"] == {"code": code, "message": str(error), "details": {}}


async def test_people_get_error_pages_and_are_sent_to_sign_in(site):
    async with site.client("viewer-token").get("/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV") as answer:
        assert answer.status == 404
        assert "No such incident" in await answer.text()
    async with site.client().get("/incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "../login?next=incidents/01ARZ3NDEKTSV4RRFFQ69G5FAV"
    async with site.client().get("/login?next=//evil.example/") as answer:
        assert "evil" not in await answer.text()


async def test_stopping_is_quick_with_feeds_and_live_pictures_open(site):
    client = site.client("viewer-token")
    listening = await client.ws_connect("/api/v1/events")
    await listening.receive_json()
    live = await client.get("/api/v1/cameras/yard/live.mjpeg")
    await live.content.read(100)
    async with asyncio.timeout(30):
        await site.server.stop()
    assert (await listening.receive()).data == 1001


async def test_a_taken_port_is_a_clear_error(site):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CrimeDetectError, match=r"Cannot listen on .*--port"):
            await serve(site.server._runner.app, "127.0.0.1", taken.getsockname()[1])


async def test_who_leaves_early_is_no_error_and_another_broken_connection_is():
    async def broken(_request):
        raise ConnectionResetError

    left = make_mocked_request("GET", "/")
    left.transport.is_closing.return_value = True
    assert (await answer_errors(left, broken)).status == 499
    waiting = make_mocked_request("GET", "/")
    waiting.transport.is_closing.return_value = False
    with pytest.raises(ConnectionResetError):
        await answer_errors(waiting, broken)
