from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol
from aiohttp import web
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.sources.frigate import SCHEMA, FrigateCamera, FrigateDiscovery, FrigateOptions, FrigateSource

from tests.rig.frigate import FakeFrigate


def names(discovery: FrigateDiscovery) -> list[str]:
    return sorted(discovery.cameras)


async def test_all_enabled_cameras_are_found_with_their_restreams() -> None:
    async with FakeFrigate(["yard", "door", "attic"]) as frigate:
        frigate.disabled = ["attic"]
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
        assert dict(discovery.cameras) == {
            "yard": FrigateCamera("yard", "rtsp://127.0.0.1:8554/yard", (640, 360), ("person", "car")),
            "door": FrigateCamera("door", "rtsp://127.0.0.1:8554/door", (640, 360), ("person", "car")),
        }
        assert (discovery.status.available, discovery.status.version) == (True, "0.16.2-4d58206")


async def test_a_recording_that_frigate_shows_again_is_no_camera() -> None:
    async with FakeFrigate(["yard", "_replay_yard"]) as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
    assert sorted(discovery.offered) == ["yard"]


async def test_what_frigate_says_of_its_detection_and_its_broker() -> None:
    async with FakeFrigate(["yard", "door"]) as frigate:
        frigate.blind = ["door"]
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
        assert discovery.topic_prefix is None, "its MQTT is off"
        assert (discovery.offered["yard"].tracks, discovery.offered["door"].tracks) == (("person", "car"), ())
        frigate.topic_prefix = "house/nvr"
        await discovery.poll()
        assert discovery.topic_prefix == "house/nvr"
        frigate.topic_prefix = "house/#"
        await discovery.poll()
        assert discovery.topic_prefix is None, "a prefix that would hear everything is none"


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async with FakeFrigate(["yard"]) as frigate:
        frigate.answer = web.Response(body=b" " * 9_000_000)
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
    assert "too long" in str(discovery.status.error)


async def test_what_is_not_watched_by_itself_is_offered_and_can_be_watched() -> None:
    async with FakeFrigate(["yard", "door"]) as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url, cameras=("door",)))
        await discovery.poll()
        assert (names(discovery), sorted(discovery.offered)) == (["door"], ["door", "yard"])
        assert discovery.restream("yard") == "rtsp://127.0.0.1:8554/yard"


async def test_changes_are_followed_and_a_frigate_that_is_gone_keeps_its_cameras() -> None:
    async with FakeFrigate(["yard"]) as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
        assert names(discovery) == ["yard"]
        frigate.cameras = ["attic", "door"]
        await discovery.poll()
        assert names(discovery) == ["attic", "door"]
        await frigate.stop()
        await discovery.poll()
        assert not discovery.status.available
        assert "cannot be reached" in str(discovery.status.error)
        assert discovery.restream("door") == "rtsp://127.0.0.1:8554/door"
        await frigate.start()
        await discovery.poll()
        assert discovery.status.available


async def test_it_logs_in_once_and_again_when_the_session_ends() -> None:
    async with FakeFrigate(["yard"], user="eye", password="s3cret") as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url, "eye", "s3cret"))
        await discovery.poll()
        await discovery.poll()
        assert (names(discovery), frigate.logins) == (["yard"], 1)
        frigate.token = "token-2"
        await discovery.poll()
        assert (discovery.status.available, frigate.logins) == (True, 2)


@pytest.mark.parametrize(
    ("login", "message"), [((None, None), "wants a login"), (("eye", "s3cretly"), "refuses the login")]
)
async def test_a_missing_or_wrong_login_is_told_without_it(login: tuple[str | None, str | None], message: str) -> None:
    async with FakeFrigate(["yard"], user="eye", password="s3cret") as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url, *login))
        await discovery.poll()
    assert message in str(discovery.status.error)
    assert "s3cret" not in f"{discovery.status} {discovery._options}"


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>"},
        {"text": "[]", "content_type": "application/json"},
        {"text": '{"cameras": 3}'},
        {"text": "{}"},
        {"status": 500},
        {"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}},
    ],
)
async def test_answers_that_are_not_frigates(answer: dict[str, Any]) -> None:
    async with FakeFrigate(["yard"]) as frigate:
        frigate.answer = web.Response(**answer)
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
    assert not discovery.status.available
    assert discovery.status.error


async def test_only_chosen_cameras_and_a_word_about_unknown_ones() -> None:
    async with FakeFrigate(["yard", "door"]) as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url, cameras=("yard", "cellar")))
        await discovery.poll()
    assert names(discovery) == ["yard"]
    assert discovery.status.error == "Frigate has no enabled camera named cellar"


async def test_a_camera_without_a_restream_says_what_to_do() -> None:
    async with FakeFrigate(["yard"]) as frigate:
        frigate.unstreamed = ["yard"]
        discovery = FrigateDiscovery(FrigateOptions(frigate.url))
        await discovery.poll()
    with pytest.raises(SourceError, match=r"go2rtc.streams"):
        next(FrigateSource("yard", discovery, SystemClock()).frames(None))
    with pytest.raises(SourceError, match="no enabled camera named cellar"):
        next(FrigateSource("cellar", discovery, SystemClock()).frames(None))


async def test_a_camera_is_read_from_its_restream(serve: Any, video: Any) -> None:
    server = serve({"yard": [video]})
    async with FakeFrigate(["yard"]) as frigate:
        discovery = FrigateDiscovery(FrigateOptions(frigate.url, rtsp_port=server.port))
        await discovery.poll()
    assert next(FrigateSource("yard", discovery, SystemClock()).frames(None)).width == 160


def test_the_section_of_the_configuration() -> None:
    assert SCHEMA({"url": "http://frigate:5000/"}) == FrigateOptions("http://frigate:5000")
    assert SCHEMA({"url": "http://f", "cameras": ["a"], "write_back": False}).cameras == ("a",)
    assert SCHEMA({"url": "http://f", "cameras": []}).cameras == (), "offered, none watched by itself"
    mapped = SCHEMA({"url": "http://f", "rtsp_port": 18554, "poll": "5s"})
    assert (mapped.rtsp_port, mapped.poll_s) == (18554, 5.0)
    assert SCHEMA({"url": "http://f", "username": None, "rtsp_port": None, "poll": None}) == FrigateOptions("http://f")
    for wrong in (
        {},
        {"url": "http://f", "rtsp_port": 0},
        {"url": "http://f", "poll": "0.5s"},
        {"url": "http://f", "poll": "a while"},
        {"url": "frigate"},
        {"url": "http://u:p@f"},
        {"url": "http://f", "cameras": [""]},
        {"url": "http://f", "write_back": True},
        {"url": "http://f", "colour": "red"},
    ):
        with pytest.raises(vol.Invalid):
            SCHEMA(wrong)
