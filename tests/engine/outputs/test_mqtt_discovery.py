"""Home Assistant's MQTT discovery on a real broker: told while it is asked for, forgotten when it is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from crime_detect_engine.domain.ports import CameraView
from crime_detect_engine.outputs.channel import Outgoing
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_discovery import LEFT_S, MqttDiscovery, config_topic
from crime_detect_engine.outputs.mqtt_entities import device_config

from tests.fakes import FakeEngine
from tests.rig.mosquitto import Mosquitto, MqttListener

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
ROOT = "crime_detect/home"
YARD, FRONT = config_topic("home", "yard"), config_topic("home", "front_door")


def connected(output: MqttOutput) -> Callable[[], bool]:
    return lambda: output.status().state == "connected"


async def retained(broker: Mosquitto) -> dict[str, Any]:
    """What a Home Assistant that starts now finds."""
    newcomer = MqttListener(broker, "homeassistant/#")
    try:
        newcomer.publish("homeassistant/status", "done")
        await asyncio.to_thread(newcomer.wait_for, lambda: bool(newcomer.payloads("homeassistant/status")))
    finally:
        newcomer.close()
    return {one.topic: json.loads(one.payload) for one in newcomer.heard if one.retain}


async def test_each_camera_is_a_device_as_long_as_it_is_asked_for(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], listener: MqttListener, eventually: Eventually
) -> None:
    output = mqtt(broker, ha_discovery=True, commands="on", media="on")
    await eventually(connected(output))
    await asyncio.to_thread(listener.wait_for, lambda: all(listener.payloads(topic) for topic in (YARD, FRONT)))
    devices = await retained(broker)
    assert set(devices) == {YARD, FRONT}
    assert devices[YARD]["device"]["name"] == "Yard"
    output.discovery = False
    await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(YARD)[-1:] == [b""])
    await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(FRONT)[-1:] == [b""])
    assert await retained(broker) == {}
    output.discovery = True
    await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(YARD)[-1:] != [b""])


async def test_nothing_is_said_where_nobody_asked(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], listener: MqttListener, eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(connected(output))
    output.publish_info()
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(f"{ROOT}/info")) >= 2)
    assert not [message for message in listener.heard if message.topic.startswith("homeassistant")]


async def test_a_change_of_a_camera_is_told_and_sameness_is_not(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, listener: MqttListener,
    eventually: Eventually,
) -> None:  # fmt: skip
    output = mqtt(broker, ha_discovery=True)
    await eventually(connected(output))
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(YARD)))
    engine.put_camera("yard", "Garden")
    for _ in range(3):
        output.publish_info()
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(f"{ROOT}/info")) >= 2)
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(YARD)) >= 2)
    assert [json.loads(one)["device"]["name"] for one in listener.payloads(YARD)] == ["Yard", "Garden"]
    assert len(listener.payloads(FRONT)) == 1


async def test_a_camera_that_is_removed_is_forgotten_and_one_that_is_rebuilt_is_not(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, listener: MqttListener,
    eventually: Eventually,
) -> None:  # fmt: skip
    output = mqtt(broker, ha_discovery=True)
    await eventually(connected(output))
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(YARD)))
    view = engine.views.pop("front_door")
    output.publish_info()
    engine.views["front_door"] = view
    del engine.views["yard"]
    output.remove_camera("yard")
    await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(YARD)[-1:] == [b""])
    topics = [one.topic for one in listener.heard if one.payload == b""]
    assert topics.index(YARD) == 0, "before the state that its entities read"
    assert set(await retained(broker)) == {FRONT}


@pytest.mark.parametrize("asked", [False, True])
async def test_what_an_earlier_run_left_goes_and_what_is_anothers_stays(
    asked: bool, broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, listener: MqttListener,
    eventually: Eventually,
) -> None:  # fmt: skip
    first = mqtt(broker, ha_discovery=True)
    await eventually(connected(first))
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(YARD)))
    await first.stop()
    view = engine.views["yard"]
    other = device_config("crime_detect/home_2", view, engine.info(), commands=False, media=False)
    neighbour = config_topic("home", "2_yard")
    listener.publish(neighbour, json.dumps(other), retain=True)
    listener.publish("homeassistant/device/crime_detect_home_x/config", "nonsense {", retain=True)
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(neighbour)))
    listener.publish("homeassistant/device/crime_detect_home_x/config", "", retain=True)
    del engine.views["yard"]
    again = mqtt(broker, ha_discovery=asked)
    await eventually(connected(again))
    if not asked:
        await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(YARD)[-1:] == [b""])
        await asyncio.to_thread(listener.wait_for, lambda: listener.payloads(FRONT)[-1:] == [b""])
        assert set(await retained(broker)) == {neighbour}
    else:
        assert set(await retained(broker)) == {neighbour, YARD, FRONT}, "Frigate may still bring it"


async def test_a_camera_that_never_came_back_is_forgotten_after_some_time(engine: FakeEngine, clock: Any) -> None:
    class Broker:
        async def subscribe(self, _filters: list[str], *, qos: int) -> None:
            payload = json.dumps(device_config(ROOT, engine.views["yard"], engine.info(), commands=True, media=True))
            discovery.received(config_topic("home", "gone"), payload.encode(), True)

        async def unsubscribe(self, _filters: list[str]) -> None:
            discovery.received(config_topic("home", "later"), b"{}", True)

    discovery = MqttDiscovery(ROOT, "home", engine, clock, media=True, on=True)
    await discovery.look(Broker())  # type: ignore[arg-type]
    assert set(discovery.payloads(commands=True)) == {YARD, FRONT}
    clock.advance(LEFT_S + 1)
    assert discovery.payloads(commands=True)[config_topic("home", "gone")] == b""
    assert set(discovery.payloads(commands=True)) == {YARD, FRONT}, "once"


async def test_the_newest_picture_has_a_topic_of_its_camera(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], listener: MqttListener, outgoing: Callable[..., Outgoing],
    eventually: Eventually,
) -> None:  # fmt: skip
    output = mqtt(broker, media="on", ha_discovery=True)
    await eventually(connected(output))
    await output.channel.send(outgoing(picture=b"jpeg"))
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(f"{ROOT}/front_door/incident")))
    order = [
        one.topic.rsplit("/", 1)[-1] for one in listener.heard if one.payload == b"jpeg" or "/incident" in one.topic
    ]
    assert order[-2:] == ["snapshot", "incident"], "the picture is there before the event fires"
    assert not [one for one in listener.heard if one.topic.endswith("/snapshot") and one.retain]


async def test_home_assistant_may_end_it_over_mqtt(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, listener: MqttListener,
    eventually: Eventually,
) -> None:  # fmt: skip
    output = mqtt(broker, commands="on")
    await eventually(connected(output))
    listener.publish(f"{ROOT}/ha_discovery/set", "ON")
    listener.publish(f"{ROOT}/ha_discovery/set", "OFF")
    await eventually(lambda: engine.actions == [("end_mqtt_discovery", "mqtt")])


def drawn(engine: FakeEngine, *zones: str) -> CameraView:
    """The yard with these zones."""
    return replace(engine.views["yard"], settings={"detector": "auto", "zones": {zone: {} for zone in zones}})


async def test_a_zone_that_is_drawn_comes_and_goes_also_over_a_restart(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], engine: FakeEngine, listener: MqttListener,
    eventually: Eventually,
) -> None:  # fmt: skip
    output = mqtt(broker, ha_discovery=True)
    await eventually(connected(output))
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(YARD)))

    def told() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(listener.payloads(YARD)[-1])["components"]
        return found

    def see(*zones: str) -> None:
        engine.views["yard"] = drawn(engine, *zones)
        there = {"persons": 0, "objects": {}, "occupied": False}
        state = {**engine.views["yard"].state, "persons": 0, "zones": dict.fromkeys(zones, there)}
        output.publish_camera_state("yard", state)

    see("gate", "lawn")
    await asyncio.to_thread(listener.wait_for, lambda: "zone_gate_occupancy" in told())
    count = len(listener.payloads(YARD))
    see("gate", "lawn")
    see("lawn")
    gone = {"platform": "binary_sensor"}
    await asyncio.to_thread(listener.wait_for, lambda: told().get("zone_gate_occupancy") == gone)
    assert len(listener.payloads(YARD)) == count + 1, "the same zones once more are no news"
    assert len(told()["zone_lawn_occupancy"]) > 1
    await output.stop()

    engine.views["yard"] = drawn(engine)
    again = mqtt(broker, ha_discovery=True)
    await eventually(connected(again))
    await asyncio.to_thread(listener.wait_for, lambda: told().get("zone_lawn_occupancy") == gone)
    assert told()["zone_gate_occupancy"] == gone
