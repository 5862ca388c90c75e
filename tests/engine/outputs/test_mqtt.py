"""Tests the engine's presence on a real broker: availability, retained state, faults of broker and network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.types import IncidentChanged
from crime_detect_engine.domain.wire import event_data
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_options import MqttOptions, MqttTls
from crime_detect_engine.outputs.outbox import Outbox

from tests.fakes import FakeEngine, MemoryOutbox
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener, make_certificate

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
OpenGate = Callable[..., Awaitable[Any]]
ROOT = "crime_detect/home"


def connected(output: MqttOutput) -> Callable[[], bool]:
    return lambda: output.status().state == "connected"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_newcomer_finds_availability_info_and_states_retained(
    protocol: str, broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, eventually: Eventually
) -> None:
    output = mqtt(broker, protocol=protocol, api_url="http://10.0.0.2:8099")
    await eventually(connected(output))
    assert output.status().protocol == protocol
    newcomer = MqttListener(broker, f"{ROOT}/#")
    try:
        await asyncio.to_thread(newcomer.wait_for, lambda: len(newcomer.heard) >= 4)
        found = {message.topic: message.payload for message in newcomer.heard if message.retain}
    finally:
        newcomer.close()
    assert found[f"{ROOT}/available"] == b"online"
    info = json.loads(found[f"{ROOT}/info"])
    assert (info["uuid"], info["epoch"], info["api_url"]) == (engine.uuid, engine.epoch, "http://10.0.0.2:8099")
    assert json.loads(found[f"{ROOT}/yard/state"]) == engine.views["yard"].state


async def test_states_are_coalesced_while_the_broker_is_away(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(connected(output))
    broker.kill()
    await eventually(lambda: not connected(output)())
    for fps in range(500):
        output.publish_camera_state("yard", {"fps": fps})
    broker.start()
    newcomer = MqttListener(broker, f"{ROOT}/yard/state")
    try:
        await asyncio.to_thread(newcomer.wait_for, lambda: [m.payload for m in newcomer.heard][-1:] == [b'{"fps":499}'])
    finally:
        newcomer.close()
    assert len(newcomer.heard) <= 2


async def test_the_head_of_the_chain_is_retained(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(connected(output))
    output.publish_chain({"seq": 7, "hash": "ab"})
    newcomer = MqttListener(broker, f"{ROOT}/chain")
    try:
        await asyncio.to_thread(
            newcomer.wait_for, lambda: newcomer.payloads(f"{ROOT}/chain") == [b'{"seq":7,"hash":"ab"}']
        )
    finally:
        newcomer.close()


async def test_leaving_says_offline(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], listener: MqttListener, eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(connected(output))
    await output.stop()
    await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(f"{ROOT}/available")[-1:] == [b"offline"])
    assert output.status().state == "stopped"


async def test_a_removed_camera_leaves_nothing_retained(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(connected(output))
    output.remove_camera("yard")
    left_behind = MqttListener(broker, f"{ROOT}/old_camera/state")
    await output.stop()
    left_behind.publish(f"{ROOT}/old_camera/state", "{}", retain=True)
    left_behind.close()
    del engine.views["yard"]
    again = mqtt(broker)
    await eventually(connected(again))
    newcomer = MqttListener(broker, f"{ROOT}/+/state")
    try:
        await asyncio.to_thread(newcomer.wait_for, lambda: len(newcomer.heard) >= 1)
    finally:
        newcomer.close()
    assert [message.topic for message in newcomer.heard] == [f"{ROOT}/front_door/state"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_nothing_is_lost_or_doubled_when_the_broker_is_killed(
    protocol: str,
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    engine: FakeEngine,
    store: MemoryOutbox,
    listener: MqttListener,
    open_gate: OpenGate,
    eventually: Eventually,
) -> None:
    gate = await open_gate(broker)
    output = mqtt(broker, port=gate.port, protocol=protocol)
    store.clock_now = SystemClock().now
    outbox = Outbox(store, {"mqtt": output.channel}, SystemClock())
    outbox.start()
    topics = [f"{ROOT}/front_door/incident", f"{ROOT}/yard/incident"]

    def happen(count: int) -> None:
        for number in range(count):
            camera = ("front_door", "yard")[number % 2]
            engine.open_incident(camera)
            event = engine.events[-1]
            assert isinstance(event, IncidentChanged)
            store.add(event, "mqtt", camera)
        outbox.notify("mqtt")

    happen(6)
    await asyncio.to_thread(listener.wait_for, lambda: sum(len(listener.payloads(topic)) for topic in topics) == 6)
    gate.open = False
    broker.kill()
    happen(6)
    await eventually(lambda: not connected(output)())
    happen(6)
    status = (await outbox.status())["mqtt"]
    assert (status.ready, status.pending) == (False, 12)
    broker.start()
    await asyncio.to_thread(listener.wait_for, lambda: listener.listening == 2)
    gate.open = True
    await eventually(lambda: set(store.state.values()) == {"sent"})
    await outbox.stop()

    happened = {event.seq: event_data(event, engine.uuid, engine.epoch) for event in engine.events}
    heard_in_all = []
    for topic in topics:
        heard = [json.loads(payload) for payload in listener.payloads(topic)]
        assert all(message == json.loads(json.dumps(happened[message["seq"]])) for message in heard)
        once = list(dict.fromkeys((message["uuid"], message["epoch"], message["seq"]) for message in heard))
        assert once == sorted(once)
        heard_in_all += [key[2] for key in once]
    assert sorted(heard_in_all) == sorted(happened)


async def test_a_wrong_password_is_said_and_not_hammered(
    tmp_path: Path, mqtt: Callable[..., MqttOutput], eventually: Eventually, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path / "locked", password=True) as locked:
        output = mqtt(locked, username=USERNAME, password="not the password")
        await eventually(lambda: output.status().state == "refused")
        assert "user name, password" in (output.status().error or "")
        assert "not the password" not in caplog.text + repr(output.status())
        assert output.channel.ready is False


async def test_a_password_switches_pictures_and_commands_on_and_its_absence_off(
    tmp_path: Path, broker: Mosquitto, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    with Mosquitto(tmp_path / "locked", password=True) as locked:
        output = mqtt(locked, username=USERNAME, password=PASSWORD)
        await eventually(connected(output))
        assert (output.status().media, output.status().commands, output.status().notes) == (True, True, ())
    anonymous = mqtt(broker).status()
    assert (anonymous.media, anonymous.commands) == (False, False)
    assert any("commands are off" in note for note in anonymous.notes)


async def test_tls_with_a_private_authority_and_a_certificate_that_has_expired(
    tmp_path: Path, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    for name, expired in (("good", False), ("old", True)):
        folder = tmp_path / name
        folder.mkdir()
        certificate, key = make_certificate(folder, expired=expired)
        with Mosquitto(folder / "broker", tls=(certificate, key)) as secure:
            output = mqtt(secure, tls=MqttTls(ca=str(certificate)))
            if expired:
                await eventually(lambda output=output: "expired" in (output.status().error or ""))
            else:
                await eventually(connected(output))
                stranger = mqtt(secure, tls=MqttTls())
                await eventually(lambda other=stranger: "certificate" in (other.status().error or ""))
            await output.stop()


async def test_a_missing_authority_file_is_an_error_that_names_it_and_not_a_crash(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    output = mqtt(broker, tls=MqttTls(ca="/nowhere/ca.pem"))
    await eventually(lambda: output.status().state == "refused")
    assert "mqtt.tls.ca: /nowhere/ca.pem cannot be read: No such file" in (output.status().error or "")


async def test_a_broker_that_is_down_at_boot_is_waited_for(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    broker.stop()
    output = mqtt(broker)
    await eventually(lambda: "cannot connect" in (output.status().error or ""))
    broker.start()
    await eventually(connected(output))


async def test_a_broker_that_only_speaks_the_older_protocol_is_spoken_to_in_it(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], open_gate: OpenGate, eventually: Eventually
) -> None:
    gate = await open_gate(broker, oldest=True)
    output = mqtt(broker, port=gate.port)
    await eventually(connected(output))
    assert output.status().protocol == "3.1.1"


async def test_statistics_say_what_each_camera_does(
    broker: Mosquitto, engine: FakeEngine, listener: MqttListener
) -> None:
    options = MqttOptions("127.0.0.1", broker.port)
    output = MqttOutput(options, engine, "home", None, SystemClock(), dropped={"yard": 3, "front_door": 0}.__getitem__)
    output.start()
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(f"{ROOT}/stats")))
    stats = json.loads(listener.payloads(f"{ROOT}/stats")[0])
    assert stats["device"] == "cpu"
    assert stats["cameras"]["yard"] == {"state": "live", "fps": 7.5, "latency_ms": 84.0, "dropped": 3}
    await output.stop()
