"""The engine's client: what it sends, what it makes of answers, and that a token never shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from custom_components.crime_detect.engine import client as client_module
from custom_components.crime_detect.engine import transport
from custom_components.crime_detect.engine.client import EngineClient
from custom_components.crime_detect.engine.errors import (
    BadMessageError,
    CannotConnectError,
    EngineError,
    InvalidAuthError,
    NotFoundError,
)
from custom_components.crime_detect.engine.models import Incident, Position
from tests.integration.fake_engine import RETENTION, TOKEN, FakeEngine, golden


@pytest.fixture
async def session(socket_enabled: None) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def client(engine: FakeEngine, session: aiohttp.ClientSession) -> EngineClient:
    return EngineClient(session, f"{engine.url}/", TOKEN)


# --- what is asked and answered -------------------------------------------------------------------------------------


async def test_info(engine: FakeEngine, client: EngineClient) -> None:
    info = await client.info()
    assert (info.uuid, info.cameras) == (engine.uuid, {"front_door": "Front door", "yard": "Yard"})
    assert engine.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"


async def test_cameras_are_read_added_changed_and_removed(engine: FakeEngine, client: EngineClient) -> None:
    engine.cameras["front_door"]["settings"] = {"threshold": 0.7}
    del engine.cameras["yard"]["settings"]
    front_door, yard = await client.cameras()
    assert (front_door.id, front_door.name, front_door.source) == (
        "front_door",
        "Front door",
        "rtsp://***@10.0.0.5/front_door",
    )
    assert (front_door.settings, yard.settings, yard.state.online) == ({"threshold": 0.7}, {}, False)
    added = await client.add_camera("", "rtsp://u:p@10.0.0.7/new", "New door")
    assert added.id == "new_door"
    assert engine.sent("POST", "/cameras") == [{"source": "rtsp://u:p@10.0.0.7/new", "name": "New door"}]
    assert (await client.add_camera("other", "webcam:0", "Other")).id == "other"
    await client.change_camera("front_door", {"detection": False})
    assert engine.cameras["front_door"]["state"]["detection"] is False
    await client.remove_camera("yard")
    assert "yard" not in engine.cameras


async def test_a_camera_that_lacks_something_is_no_camera(engine: FakeEngine, client: EngineClient) -> None:
    del engine.cameras["yard"]["name"]
    with pytest.raises(BadMessageError, match="name"):
        await client.cameras()


async def test_sources(engine: FakeEngine, client: EngineClient) -> None:
    assert (await client.try_source("rtsp://u:p@10.0.0.7/new")).startswith(b"\xff\xd8")
    assert engine.sent("POST", "/sources/test") == [{"source": "rtsp://u:p@10.0.0.7/new"}]
    assert await client.frigate_cameras() == []
    engine.frigate = [{"source": "frigate:yard", "name": "yard"}]
    assert await client.frigate_cameras() == [("frigate:yard", "yard")]
    engine.fail("/sources/frigate", 404, code="not_found")
    assert await client.frigate_cameras() == [], "an engine without Frigate"


async def test_live_pictures(engine: FakeEngine, client: EngineClient, session: aiohttp.ClientSession) -> None:
    assert b"yard" in await client.live_picture("yard")
    async with session.get(client.live_stream_url("yard"), headers=client.headers) as response:
        assert (response.status, response.content_type) == (200, "multipart/x-mixed-replace")


async def test_incidents_are_paged_and_filtered(engine: FakeEngine, client: EngineClient) -> None:
    for number in range(1, 5):
        incident = engine.incident(number, started_at=f"2026-11-21T0{number}:00:00.000Z")
        engine.incidents[incident["incident_id"]] = incident
    page, cursor = await client.incidents(limit=3)
    assert [one.incident_id[-1] for one in page] == ["4", "3", "2"]
    rest, end = await client.incidents(limit=3, cursor=cursor)
    assert ([one.incident_id[-1] for one in rest], end) == (["1"], None)
    await client.incidents(
        camera="yard",
        label="fighting",
        severity="alert",
        since="2026-11-21T02:00:00Z",
        until="2026-11-21T03:00:00Z",
        verdict="confirmed",
    )
    assert engine.requests[-1].query == {
        "camera": "yard",
        "label": "fighting",
        "severity": "alert",
        "from": "2026-11-21T02:00:00Z",
        "to": "2026-11-21T03:00:00Z",
        "verdict": "confirmed",
        "limit": "50",
    }


async def test_one_incident_that_is_broken_does_not_hide_the_others(
    engine: FakeEngine, client: EngineClient, caplog: pytest.LogCaptureFixture
) -> None:
    for number, changes in ((1, {}), (2, {"severity": "apocalyptic"}), (3, {"incident_id": "../../etc/passwd"})):
        incident = engine.incident(number, **changes)
        engine.incidents[incident["incident_id"]] = incident
    page, _ = await client.incidents()
    assert [one.incident_id for one in page] == [engine.incident(1)["incident_id"]]
    assert caplog.text.count("Left out of a list of incidents") == 2


async def test_what_is_done_to_an_incident(engine: FakeEngine, client: EngineClient) -> None:
    incident = engine.incident(1)
    incident_id = incident["incident_id"]
    engine.incidents[incident_id] = incident
    assert (await client.incident(incident_id)).verdict is None
    assert (await client.set_verdict(incident_id, "confirmed", "Anna")).verdict == "confirmed"
    assert (await client.acknowledge(incident_id, True)).acknowledged
    assert (await client.hold(incident_id, True)).hold
    sent = {one.path.rsplit("/", 1)[1]: one for one in engine.requests if one.method == "POST"}
    assert {name: one.body for name, one in sent.items()} == {
        "verdict": {"verdict": "confirmed"},
        "acknowledge": {"acknowledged": True},
        "hold": {"hold": True},
    }
    assert sent["verdict"].headers["X-On-Behalf-Of"] == "Anna"
    assert "X-On-Behalf-Of" not in sent["hold"].headers


async def test_a_name_with_a_line_break_is_one_header(engine: FakeEngine, client: EngineClient) -> None:
    engine.incidents["A1"] = engine.incident(incident_id="A1")
    await client.hold("A1", True, "Anna\r\nX-Role: admin" + "x" * 200)
    headers = engine.requests[-1].headers
    assert "X-Role" not in headers
    assert headers["X-On-Behalf-Of"].startswith("Anna  X-Role: admin")
    assert len(headers["X-On-Behalf-Of"]) == 100


async def test_bodies_are_those_that_the_engine_takes(engine: FakeEngine, client: EngineClient) -> None:
    """The golden bodies are tested against the engine's own routes in tests/contract."""
    engine.incidents["A1"] = engine.incident(incident_id="A1")
    await client.snooze("yard", 30)
    await client.snooze("yard", 0, "fighting")
    assert engine.sent("POST", "/cameras/yard/snooze") == golden("body_snooze")["bodies"]
    await client.change_camera("yard", {"threshold": 0.85})
    assert engine.sent("PATCH", "/cameras/yard")[0] in golden("body_camera")["bodies"]
    for verdict in ("confirmed", "false_alarm", None):
        await client.set_verdict("A1", verdict)
    assert engine.sent("POST", "/incidents/A1/verdict") == golden("body_verdict")["bodies"]
    for on in (True, False):
        await client.acknowledge("A1", on)
        await client.hold("A1", on)
    assert engine.sent("POST", "/incidents/A1/acknowledge") == golden("body_acknowledge")["bodies"]
    assert engine.sent("POST", "/incidents/A1/hold") == golden("body_hold")["bodies"]


async def test_a_snapshot_is_pinned_to_its_revision(engine: FakeEngine, client: EngineClient) -> None:
    incident = engine.incident(1, rev=2)
    engine.incidents[incident["incident_id"]] = incident
    assert (await client.snapshot(Incident.from_json(incident))).endswith(b" 2 \xff\xd9")
    assert engine.requests[-1].query == {"rev": "2"}
    with pytest.raises(NotFoundError):
        await client.snapshot(Incident.from_json(engine.incident(1, rev=0)))


async def test_settings(engine: FakeEngine, client: EngineClient) -> None:
    assert await client.retention() == RETENTION
    assert (await client.put_retention(RETENTION | {"incidents": "10d"}))["incidents"] == "10d"
    assert await client.test_alert() == {"mqtt": "sent"}
    engine.info["mqtt_discovery"] = True
    await client.switch_off_mqtt_discovery()
    assert engine.info["mqtt_discovery"] is False


def _names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


# --- files ----------------------------------------------------------------------------------------------------------


async def test_a_clip_is_downloaded_whole(engine: FakeEngine, client: EngineClient, tmp_path: Path) -> None:
    engine.incidents["A1"] = engine.incident(incident_id="A1")
    await client.download_clip("A1", tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes() == engine.clip
    assert client.clip_url("A1") == f"{engine.url}/api/v1/incidents/A1/clip.mp4"
    engine.info["features"].append("evidence")
    await client.evidence("A1", tmp_path / "evidence.zip", "Anna")
    assert (tmp_path / "evidence.zip").read_bytes() == b"PK evidence"
    assert engine.requests[-1].headers["X-On-Behalf-Of"] == "Anna"
    assert _names(tmp_path) == {"clip.mp4", "evidence.zip"}


async def test_nothing_is_left_of_a_download_that_fails(
    engine: FakeEngine, client: EngineClient, tmp_path: Path
) -> None:
    engine.incidents["A1"] = engine.incident(incident_id="A1")
    with pytest.raises(NotFoundError):
        await client.evidence("A1", tmp_path / "evidence.zip")
    with pytest.raises(EngineError, match="cannot write"):
        await client.download_clip("A1", tmp_path / "nowhere" / "clip.mp4")
    with pytest.raises(CannotConnectError):
        engine.cut_clips = True
        await client.download_clip("A1", tmp_path / "clip.mp4")
    assert _names(tmp_path) == set()


async def test_a_file_is_analysed(
    engine: FakeEngine, client: EngineClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "JOB_EVERY_S", 0.0)
    (tmp_path / "a.mp4").write_bytes(b"video")
    result = await client.analyze(tmp_path / "a.mp4", "yard.mp4")
    assert (result["label"], result["confidence"]) == ("fighting", 0.93)
    assert engine.sent("POST", "/analyze") == [{"filename": "yard.mp4", "size": 5}]
    engine.job = golden("job_failed")
    with pytest.raises(EngineError, match=r"yard\.mp4 is not a video") as failed:
        await client.analyze(tmp_path / "a.mp4", "yard.mp4")
    assert failed.value.code == "analysis_failed"
    engine.job = golden("job_queued")
    monkeypatch.setattr(client_module, "JOB_S", 0.05)
    with pytest.raises(EngineError, match="in time"):
        await client.analyze(tmp_path / "a.mp4", "yard.mp4")
    with pytest.raises(EngineError, match="cannot read"):
        await client.analyze(tmp_path / "nothing.mp4", "nothing.mp4")


# --- what goes wrong ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, EngineError, "failed"),
        (401, InvalidAuthError, "failed"),
        (403, InvalidAuthError, "failed"),
        (404, NotFoundError, "failed"),
        (429, CannotConnectError, "failed"),
        (500, EngineError, "failed"),
        (502, CannotConnectError, "failed"),
    ],
)
async def test_refusals_have_kinds(
    engine: FakeEngine, client: EngineClient, status: int, kind: type[EngineError], code: str
) -> None:
    engine.fail("/info", status)
    with pytest.raises(EngineError) as refused:
        await client.info()
    assert (type(refused.value), refused.value.code, refused.value.status) == (kind, code, status)
    assert str(refused.value) == "It was told to fail."


@pytest.mark.parametrize("body", [b"<html>502", b"[]", b'{"error": "text"}', b"\xff\xfe"])
async def test_a_refusal_of_somebody_else_is_a_refusal(engine: FakeEngine, client: EngineClient, body: bytes) -> None:
    engine.fail("/info", 500, body=body)
    with pytest.raises(EngineError, match="HTTP status 500") as refused:
        await client.info()
    assert refused.value.code == "http_500"


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"{}", b'{"items": 1}', b"[" * 100_000])
async def test_an_answer_that_makes_no_sense(engine: FakeEngine, client: EngineClient, body: bytes) -> None:
    engine.fail("", 200, body=body)
    calls: list[Callable[[], Awaitable[Any]]] = [client.info, client.cameras, client.incidents]
    for call in calls:
        with pytest.raises(BadMessageError):
            await call()


async def test_an_answer_without_an_end(
    engine: FakeEngine, client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES", 1000)
    engine.fail("/live.jpg", 200, body=b"x" * 1001)
    with pytest.raises(BadMessageError, match="too long"):
        await client.live_picture("yard")


async def test_a_redirection_is_not_followed(engine: FakeEngine, client: EngineClient) -> None:
    engine.fail("/info", 302, body=b"")
    with pytest.raises(BadMessageError, match="points elsewhere"):
        await client.info()


async def test_nobody_there(engine: FakeEngine, client: EngineClient) -> None:
    await engine.stop()
    with pytest.raises(CannotConnectError) as refused:
        await client.info()
    assert refused.value.code == "not_reached"
    with pytest.raises(CannotConnectError):
        await anext(client.events(None))


async def test_silence_has_a_limit(session: aiohttp.ClientSession, engine: FakeEngine) -> None:
    engine.fail("/info", None, hold=asyncio.Event())
    wire = transport.Transport(session, engine.url, TOKEN)
    with pytest.raises(CannotConnectError) as refused:
        await wire.json("GET", "/info", limit_s=0.05)
    assert (refused.value.code, str(refused.value)) == ("timeout", "no answer in time")


async def test_an_address_that_is_none(session: aiohttp.ClientSession) -> None:
    for url in ("nonsense", "http://user:hemmelig@[::1", "ftp://127.0.0.1"):
        for call in (EngineClient(session, url, TOKEN).info(), anext(EngineClient(session, url, TOKEN).events(None))):
            with pytest.raises(CannotConnectError) as refused:
                await call
            assert "hemmelig" not in str(refused.value)


async def test_the_token_is_in_no_error(
    engine: FakeEngine, client: EngineClient, caplog: pytest.LogCaptureFixture
) -> None:
    engine.refuse_tokens = True
    with pytest.raises(InvalidAuthError) as refused:
        await client.info()
    with pytest.raises(InvalidAuthError) as closed:
        await anext(client.events(None))
    await engine.stop()
    with pytest.raises(CannotConnectError) as gone:
        await client.info()
    assert TOKEN not in f"{refused.value!r}{closed.value!r}{gone.value!r}{client!r}{caplog.text}"


async def test_ids_cannot_leave_their_place_in_an_address(engine: FakeEngine, client: EngineClient) -> None:
    with pytest.raises(NotFoundError):
        await client.incident("../info")
    assert engine.requests[-1].path == "/incidents/../info", "decoded by the server; the client sent one segment"
    assert "%2F" in client.clip_url("a/b")


# --- the event stream -----------------------------------------------------------------------------------------------


async def test_events_begin_with_hello_and_resume(engine: FakeEngine, client: EngineClient) -> None:
    for number in (1, 2):
        await engine.push_incident(engine.incident(number))
    events = client.events(Position(engine.epoch, 42))
    first, second = await anext(events), await anext(events)
    assert (first["kind"], second["kind"], second["seq"]) == ("hello", "incident", 43)
    assert engine.requests[-1].query == {"since": "42", "epoch": engine.epoch}
    await events.aclose()
    await engine.wait_connected(0)


async def test_events_end_by_raising(engine: FakeEngine, client: EngineClient) -> None:
    events = client.events(None)
    await anext(events)
    await engine.wait_connected()
    await engine.drop_connections()
    with pytest.raises(CannotConnectError, match="closed"):
        await anext(events)


@pytest.mark.parametrize("nonsense", ["nonsense", "[1]", "null"])
async def test_events_that_are_no_objects(engine: FakeEngine, client: EngineClient, nonsense: str) -> None:
    events = client.events(None)
    await anext(events)
    await engine.wait_connected()
    await engine.push_raw(nonsense)
    with pytest.raises(BadMessageError):
        await anext(events)


async def test_a_connection_that_fell_silent_is_noticed(
    engine: FakeEngine, client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers pings as long as it lives: silence alone is no loss. A busy machine answers late."""
    monkeypatch.setattr(transport, "HEARTBEAT_S", 0.1)
    events = client.events(None)
    await anext(events)
    await engine.wait_connected()
    following = asyncio.ensure_future(anext(events))
    await engine.pinged(3)
    await engine.push_state("yard", online=True)
    assert (await following)["kind"] == "camera"
    engine.deaf = True
    with pytest.raises(CannotConnectError, match="silent"):
        await anext(events)


async def test_pings_of_the_engine_are_answered(engine: FakeEngine, client: EngineClient) -> None:
    events = client.events(None)
    await anext(events)
    await engine.wait_connected()
    following = asyncio.ensure_future(anext(events))
    assert await engine.ping() == b"there?"
    await engine.push_state("yard", online=True)
    await following
    await events.aclose()
