"""What the media browser shows, and what a player gets."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestServer
from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import (
    BrowseMediaSource,
    Unresolvable,
    async_browse_media,
    async_resolve_media,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.crime_detect.const import DOMAIN
from tests.integration.broker_only import BrokerOnlyLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.fake_engine import FakeEngine

URI = f"media-source://{DOMAIN}"


@pytest.fixture
async def running(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> MockConfigEntry:
    """An incident of yesterday evening in Amsterdam, which is over, and an open one after midnight there."""
    await hass.config.async_set_time_zone("Europe/Amsterdam")
    await async_setup_component(hass, "media_source", {})
    entry = await setup_entry()
    await engine.wait_connected()
    await engine.push_incident(engine.incident(1, started_at="2026-11-20T22:30:00.000Z", verdict="false_alarm"))
    await engine.push_incident(
        engine.incident(
            1,
            started_at="2026-11-20T22:30:00.000Z",
            ended_at="2026-11-20T22:31:00.000Z",
            verdict="false_alarm",
            rev=2,
        )
    )
    await engine.push_incident(engine.incident(2, started_at="2026-11-20T23:30:00.000Z", severity="critical"))
    await engine.push_incident(engine.incident(3, started_at="2026-11-18T12:00:00.000Z", severity="detection"))
    await engine.push_incident(engine.incident(4, "yard", started_at="2026-11-20T12:00:00.000Z", rev=0))
    known = entry.runtime_data.event_for
    await eventually(lambda: all(known(number(one)) for one in (1, 2, 3, 4)) and known(number(1)).snapshot_rev == 2)
    await hass.async_block_till_done()
    return entry


def number(incident: int) -> str:
    return f"01KDW{incident:021d}"


async def browse(hass: HomeAssistant, *place: str) -> BrowseMediaSource:
    found = await async_browse_media(hass, "/".join((URI, *place)))
    assert isinstance(found, BrowseMediaSource)
    return found


def titles(found: BrowseMediaSource) -> list[str]:
    return [child.title for child in found.children or ()]


async def test_from_engine_to_incident(hass: HomeAssistant, running: MockConfigEntry) -> None:
    entry_id = running.entry_id
    top = await browse(hass)
    assert titles(top) == ["Home"]
    engine = await browse(hass, entry_id)
    assert titles(engine) == ["Front door", "Yard"]
    front, yard = engine.children or ()
    assert front.thumbnail == f"/api/crime_detect/{entry_id}/{number(2)}/1/snapshot.jpg"
    assert yard.thumbnail is None
    days = await browse(hass, entry_id, "front_door")
    assert (days.title, titles(days)) == ("Front door", ["2026-11-21", "2026-11-20"])
    assert (days.children or ())[0].media_content_id == f"{URI}/{entry_id}/front_door/2026-11-21"


@pytest.mark.parametrize("broker", [False, True], ids=["http", "broker"])
async def test_incidents_of_a_day_in_local_time(hass: HomeAssistant, running: MockConfigEntry, broker: bool) -> None:
    if broker:
        running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    assert titles(await browse(hass, running.entry_id, "front_door")) == ["2026-11-21", "2026-11-20"]
    today = await browse(hass, running.entry_id, "front_door", "2026-11-21")
    assert titles(today) == ["00:30:00 · Fighting · 85%"]
    yesterday = await browse(hass, running.entry_id, "front_door", "2026-11-20")
    assert yesterday.title == "Front door · 2026-11-20"
    (item,) = yesterday.children or ()
    assert item.title == "23:30:00 · Fighting · 85% · False alarm"
    assert item.thumbnail == f"/api/crime_detect/{running.entry_id}/{number(1)}/2/snapshot.jpg"
    assert item.can_play
    assert item.media_content_type == ("image/jpeg" if broker else "video/mp4")
    again = await async_browse_media(hass, item.media_content_id)
    assert again.title == item.title


async def test_what_has_no_picture_cannot_be_played(hass: HomeAssistant, running: MockConfigEntry) -> None:
    (item,) = (await browse(hass, running.entry_id, "yard", "2026-11-20")).children or ()
    assert (item.can_play, item.thumbnail) == (False, None)
    with pytest.raises(Unresolvable) as raised:
        await async_resolve_media(hass, item.media_content_id, None)
    assert raised.value.translation_key == "media_not_yet"


async def test_old_days_follow_on_further_pages(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry
) -> None:
    first = datetime(2026, 11, 1, 12, tzinfo=UTC)
    for back in range(40):
        at = (first - timedelta(days=back)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        engine.incidents[number(100 + back)] = engine.incident(100 + back, "yard", started_at=at)
    found = await browse(hass, running.entry_id, "yard")
    assert len(titles(found)) == 32
    assert titles(found)[:2] == ["2026-11-20", "2026-11-01"]
    assert titles(found)[-1] == "Before 2026-10-03"
    older = await async_browse_media(hass, (found.children or ())[-1].media_content_id)
    assert isinstance(older, BrowseMediaSource)
    assert titles(older) == [f"2026-{day}" for day in _days("10-02", 10)]


def _days(newest: str, count: int) -> list[str]:
    at = datetime.strptime(f"2026-{newest}", "%Y-%m-%d").replace(tzinfo=UTC)
    return [(at - timedelta(days=back)).strftime("%m-%d") for back in range(count)]


async def test_a_day_of_very_many_says_that_there_are_more(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.crime_detect.media_catalog.PAGE", 2)
    monkeypatch.setattr("custom_components.crime_detect.media_catalog.PAGES", 2)
    for one in range(10, 15):
        at = f"2026-10-01T12:00:{one}.000Z"
        engine.incidents[number(one)] = engine.incident(one, "yard", started_at=at)
    found = await browse(hass, running.entry_id, "yard", "2026-10-01")
    assert (len(titles(found)), found.not_shown) == (4, 1)
    assert titles(found)[0].startswith("14:00:14")


@pytest.mark.parametrize(
    "place",
    [
        "another",
        "{entry}/front_door/nonsense",
        "{entry}/front_door/before-nonsense",
        "{entry}/front_door/2026-11-20/..",
        "{entry}/front_door/2026-11-20/01KDWUNKNOWN",
        "{entry}/front_door/2026-11-20/x/y",
    ],
)
async def test_places_that_are_not_there(hass: HomeAssistant, running: MockConfigEntry, place: str) -> None:
    media_id = f"{URI}/{place.format(entry=running.entry_id)}"
    with pytest.raises(BrowseError) as browsed:
        await async_browse_media(hass, media_id)
    assert str(browsed.value).startswith("This is not there")
    with pytest.raises(Unresolvable) as resolved:
        await async_resolve_media(hass, media_id, None)
    assert resolved.value.translation_key == "media_unknown"


async def test_a_folder_cannot_be_played(hass: HomeAssistant, running: MockConfigEntry) -> None:
    with pytest.raises(Unresolvable):
        await async_resolve_media(hass, f"{URI}/{running.entry_id}/front_door", None)
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    with pytest.raises(Unresolvable):
        await async_resolve_media(hass, f"{URI}/{running.entry_id}/front_door/2026-11-20/01KDWUNKNOWN", None)


async def test_an_engine_that_fails_is_said(hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry) -> None:
    engine.fail("/incidents", 500)
    with pytest.raises(BrowseError, match="It was told to fail"):
        await browse(hass, running.entry_id, "front_door")
    engine.fail("/01KDWUNKNOWN", 500)
    with pytest.raises(Unresolvable) as raised:
        await async_resolve_media(hass, f"{URI}/{running.entry_id}/front_door/2026-11-20/01KDWUNKNOWN", None)
    assert raised.value.translation_key == "engine_error"


# --- playing ---------------------------------------------------------------------------------------------------------


async def _played(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, incident: int, **headers: str
) -> ClientResponse:
    entry_id = hass.config_entries.async_entries(DOMAIN)[0].entry_id
    media = await async_resolve_media(hass, f"{URI}/{entry_id}/front_door/2026-11-20/{number(incident)}", None)
    client = await hass_client()
    return await client.get(media.url, headers=headers)


async def test_the_clip_is_played_without_the_engines_token(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    answer = await _played(hass, hass_client, 1)
    assert (answer.status, answer.content_type) == (200, "video/mp4")
    assert await answer.read() == engine.clip
    assert engine.token not in str(answer.url) + str(answer.headers)


async def test_players_jump_within_the_clip(
    hass: HomeAssistant,
    engine: FakeEngine,
    running: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the engine serves it: a file with ranges."""
    clip, seen = tmp_path / "clip.mp4", []
    clip.write_bytes(engine.clip)

    async def serve(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers.get("Authorization"))
        return web.FileResponse(clip)

    app = web.Application()
    app.router.add_get("/clip.mp4", serve)
    async with TestServer(app) as server:
        url = str(server.make_url("/clip.mp4"))
        monkeypatch.setattr(running.runtime_data.link.client, "clip_url", lambda _incident_id: url)
        answer = await _played(hass, hass_client, 1, Range="bytes=100-199")
        assert (answer.status, await answer.read()) == (206, engine.clip[100:200])
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(engine.clip)}"
        assert answer.headers["Accept-Ranges"] == "bytes"
        beyond = await _played(hass, hass_client, 1, Range="bytes=9999999-")
        assert beyond.status == 416
    assert set(seen) == {f"Bearer {engine.token}"}


async def test_pictures_are_shown_where_there_is_no_clip(
    hass: HomeAssistant, engine: FakeEngine, media: Path, running: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    resolved = await async_resolve_media(hass, f"{URI}/{running.entry_id}/front_door/2026-11-21/{number(2)}", None)
    assert resolved.mime_type == "image/jpeg"
    assert resolved.path == media / "crime_detect" / "front_door" / f"{number(2)}.jpg"
    answer = await _played(hass, hass_client, 2)
    assert (answer.status, await answer.read()) == (200, engine.picture(number(2), 1))
    asked = len(engine.requests)
    answer = await _played(hass, hass_client, 2)
    assert len(engine.requests) == asked  # ours is as new
    resolved.path.unlink()
    answer = await _played(hass, hass_client, 2)
    assert (answer.status, await answer.read()) == (200, engine.picture(number(2), 1))
    assert len(engine.requests) == asked + 1


async def test_nobody_sees_anything_without_signing_in(
    hass: HomeAssistant, running: MockConfigEntry, hass_client_no_auth: ClientSessionGenerator
) -> None:
    client = await hass_client_no_auth()
    for name in ("clip.mp4", "1/snapshot.jpg"):
        answer = await client.get(f"/api/crime_detect/{running.entry_id}/{number(1)}/{name}")
        assert answer.status == 401


async def test_what_a_view_cannot_give(
    hass: HomeAssistant, engine: FakeEngine, running: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    here = f"/api/crime_detect/{running.entry_id}"

    async def status(path: str) -> int:
        return (await client.get(path)).status

    assert await status(f"/api/crime_detect/another/{number(1)}/clip.mp4") == 404
    assert await status(f"/api/crime_detect/another/{number(1)}/snapshot.jpg") == 404
    assert await status(f"{here}/01KDWUNKNOWN/clip.mp4") == 404
    assert await status(f"{here}/01KDWUNKNOWN/1/snapshot.jpg") == 404
    assert await status(f"{here}/a-b/1/snapshot.jpg") == 404
    assert await status(f"{here}/{number(4)}/1/snapshot.jpg") == 404
    engine.incidents[number(9)] = engine.incident(9)
    assert await status(f"{here}/{number(9)}/1/snapshot.jpg") == 200
    engine.fail("clip.mp4", 500)
    assert await status(f"{here}/{number(1)}/clip.mp4") == 502
    engine.fail("snapshot.jpg", 500)
    assert await status(f"{here}/{number(9)}/1/snapshot.jpg") == 502
    engine.fail(number(9), 500)
    assert await status(f"{here}/{number(9)}/1/snapshot.jpg") == 502
    await engine.stop()
    assert await status(f"{here}/{number(1)}/clip.mp4") == 502
    running.runtime_data.link = BrokerOnlyLink(running.runtime_data.link)
    assert await status(f"{here}/{number(1)}/clip.mp4") == 404


async def test_a_clip_that_breaks_off_does_not_look_whole(
    hass: HomeAssistant, running: MockConfigEntry, hass_client: ClientSessionGenerator, unused_tcp_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def half(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(half, "127.0.0.1", unused_tcp_port)
    async with server:
        client = running.runtime_data.link.client
        monkeypatch.setattr(client, "clip_url", lambda _id: f"http://127.0.0.1:{unused_tcp_port}/clip.mp4")
        answer = await (await hass_client()).get(f"/api/crime_detect/{running.entry_id}/{number(1)}/clip.mp4")
        with pytest.raises(Exception, match=r"(payload|closed|Not enough data)"):
            await answer.read()
