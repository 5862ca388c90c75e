"""Topics, quality of service and retention as the contract has them, heard from a real broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.ports import Delivery
from crime_detect_engine.domain.types import ChangeType, Incident, IncidentChanged
from crime_detect_engine.outputs.channel import Outgoing, Sent
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_discovery import config_topic
from crime_detect_engine.outputs.mqtt_entities import device_config
from crime_detect_engine.outputs.mqtt_options import MqttOptions

from tests.rig.mosquitto import PASSWORD, USERNAME, Heard, Mosquitto, MqttListener

WIRE = Path(__file__).resolve().parent.parent / "fixtures" / "wire"
UUID, EPOCH = "0c4f1f9e-6f3e-4b6e-9a5e-000000000001", "01KDWEPOCH0000000000000000"
ROOT = "crime_detect/home"
ID = "01KDWABCDEFGHJKMNPQRSTVWXY"
# topic below the root: quality of service, retained
TOPICS = {
    "available": (1, True),
    "info": (1, True),
    "front_door/state": (1, True),
    "front_door/incident": (1, False),
    f"media/{ID}.jpg": (1, False),
    "replay": (1, False),
    "stats": (0, False),
}
COMMANDS = {
    "front_door/detection/set": ("OFF", ("detection", "front_door", False, "mqtt")),
    "front_door/privacy/set": ("ON", ("privacy", "front_door", True, "mqtt")),
    "front_door/snooze/set": ("30", ("snooze", "front_door", 30.0, None, "mqtt")),
    "front_door/threshold/set": ("0.85", ("threshold", "front_door", 0.85, "mqtt")),
    f"incident/{ID}/verdict/set": ("confirmed", ("verdict", ID, "confirmed", "mqtt")),
    f"incident/{ID}/acknowledge/set": ("ON", ("acknowledge", ID, True, "mqtt")),
    f"incident/{ID}/hold/set": ("OFF", ("hold", ID, False, "mqtt")),
    "ha_discovery/set": ("OFF", ("end_mqtt_discovery", "mqtt")),
}
Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
Golden = Callable[[str, Any], None]


def read(name: str) -> Any:
    return json.loads((WIRE / f"{name}.json").read_text())


@pytest.fixture(params=["5", "3.1.1"])
async def output(
    request: pytest.FixtureRequest, served: Any, broker: Mosquitto, listener: MqttListener, eventually: Eventually
) -> AsyncIterator[MqttOutput]:
    """Connected after the listener, which thus hears what is said once."""
    options = MqttOptions("127.0.0.1", broker.port, USERNAME, PASSWORD, protocol=request.param)
    running = MqttOutput(options, served.engine, "home", "http://192.168.1.5:8099", SystemClock())
    running.start()
    await eventually(lambda: running.status().state == "connected")
    yield running
    await running.stop()


def outgoing(incident: Incident) -> Outgoing:
    async def picture() -> bytes:
        return b"jpeg"

    event = IncidentChanged(38, ChangeType.NEW, None, incident, incident.started_at)
    delivery = Delivery(1, "mqtt", "front_door", 38, ID, incident.started_at, 0, None, None)
    return Outgoing(delivery, event, 0.0, picture)


async def test_topics_qos_and_retention(
    output: MqttOutput,
    served: Any,
    broker: Mosquitto,
    listener: MqttListener,
    incidents: dict[str, Incident],
    eventually: Eventually,
    golden: Golden,
) -> None:
    engine, opened = served.engine, incidents["opened"]

    def heard() -> list[Heard]:
        return [message for message in listener.heard if not message.topic.endswith("/set")]

    engine.events = [IncidentChanged(41, ChangeType.NEW, None, opened, opened.started_at)]
    assert isinstance(await output.channel.send(outgoing(opened)), Sent)
    listener.publish(f"{ROOT}/replay/set", json.dumps({"since": 40, "epoch": EPOCH}))
    await asyncio.to_thread(listener.wait_for, lambda: bool(listener.payloads(f"{ROOT}/replay")))
    listener.publish(f"{ROOT}/replay/set", json.dumps({"since": 3, "epoch": "another"}))
    await asyncio.to_thread(listener.wait_for, lambda: len(listener.payloads(f"{ROOT}/replay")) == 2)
    output.publish_camera_state("front_door", engine.views["front_door"].state)
    output.publish_info()
    await asyncio.to_thread(listener.wait_for, lambda: {f"{ROOT}/{t}" for t in TOPICS} <= {m.topic for m in heard()})
    newcomer = MqttListener(broker, "crime_detect/#", (USERNAME, PASSWORD))
    await asyncio.to_thread(newcomer.wait_for, lambda: len({m.topic for m in newcomer.heard}) >= 4)
    newcomer.close()
    retained = {message.topic.removeprefix(f"{ROOT}/") for message in newcomer.heard if message.retain}
    assert retained == {topic for topic, (_, kept) in TOPICS.items() if kept} | {"yard/state"}
    qos = {message.topic.removeprefix(f"{ROOT}/"): message.qos for message in heard()}
    assert {topic: qos[topic] for topic in TOPICS} == {topic: level for topic, (level, _) in TOPICS.items()}
    assert set(qos) - {"yard/state"} == set(TOPICS), "nothing else is published"

    payload = {message.topic.removeprefix(f"{ROOT}/"): message.payload for message in newcomer.heard}
    assert payload["available"] == b"online"
    assert json.loads(payload["front_door/state"]) == read("state")
    golden("info", json.loads(payload["info"]))
    assert read("info").items() <= read("info_http").items(), "both feeds say the same of the engine"
    assert json.loads(listener.payloads(f"{ROOT}/front_door/incident")[0]) == read("message_new")
    replayed, reset = (json.loads(text) for text in listener.payloads(f"{ROOT}/replay"))
    golden("replay", replayed)
    assert replayed == read("feed_incident") | {"seq": 41, "data": read("message_new") | {"seq": 41}}
    assert reset == read("reset"), "a reset reads alike on both feeds"
    golden("stats", json.loads(listener.payloads(f"{ROOT}/stats")[0]) | {"at": "2026-11-21T03:00:00.000Z"})


async def test_what_home_assistant_discovers(served: Any, golden: Golden) -> None:
    """Read by the tests of the integration with Home Assistant's own schemas."""
    view, info = served.engine.views["front_door"], served.engine.info()
    golden("discovery", device_config(ROOT, view, info, commands=True, media=True))
    assert config_topic("home", "front_door") == "homeassistant/device/crime_detect_home_front_door/config"


async def test_every_command_of_the_contract(
    output: MqttOutput, served: Any, listener: MqttListener, incidents: dict[str, Incident], eventually: Eventually
) -> None:
    served.engine.stored[ID] = replace(incidents["opened"])
    for topic, (payload, _) in COMMANDS.items():
        listener.publish(f"{ROOT}/{topic}", payload)
    await eventually(lambda: len(served.engine.actions) == len(COMMANDS))
    assert served.engine.actions == [action for _, action in COMMANDS.values()]
