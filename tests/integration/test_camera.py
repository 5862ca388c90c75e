"""The camera entity: the engine's live picture through Home Assistant; its token stays with us."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from homeassistant.components.camera import async_get_image
from homeassistant.const import STATE_UNAVAILABLE, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
from syrupy.assertion import SnapshotAssertion

from custom_components.crime_detect.link_websocket import WebSocketLink
from tests.integration.conftest import Eventually, SetupEntry
from tests.integration.entities import assert_as_in_snapshot, attribute, only, value
from tests.integration.fake_engine import JPEG, FakeEngine

LIVE = "camera.front_door_live"


async def test_all_of_them(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, snapshot: SnapshotAssertion
) -> None:
    with only(Platform.CAMERA):
        assert_as_in_snapshot(hass, await setup_entry(), snapshot)


async def test_a_still_is_the_engines_newest_picture(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    assert (await async_get_image(hass, LIVE)).content == JPEG % b"front_door"


async def test_video_comes_through_us_and_the_token_does_not(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, hass_client: ClientSessionGenerator
) -> None:
    await setup_entry()
    client = await hass_client()
    response = await client.get(f"/api/camera_proxy_stream/{LIVE}")
    assert response.status == HTTPStatus.OK
    assert response.headers["Content-Type"].startswith("multipart/x-mixed-replace")
    assert JPEG % b"live" in await response.read()
    (asked,) = [one for one in engine.requests if one.path.endswith("live.mjpeg")]
    assert asked.headers["Authorization"] == f"Bearer {engine.token}"
    assert not asked.query
    assert engine.token not in str(hass.states.get(LIVE))
    assert engine.token not in str(response.headers)


async def test_what_is_no_video_is_not_passed_on(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, hass_client: ClientSessionGenerator
) -> None:
    await setup_entry()
    engine.fail("live.mjpeg", 503)
    client = await hass_client()
    assert (await client.get(f"/api/camera_proxy_stream/{LIVE}")).status == HTTPStatus.BAD_GATEWAY


async def test_an_engine_that_has_no_picture_says_why(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry
) -> None:
    await setup_entry()
    engine.fail("live.jpg", 404)
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, LIVE)


async def test_nothing_is_to_be_seen_while_privacy_is_on(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    await setup_entry()
    await engine.push_state("front_door", privacy=True, state="paused")
    await eventually(lambda: value(hass, LIVE) == STATE_UNAVAILABLE)
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, LIVE)
    await engine.push_state("front_door", privacy=False, state="live")
    await eventually(lambda: value(hass, LIVE) != STATE_UNAVAILABLE)


async def test_frigates_cameras_are_not_doubled(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    engine.cameras["yard"]["source"] = "frigate:yard"
    await setup_entry()
    assert hass.states.get("camera.yard_live") is None
    engine.add_camera("shed", "Shed", "frigate:shed")
    engine.add_camera("hall", "Hall")
    await engine.push_info()
    await engine.push_state("hall")
    await engine.push_state("shed")
    await eventually(lambda: hass.states.get("camera.hall_live") is not None)
    assert hass.states.get("camera.shed_live") is None


async def test_an_engine_that_does_not_tell_its_sources_is_asked_again(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, eventually: Eventually
) -> None:
    engine.fail("/cameras", 500, times=1)
    await setup_entry()
    assert hass.states.get(LIVE) is None
    await engine.push_info(alerts_today=9)
    await eventually(lambda: hass.states.get(LIVE) is not None)


async def test_over_a_broker_there_is_no_video(
    hass: HomeAssistant, engine: FakeEngine, setup_entry: SetupEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WebSocketLink, "client", None)
    entry = await setup_entry()
    registered = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert not [one for one in registered if one.domain == "camera"]
    assert attribute(hass, "event.front_door_incident", "event_types") == ["fighting", *engine.info["rules"]]
