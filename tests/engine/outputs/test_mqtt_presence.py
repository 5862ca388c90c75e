"""Tests that one engine at a time is present below an instance's topics, and that its death is known."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from crime_detect_engine.outputs.mqtt import MqttOutput

from tests.fakes import FakeEngine
from tests.rig.mosquitto import Mosquitto, MqttListener

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]
ROOT = "crime_detect/home"
REPOSITORY = Path(__file__).resolve().parents[3]

ENGINE_PROCESS = """
import asyncio, pathlib, sys
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_options import MqttOptions
from tests.fakes import FakeEngine

async def main():
    output = MqttOutput(
        MqttOptions("127.0.0.1", int(sys.argv[1])), FakeEngine(pathlib.Path(".")), "home", None, SystemClock()
    )
    output.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_the_will_fires_when_the_engine_is_killed(broker: Mosquitto, listener: MqttListener) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENGINE_PROCESS, str(broker.port)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'addon'}"},
    )
    try:
        listener.wait_for(lambda: listener.payloads(f"{ROOT}/available") == [b"online"])
        os.kill(process.pid, signal.SIGKILL)
        listener.wait_for(lambda: listener.payloads(f"{ROOT}/available") == [b"online", b"offline"])
    finally:
        process.kill()
        process.wait(60)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_second_engine_on_the_instance_refuses_to_publish_and_says_so(
    protocol: str,
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    engine: FakeEngine,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    first = mqtt(broker, protocol=protocol)
    await eventually(lambda: first.status().state == "connected")
    second = mqtt(broker, of=FakeEngine(tmp_path, uuid="another-uuid"), protocol=protocol)
    await eventually(lambda: second.status().state == "duplicate_instance")
    assert engine.uuid in (second.status().error or "")
    assert second.channel.ready is False
    assert first.status().state == "connected"
    assert [json.loads(info)["uuid"] for info in listener.payloads(f"{ROOT}/info")] == [engine.uuid]
    assert listener.payloads(f"{ROOT}/available")[-1] == b"online"


async def test_a_second_engine_is_noticed_among_many_cameras(
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    engine: FakeEngine,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    for number in range(60):
        engine.put_camera(f"camera_{number}", f"Camera {number}")
    first = mqtt(broker)
    await eventually(lambda: first.status().state == "connected")
    second = mqtt(broker, of=FakeEngine(tmp_path, uuid="another-uuid"))
    await eventually(lambda: second.status().state == "duplicate_instance")


async def test_the_successor_of_an_engine_that_has_gone_takes_the_place(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], eventually: Eventually, tmp_path: Path
) -> None:
    first = mqtt(broker)
    await eventually(lambda: first.status().state == "connected")
    await first.stop()
    successor = mqtt(broker, of=FakeEngine(tmp_path, uuid="another-uuid"))
    await eventually(lambda: successor.status().state == "connected")


async def test_of_two_that_meet_later_the_greater_uuid_gives_way(
    broker: Mosquitto,
    mqtt: Callable[..., MqttOutput],
    listener: MqttListener,
    engine: FakeEngine,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    stays = mqtt(broker, of=FakeEngine(tmp_path, uuid="m"))
    await eventually(lambda: stays.status().state == "connected")
    listener.publish(f"{ROOT}/info", json.dumps({"uuid": "z"}), retain=True)
    listener.publish(f"{ROOT}/info", "not json at all")
    listener.publish(f"{ROOT}/info", json.dumps({"uuid": "a"}), retain=True)
    await eventually(lambda: stays.status().state == "duplicate_instance")
    assert "(uuid a)" in (stays.status().error or "")


async def test_availability_taken_back_by_somebody_elses_will_is_restored(
    broker: Mosquitto, mqtt: Callable[..., MqttOutput], listener: MqttListener, eventually: Eventually
) -> None:
    output = mqtt(broker)
    await eventually(lambda: output.status().state == "connected")
    listener.publish(f"{ROOT}/available", "offline", retain=True)
    await asyncio.to_thread(
        listener.wait_for, lambda: listener.payloads(f"{ROOT}/available") == [b"online", b"offline", b"online"]
    )
