"""Tests commands over a real broker: each reaches the engine, and none of them can hurt it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from crime_detect_engine.domain.types import Verdict
from crime_detect_engine.domain.wire import event_message
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_commands import MqttCommands

from tests.fakes import FakeEngine
from tests.rig.mosquitto import Mosquitto, MqttListener

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
ROOT = "crime_detect/home"


@pytest.fixture
async def obeying(mqtt: Callable[..., MqttOutput], broker: Mosquitto, eventually: Eventually) -> MqttOutput:
    output = mqtt(broker, commands="on")
    await eventually(lambda: output.status().state == "connected")
    return output


@pytest.mark.usefixtures("obeying")
async def test_every_command_reaches_the_engine_in_order_and_as_the_broker(
    engine: FakeEngine, listener: MqttListener, eventually: Eventually
) -> None:
    incident = engine.open_incident().incident_id
    for topic, payload in (
        ("front_door/detection/set", "OFF"),
        ("front_door/privacy/set", "ON"),
        ("front_door/snooze/set", "15"),
        ("front_door/threshold/set", "0.75"),
        (f"incident/{incident}/verdict/set", "false_alarm"),
        (f"incident/{incident}/acknowledge/set", "ON"),
        (f"incident/{incident}/hold/set", "ON"),
    ):
        listener.publish(f"{ROOT}/{topic}", payload)
    await eventually(lambda: len(engine.actions) == 7)
    assert engine.actions == [
        ("detection", "front_door", False, "mqtt"),
        ("privacy", "front_door", True, "mqtt"),
        ("snooze", "front_door", 15.0, None, "mqtt"),
        ("threshold", "front_door", 0.75, "mqtt"),
        ("verdict", incident, Verdict.FALSE_ALARM, "mqtt"),
        ("acknowledge", incident, True, "mqtt"),
        ("hold", incident, True, "mqtt"),
    ]


NONSENSE = [
    ("front_door/detection/set", b"on"),
    ("front_door/detection/set", b"\xff\xfe"),
    ("front_door/threshold/set", b"nan"),
    ("front_door/threshold/set", b"1.01"),
    ("front_door/snooze/set", b"-1"),
    ("front_door/snooze/set", b"inf"),
    ("front_door/reboot/set", b"ON"),
    ("nobody/detection/set", b"ON"),
    ("incident/unknown/verdict/set", b"confirmed"),
    ("incident/unknown/hold/set", b""),
    ("replay/set", b"{"),
    ("replay/set", b"[" * 1000),
    ("replay/set", b'{"since": "1", "epoch": 2}'),
    ("front_door/detection/set", b"O" * 5000),
]


@pytest.mark.usefixtures("obeying")
async def test_nonsense_is_a_line_in_the_log_and_the_next_command_is_obeyed(
    engine: FakeEngine, listener: MqttListener, eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    for topic, payload in NONSENSE:
        listener.publish(f"{ROOT}/{topic}", payload)
    listener.publish(f"{ROOT}/yard/detection/set", "OFF")
    await eventually(lambda: bool(engine.actions))
    assert engine.actions == [("detection", "yard", False, "mqtt")]
    assert sum("ignored" in record.message for record in caplog.records) == len(NONSENSE)


async def test_a_retained_command_is_not_obeyed_again_at_every_connection(
    engine: FakeEngine,
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    eventually: Eventually,
) -> None:
    listener.publish(f"{ROOT}/yard/privacy/set", "ON", retain=True)
    output = mqtt(broker, commands="on")
    await eventually(lambda: output.status().state == "connected")
    listener.publish(f"{ROOT}/yard/detection/set", "OFF")
    await eventually(lambda: bool(engine.actions))
    assert engine.actions == [("detection", "yard", False, "mqtt")]


async def test_commands_on_an_anonymous_broker_are_not_heard(
    engine: FakeEngine,
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    eventually: Eventually,
) -> None:
    output = mqtt(broker)
    await eventually(lambda: output.status().state == "connected")
    listener.publish(f"{ROOT}/yard/detection/set", "OFF")
    output.publish_camera_state("yard", {"after": "the command"})
    await asyncio.to_thread(
        listener.wait_for, lambda: b'{"after":"the command"}' in listener.payloads(f"{ROOT}/yard/state")
    )
    assert engine.actions == []


@pytest.mark.usefixtures("obeying")
async def test_replay_answers_everything_since_in_order_and_reset_for_another_epoch(
    engine: FakeEngine, listener: MqttListener
) -> None:
    for _ in range(450):
        engine.alter_camera("yard", fps=5.0)
    engine.open_incident()
    answers = f"{ROOT}/replay"
    listener.publish(f"{ROOT}/replay/set", json.dumps({"since": 1, "epoch": engine.epoch}))
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(answers)) == 450)
    heard = [json.loads(payload) for payload in listener.payloads(answers)]
    assert [message["seq"] for message in heard] == list(range(2, 452))
    expected = event_message(engine.events[-1], engine.uuid, engine.epoch)
    assert heard[-1] == json.loads(json.dumps(expected))

    for since, epoch in ((1, "another"), (9999, engine.epoch)):
        listener.publish(f"{ROOT}/replay/set", json.dumps({"since": since, "epoch": epoch}))
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(answers)) == 452)
    for payload in listener.payloads(answers)[-2:]:
        message = json.loads(payload)
        assert (message["kind"], message["epoch"], message["seq"]) == ("reset", engine.epoch, 451)


async def test_replay_brings_each_incidents_picture_once_and_before_it(
    engine: FakeEngine,
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    eventually: Eventually,
) -> None:
    output = mqtt(broker, commands="on", media="on")
    await eventually(lambda: output.status().state == "connected")
    incident = engine.open_incident()
    engine.close_incident(incident)
    listener.publish(f"{ROOT}/replay/set", json.dumps({"since": 0, "epoch": engine.epoch}))
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(f"{ROOT}/replay")) == 2)
    heard = [m for m in listener.heard if m.topic in (f"{ROOT}/replay", f"{ROOT}/media/{incident.incident_id}.jpg")]
    picture = await engine.media(incident, "snapshot")
    assert picture is not None
    assert heard[0].payload == picture.read()
    assert [m.topic for m in heard[1:]] == [f"{ROOT}/replay"] * 2


async def test_a_flood_of_commands_is_bounded_and_counted(engine: FakeEngine) -> None:
    commands = MqttCommands(engine, ROOT)
    for _ in range(1000):
        commands.offer(f"{ROOT}/yard/detection/set", b"ON", False)
    assert commands.dropped == 1000 - 64
