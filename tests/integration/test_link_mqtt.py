"""An engine that is reached through the broker only: told from retained messages, replayed, commanded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components import mqtt
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_mqtt_message,
    async_fire_time_changed,
)

from custom_components.crime_detect import link_mqtt, mqtt_pictures
from custom_components.crime_detect.const import CONF_FEED, CONF_TOPIC, DOMAIN, FEED_MQTT, TOO_NEW
from custom_components.crime_detect.coordinator import CrimeDetectCoordinator, IncidentEvent, IncidentEventKind
from custom_components.crime_detect.engine.errors import (
    CannotConnectError,
    EngineError,
    NotFoundError,
    NotOverMqttError,
)
from tests.integration.fake_engine import FakeEngine, golden

TOPIC = "crime_detect/home"
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
NEW, RAISED, ENDED = IncidentEventKind.NEW, IncidentEventKind.RAISED, IncidentEventKind.ENDED


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Of Home Assistant's MQTT client."""
    return True


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_mqtt, "ANSWER_S", 0.2)
    monkeypatch.setattr(mqtt_pictures, "WAIT_S", 0.05)


def ago(**by: float) -> str:
    return (dt_util.utcnow() - timedelta(**by)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Broker:
    """What an engine's side of the broker does: publishes what is retained, hears commands, answers replays."""

    def __init__(self, hass: HomeAssistant, engine: FakeEngine, client: Any, eventually: Eventually) -> None:
        self.hass = hass
        self.engine = engine
        self.client = client
        self.eventually = eventually
        self.heard: list[IncidentEvent] = []

    def say(self, topic: str, payload: Any) -> None:
        content = payload if isinstance(payload, str | bytes) else json.dumps(payload)
        async_fire_mqtt_message(self.hass, f"{TOPIC}/{topic}", content, 1)

    def info(self, **changes: Any) -> dict[str, Any]:
        info = golden("info") | {"uuid": self.engine.uuid, "epoch": self.engine.epoch, "problems": []}
        info["cameras"] = [{"id": one["id"], "name": one["name"]} for one in self.engine.cameras.values()]
        return info | changes

    def say_all(self) -> None:
        self.say("available", "online")
        self.say("info", self.info())
        for camera in self.engine.cameras:
            self.say_state(camera)

    def say_state(self, camera: str, **changes: Any) -> None:
        state = self.engine.cameras[camera]["state"]
        state.update(changes)
        self.say(f"{camera}/state", state)

    async def say_incident(self, after: dict[str, Any] | None, *, picture: bytes | None = None, **more: Any) -> Any:
        message = await self.engine.push_incident(after, **more)
        known = after or more["before"]
        if picture:
            self.say(f"media/{known['incident_id']}.jpg", picture)
        self.say(f"{known['camera']}/incident", message["data"])
        return message

    def commands(self) -> list[tuple[str, str]]:
        return [
            (call.args[0].removeprefix(f"{TOPIC}/"), call.args[1])
            for call in self.client.async_publish.call_args_list
            if call.args[0].startswith(TOPIC)
        ]

    def replays(self) -> list[Any]:
        return [json.loads(payload) for topic, payload in self.commands() if topic == "replay/set"]


@pytest.fixture
def mqtt_entry(hass: HomeAssistant, engine: FakeEngine, media: Path) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Cabin",
        unique_id=engine.uuid,
        data={CONF_FEED: FEED_MQTT, CONF_TOPIC: TOPIC},
        entry_id="01JTESTMQTTENTRY0000000000",
    )
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
async def broker(
    hass: HomeAssistant, engine: FakeEngine, mqtt_mock: Any, mqtt_entry: MockConfigEntry, eventually: Eventually
) -> AsyncIterator[Broker]:
    yield Broker(hass, engine, mqtt_mock, eventually)
    if mqtt_entry.state is ConfigEntryState.LOADED:
        await hass.config_entries.async_unload(mqtt_entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.fixture
def start(
    hass: HomeAssistant, broker: Broker, mqtt_entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Awaitable[CrimeDetectCoordinator]]:
    """Sets the entry up while the engine's retained messages come in; listens from the first moment."""
    begin = CrimeDetectCoordinator.async_begin

    def listen_and_begin(coordinator: CrimeDetectCoordinator) -> None:
        coordinator.async_add_incident_listener(broker.heard.append)
        begin(coordinator)

    monkeypatch.setattr(CrimeDetectCoordinator, "async_begin", listen_and_begin)

    async def set_up() -> CrimeDetectCoordinator:
        subscribe = broker.client.async_subscribe
        subscribe.reset_mock()
        setting_up = hass.async_create_task(hass.config_entries.async_setup(mqtt_entry.entry_id))
        while "replay" not in str(subscribe.mock_calls) and not setting_up.done():  # noqa: ASYNC110 no event
            await asyncio.sleep(0.01)
        broker.say_all()
        await setting_up
        await hass.async_block_till_done()
        coordinator: CrimeDetectCoordinator = mqtt_entry.runtime_data
        return coordinator

    return set_up


Start = Callable[[], Awaitable[CrimeDetectCoordinator]]


async def test_an_engine_is_put_together_from_what_is_retained(broker: Broker, start: Start) -> None:
    coordinator = await start()
    assert coordinator.connected
    assert set(coordinator.data.cameras) == {"front_door", "yard"}
    assert (coordinator.data.info.version, coordinator.link.client) == ("0.2.0", None)
    assert coordinator.update_interval is None
    broker.say("stats", golden("stats") | {"uuid": broker.engine.uuid, "alerts_today": 5})
    assert (coordinator.data.info.alerts_today, coordinator.data.info.device) == (5, "cpu")
    broker.say("stats", golden("stats") | {"uuid": "of another", "alerts_today": 9})
    assert coordinator.data.info.alerts_today == 5


async def test_an_incident_with_its_picture(broker: Broker, start: Start, media: Path) -> None:
    coordinator = await start()
    at = ago(seconds=3)
    await broker.say_incident(broker.engine.incident(1, started_at=at), picture=b"\xff\xd8 one")
    await broker.eventually(lambda: len(broker.heard) == 1)
    told = broker.heard[0]
    assert (told.kind, told.picture and told.picture.read_bytes()) == (NEW, b"\xff\xd8 one")
    second = broker.engine.incident(1, started_at=at, rev=2, severity="critical")
    await broker.say_incident(second, picture=b"\xff\xd8 two")
    await broker.eventually(lambda: len(broker.heard) == 2)
    assert broker.heard[1].kind is RAISED
    assert broker.heard[1].picture is not None
    assert broker.heard[1].picture.read_bytes() == b"\xff\xd8 two"
    assert coordinator.history.position is not None
    assert coordinator.history.position.seq == broker.engine.seq


async def test_a_picture_that_is_not_published_holds_nobody_up(
    broker: Broker, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = await start()
    await broker.say_incident(broker.engine.incident(1, started_at=ago(seconds=3)))
    await broker.eventually(lambda: len(broker.heard) == 1)
    assert broker.heard[0].picture is None
    assert "it was not published" in caplog.text
    with pytest.raises(NotFoundError):
        await coordinator.link.picture(broker.heard[0].incident)


async def test_repeats_of_qos_1_are_told_once(broker: Broker, start: Start) -> None:
    await start()
    message = await broker.say_incident(broker.engine.incident(1, started_at=ago(seconds=3)))
    for _ in range(3):
        broker.say("front_door/incident", message["data"])
    await broker.say_incident(broker.engine.incident(2, "yard", started_at=ago(seconds=3)))
    await broker.eventually(lambda: len(broker.heard) == 2)
    assert [event.kind for event in broker.heard] == [NEW, NEW]


async def test_a_restart_asks_for_what_was_missed(
    hass: HomeAssistant, broker: Broker, start: Start, mqtt_entry: MockConfigEntry
) -> None:
    """One event for each incident, also when news comes in the middle of the replay, and in the wrong order."""
    await start()
    assert broker.replays() == []
    first = broker.engine.incident(1, started_at=ago(seconds=30))
    await broker.say_incident(first)
    await broker.eventually(lambda: len(broker.heard) == 1)
    known = broker.engine.seq
    await hass.config_entries.async_unload(mqtt_entry.entry_id)
    missed = [
        await broker.engine.push_incident(first | {"confidence": 0.9}),
        await broker.engine.push_incident(broker.engine.incident(2, "yard", started_at=ago(seconds=9))),
        await broker.engine.push_incident(
            broker.engine.incident(2, "yard", started_at=ago(seconds=9), severity="critical")
        ),
    ]
    broker.heard.clear()
    coordinator = await start()
    assert broker.replays() == [{"since": known, "epoch": broker.engine.epoch}]
    for message in missed:
        broker.say("replay", message)
    live = await broker.say_incident(first | {"severity": "critical"})
    broker.say("replay", live)
    await hass.async_block_till_done()
    assert coordinator.history.position is not None
    assert coordinator.history.position.seq == known, "what is still to come must be asked for again after a crash"
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=2))
    await broker.eventually(lambda: len(broker.heard) >= 2)
    told = {event.incident.camera: event.kind for event in broker.heard}
    assert told == {"front_door": RAISED, "yard": NEW}
    assert len(broker.heard) == 2
    assert coordinator.history.position.seq == live["seq"]


async def test_the_end_that_nobody_told(
    hass: HomeAssistant, broker: Broker, start: Start, mqtt_entry: MockConfigEntry
) -> None:
    """Commands are off, so nothing is replayed; the camera's state says that it is over."""
    await start()
    broker.say_state("front_door", active=True)
    await broker.say_incident(broker.engine.incident(1, started_at=ago(seconds=30)))
    await broker.eventually(lambda: len(broker.heard) == 1)
    await hass.config_entries.async_unload(mqtt_entry.entry_id)
    broker.engine.cameras["front_door"]["state"]["active"] = False
    coordinator = await start()
    assert coordinator.open_incident("front_door") is not None
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=6))
    await broker.eventually(lambda: len(broker.heard) == 2)
    assert broker.heard[1].kind is ENDED
    assert coordinator.open_incident("front_door") is None
    # The engine's own word is still taken when it comes.
    over = broker.engine.incident(1, started_at=ago(seconds=30), ended_at=ago(seconds=1), confidence=0.99)
    await broker.say_incident(over)
    await broker.eventually(lambda: len(broker.heard) == 3)
    assert broker.heard[2].incident.confidence == 0.99


async def test_a_reset_of_an_engine_without_http(
    hass: HomeAssistant, broker: Broker, start: Start, mqtt_entry: MockConfigEntry
) -> None:
    await start()
    await broker.say_incident(broker.engine.incident(1, started_at=ago(seconds=30)))
    await broker.eventually(lambda: len(broker.heard) == 1)
    await hass.config_entries.async_unload(mqtt_entry.entry_id)
    broker.engine.epoch, broker.engine.seq = "01KEAFTERRESTORE0000000000", 2
    coordinator = await start()
    broker.say("replay", golden("reset") | {"epoch": broker.engine.epoch})
    await broker.say_incident(broker.engine.incident(2, "yard", started_at=ago(seconds=3)))
    await broker.eventually(lambda: len(broker.heard) == 2)
    assert broker.heard[1].kind is NEW
    position = coordinator.history.position
    assert position is not None
    assert (position.epoch, position.seq) == (broker.engine.epoch, 3)


async def test_an_epoch_that_changes_while_connected(broker: Broker, start: Start) -> None:
    coordinator = await start()
    await broker.say_incident(broker.engine.incident(1, started_at=ago(seconds=30)))
    await broker.eventually(lambda: len(broker.heard) == 1)
    broker.engine.epoch, broker.engine.seq = "01KEAFTERRESTORE0000000000", 2
    await broker.say_incident(broker.engine.incident(2, "yard", started_at=ago(seconds=3)))
    await broker.eventually(lambda: len(broker.heard) == 2)
    broker.say("info", broker.info())
    assert coordinator.history.position is not None
    assert coordinator.history.position.epoch == broker.engine.epoch


async def test_engine_and_broker_go_and_come(
    hass: HomeAssistant, broker: Broker, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = await start()
    broker.say("available", "offline")
    broker.say("available", "offline")
    assert not coordinator.connected
    assert caplog.text.count("Cabin is not connected") == 1
    broker.say_state("yard", online=True)
    assert not coordinator.connected
    broker.say("available", "online")
    assert coordinator.connected
    assert coordinator.data.cameras["yard"].online
    async_dispatcher_send(hass, mqtt.MQTT_CONNECTION_STATE, False)
    await hass.async_block_till_done()
    assert not coordinator.connected
    async_dispatcher_send(hass, mqtt.MQTT_CONNECTION_STATE, True)
    broker.say_all()
    await hass.async_block_till_done()
    assert coordinator.connected
    assert len(broker.replays()) == 0, "no event was ever heard"


async def test_cameras_come_and_go(broker: Broker, start: Start) -> None:
    coordinator = await start()
    seen: list[str] = []
    coordinator.async_add_camera_listener(seen.append)
    broker.engine.add_camera("shed", "Shed")
    broker.say("info", broker.info())
    broker.say_state("shed")
    assert seen == ["front_door", "yard", "shed"]
    broker.say("yard/state", "")
    assert "yard" not in coordinator.data.cameras


async def test_states_that_are_not_retained_are_not_waited_for_long(
    hass: HomeAssistant, broker: Broker, mqtt_entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_mqtt, "FIRST_S", 5)
    setting_up = hass.async_create_task(hass.config_entries.async_setup(mqtt_entry.entry_id))
    while "replay" not in str(broker.client.async_subscribe.mock_calls):  # noqa: ASYNC110 no event
        await asyncio.sleep(0.01)
    broker.say("info", broker.info())
    broker.say("available", "online")
    broker.say_state("yard")
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=3))
    await setting_up
    assert set(mqtt_entry.runtime_data.data.cameras) == {"yard"}
    assert set(mqtt_entry.runtime_data.data.info.cameras) == {"front_door", "yard"}


async def test_nonsense_is_survived(broker: Broker, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    await start()
    for topic, payload in {
        "info": "nonsense",
        "stats": "[]",
        "yard/state": '{"state": "live"}',
        "yard/incident": "{",
        "replay": "[]",
        "front_door/incident": json.dumps(golden("message_new") | {"after": {"incident_id": "../../x"}}),
    }.items():
        broker.say(topic, payload)
    broker.say("replay", {"kind": "incident"})
    broker.say("media/../../x.jpg", b"\xff\xd8")
    assert caplog.text.count("Ignored a message on") == 7
    await broker.say_incident(broker.engine.incident(1, started_at=ago(seconds=3)))
    await broker.eventually(lambda: len(broker.heard) == 1)


# --- set-up that fails ----------------------------------------------------------------------------------------------


async def test_an_engine_that_is_offline(
    hass: HomeAssistant, broker: Broker, mqtt_entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_mqtt, "FIRST_S", 0.05)
    await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert (mqtt_entry.state, mqtt_entry.error_reason_translation_key) == (
        ConfigEntryState.SETUP_RETRY,
        "cannot_connect",
    )


async def test_a_home_assistant_without_mqtt(hass: HomeAssistant, mqtt_entry: MockConfigEntry) -> None:
    await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert (mqtt_entry.state, mqtt_entry.error_reason_translation_key) == (
        ConfigEntryState.SETUP_RETRY,
        "mqtt_missing",
    )


async def test_mqtt_that_does_not_start(
    hass: HomeAssistant, broker: Broker, mqtt_entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(hass: HomeAssistant) -> bool:
        return False

    monkeypatch.setattr(mqtt, "async_wait_for_mqtt_client", never)
    await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert (mqtt_entry.state, mqtt_entry.reason) == (
        ConfigEntryState.SETUP_RETRY,
        "The engine cannot be reached: Home Assistant's MQTT is not set up",
    )


async def test_a_broker_that_refuses_subscriptions(
    hass: HomeAssistant, broker: Broker, mqtt_entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> None:
        raise HomeAssistantError("not allowed")

    monkeypatch.setattr(mqtt, "async_subscribe", refuse)
    await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert (mqtt_entry.state, mqtt_entry.reason) == (
        ConfigEntryState.SETUP_RETRY,
        "The engine cannot be reached: not allowed",
    )


async def test_an_engine_that_is_too_new(
    hass: HomeAssistant,
    broker: Broker,
    start: Start,
    mqtt_entry: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coordinator = await start()
    broker.say("info", broker.info(schema_version=2))
    assert (coordinator.connected, coordinator.incompatible) == (False, TOO_NEW)
    broker.say("info", broker.info())
    assert (coordinator.connected, coordinator.incompatible) == (True, None)
    await hass.config_entries.async_unload(mqtt_entry.entry_id)
    monkeypatch.setattr(broker, "say_all", lambda: broker.say("info", broker.info(schema_version=2)))
    with pytest.raises(AttributeError):  # it is not set up
        await start()
    assert mqtt_entry.error_reason_translation_key == "engine_too_new"


# --- commands -------------------------------------------------------------------------------------------------------


async def test_commands_return_when_they_are_obeyed(hass: HomeAssistant, broker: Broker, start: Start) -> None:
    link = (await start()).link
    until = (dt_util.utcnow() + timedelta(minutes=30)).isoformat()
    incident = broker.engine.incident(incident_id="A1", started_at=ago(seconds=3))
    await broker.say_incident(incident)

    async def obeyed(command: Awaitable[None], *, state: dict[str, Any] | None = None, **changes: Any) -> None:
        told = len(broker.commands())
        running = hass.async_create_task(command)  # type: ignore[arg-type]
        await broker.eventually(lambda: len(broker.commands()) > told)
        assert not running.done()
        if state is not None:
            broker.say_state("yard", **state)
        else:
            incident.update(changes)
            await broker.say_incident(incident)
        await running

    await obeyed(link.set_detection("yard", False), state={"detection": False})
    await obeyed(link.set_privacy("yard", True), state={"privacy": True})
    await obeyed(link.snooze("yard", 30), state={"snoozed_until": until})
    await obeyed(link.snooze("yard", 0), state={"snoozed_until": None})
    await obeyed(link.set_verdict("A1", "confirmed"), verdict="confirmed")
    await obeyed(link.acknowledge("A1"), acknowledged=True)
    await obeyed(link.hold("A1", True), hold=True)
    await link.hold("A1", True)
    await link.set_threshold("yard", 0.85)
    await link.switch_off_mqtt_discovery()
    assert broker.commands() == [
        ("yard/detection/set", "OFF"),
        ("yard/privacy/set", "ON"),
        ("yard/snooze/set", "30"),
        ("yard/snooze/set", "0"),
        ("incident/A1/verdict/set", "confirmed"),
        ("incident/A1/acknowledge/set", "ON"),
        ("incident/A1/hold/set", "ON"),
        ("incident/A1/hold/set", "ON"),
        ("yard/threshold/set", "0.85"),
        ("ha_discovery/set", "OFF"),
    ]
    assert {call.args[2:4] for call in broker.client.async_publish.call_args_list if TOPIC in call.args[0]} == {
        (1, False)
    }


async def test_commands_that_nobody_obeys(broker: Broker, start: Start) -> None:
    link = (await start()).link
    with pytest.raises(EngineError, match="commands") as refused:
        await link.set_detection("yard", False)
    assert refused.value.code == "commands_off"
    with pytest.raises(EngineError):
        await link.set_detection("unknown", False)
    with pytest.raises(NotOverMqttError):
        await link.snooze("yard", 30, "fighting")
    broker.say("available", "offline")
    with pytest.raises(CannotConnectError):
        await link.set_detection("yard", False)


async def test_a_command_that_cannot_be_published(broker: Broker, start: Start) -> None:
    link = (await start()).link
    broker.client.async_publish.side_effect = HomeAssistantError("no broker")
    with pytest.raises(CannotConnectError, match="no broker"):
        await link.set_detection("yard", False)


async def test_stopping_ends_what_waits(hass: HomeAssistant, broker: Broker, start: Start) -> None:
    link = (await start()).link
    waiting = hass.async_create_task(link.set_detection("yard", False))  # type: ignore[arg-type]
    await broker.eventually(lambda: bool(broker.commands()))
    await link.stop()
    with pytest.raises(CannotConnectError):
        await waiting


def test_pictures_that_nobody_takes_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = mqtt_pictures.MqttPictures()
    for number in range(mqtt_pictures.MOST + 5):
        pictures.add(str(number), b"x")
    assert (len(pictures._waiting), "4" in pictures._waiting, "5" in pictures._waiting) == (
        mqtt_pictures.MOST,
        False,
        True,
    )
    pictures.add("large", b"x" * mqtt_pictures.MOST_BYTES)
    assert set(pictures._waiting) == {"large"}
