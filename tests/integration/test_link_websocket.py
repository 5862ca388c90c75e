"""The WebSocket feed alone: how it begins, tries again and ends, and its commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from custom_components.crime_detect import link_websocket
from custom_components.crime_detect.engine.client import EngineClient
from custom_components.crime_detect.engine.errors import BadMessageError, CannotConnectError, InvalidAuthError
from custom_components.crime_detect.engine.models import Incident, Position
from custom_components.crime_detect.link_websocket import WebSocketLink
from tests.integration.fake_engine import FakeEngine

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


class Sink:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.fail_on: str | None = None

    @property
    def words(self) -> list[str]:
        return [name for name, _ in self.told]

    def __getattr__(self, name: str) -> Callable[..., None]:
        def tell(*values: Any) -> None:
            self.told.append((name, values))
            if name == self.fail_on:
                raise RuntimeError("a bug of ours")

        return tell


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
async def link(hass: HomeAssistant, engine: FakeEngine) -> AsyncIterator[WebSocketLink]:
    link = WebSocketLink(hass, EngineClient(async_get_clientsession(hass), engine.url, engine.token))
    yield link
    await link.stop()


async def start(link: WebSocketLink, sink: Sink, position: Position | None = None) -> None:
    await link.start(sink, lambda: position)  # type: ignore[arg-type]


async def test_a_first_connection(engine: FakeEngine, link: WebSocketLink, sink: Sink, eventually: Eventually) -> None:
    await start(link, sink)
    assert sink.words == ["connected", "replay_over"]
    assert engine.requests[0].query == {}
    hello = sink.told[0][1][0]
    assert (hello.seq, hello.info.uuid, set(hello.cameras)) == (41, engine.uuid, {"front_door", "yard"})
    await engine.wait_connected()
    await engine.push_incident(engine.incident(1))
    await engine.push_state("yard", online=True)
    await engine.push_info(alerts_today=9)
    await eventually(lambda: len(sink.told) == 5)
    assert sink.words[2:] == ["incident", "camera", "engine"]
    assert sink.told[2][1][0].replayed is False
    assert sink.told[3][1][0::2] == ("yard", 43)


async def test_a_replay_is_told_as_such_and_its_end(
    engine: FakeEngine, link: WebSocketLink, sink: Sink, eventually: Eventually
) -> None:
    """States of back then are no news: the greeting has those of now."""
    await engine.push_incident(engine.incident(1))
    await engine.push_state("yard", online=True)
    await engine.push_info(alerts_today=9)
    await engine.push_incident(engine.incident(2))
    await start(link, sink, Position(engine.epoch, 41))
    await eventually(lambda: sink.words[-1:] == ["replay_over"])
    assert sink.words == ["connected", "incident", "incident", "replay_over"]
    assert sink.told[1][1][0].replayed


async def test_a_reset(engine: FakeEngine, link: WebSocketLink, sink: Sink, eventually: Eventually) -> None:
    await start(link, sink, Position("another", 40))
    await eventually(lambda: len(sink.told) == 3)
    assert sink.words == ["connected", "reset", "replay_over"]


async def test_nothing_runs_after_a_failed_start(engine: FakeEngine, link: WebSocketLink, sink: Sink) -> None:
    engine.refuse_tokens = True
    with pytest.raises(InvalidAuthError):
        await start(link, sink)
    engine.refuse_tokens = False
    for greeting in ({"kind": "incident", "schema_version": 1}, {"schema_version": 1, "kind": "hello", "data": {}}, {}):
        engine.greeting = greeting
        with pytest.raises(BadMessageError):
            await start(link, sink)
    engine.greeting, engine.schema_version = None, 2
    with pytest.raises(BadMessageError) as refused:
        await start(link, sink)
    assert refused.value.code == "newer_schema"
    await engine.stop()
    with pytest.raises(CannotConnectError):
        await start(link, sink)
    asked = len(engine.requests)
    await asyncio.sleep(0)
    assert (sink.told, len(engine.requests), link._task) == ([], asked, None)


async def test_silence_instead_of_a_greeting(
    engine: FakeEngine, link: WebSocketLink, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_websocket, "HELLO_S", 0.05)
    engine.fail("/events", None, hold=asyncio.Event())
    with pytest.raises(CannotConnectError, match="greet"):
        await start(link, sink)


async def test_a_bug_at_first_is_raised(engine: FakeEngine, link: WebSocketLink, sink: Sink) -> None:
    sink.fail_on = "connected"
    with pytest.raises(RuntimeError):
        await start(link, sink)


async def test_a_bug_later_is_a_lost_connection(
    engine: FakeEngine,
    link: WebSocketLink,
    sink: Sink,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(link_websocket, "FIRST_PAUSE_S", 0.01)
    await start(link, sink)
    await engine.wait_connected()
    sink.fail_on = "incident"
    await engine.push_incident(engine.incident(1))
    await eventually(lambda: sink.words.count("connected") == 2)
    assert sink.words.count("disconnected") == 1
    assert "a bug of ours" in caplog.text


async def test_pauses_grow_to_a_bound_and_shrink_after_a_good_connection(
    hass: HomeAssistant, engine: FakeEngine, link: WebSocketLink, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    enough = asyncio.Event()

    async def pause(_: WebSocketLink, delay_s: float) -> None:
        pauses.append(delay_s)
        if len(pauses) == 9:
            monkeypatch.setattr(link_websocket, "STEADY_S", -1.0)
        if len(pauses) == 10:
            enough.set()
            await asyncio.Event().wait()

    await start(link, sink)
    await engine.wait_connected()
    monkeypatch.setattr(WebSocketLink, "_pause", pause)
    await engine.stop()
    async with asyncio.timeout(60):
        await enough.wait()
    for number, delay_s in enumerate(pauses[:9]):
        longest_s = min(2.0**number, link_websocket.LONGEST_PAUSE_S)
        assert longest_s / 2 <= delay_s <= longest_s
    assert pauses[9] <= link_websocket.FIRST_PAUSE_S
    assert sink.words == ["connected", "replay_over", "disconnected"], "a loss is said once"


async def test_commands(engine: FakeEngine, link: WebSocketLink) -> None:
    incident = engine.incident(incident_id="A1")
    engine.incidents["A1"] = incident
    await link.set_detection("yard", False)
    await link.set_privacy("yard", True)
    await link.set_threshold("yard", 0.85)
    assert engine.sent("PATCH", "/cameras/yard") == [{"detection": False}, {"privacy": True}, {"threshold": 0.85}]
    await link.snooze("yard", 30, "fighting")
    assert engine.sent("POST", "/cameras/yard/snooze") == [{"minutes": 30, "label": "fighting"}]
    await link.set_verdict("A1", "false_alarm", "Anna")
    await link.acknowledge("A1")
    await link.hold("A1", False)
    assert (incident["verdict"], incident["acknowledged"], incident["hold"]) == ("false_alarm", True, False)
    assert await link.picture(Incident.from_json(incident)) == engine.picture("A1", 1)
    engine.info["mqtt_discovery"] = True
    await link.switch_off_mqtt_discovery()
    assert engine.info["mqtt_discovery"] is False
    assert link.client.url == engine.url
