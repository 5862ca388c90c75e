"""Tests hearing another program on a real broker: topics known late, lost connections, refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.outputs.mqtt import MqttOutput
from crime_detect_engine.outputs.mqtt_options import MqttOptions

from tests.fakes import FakeEngine
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener

Eventually = Callable[[Callable[[], bool]], Awaitable[None]]


class Ear:
    def __init__(self) -> None:
        self.wanted: list[str] = []
        self.heard: list[tuple[str, bytes]] = []
        self.lost = 0

    def topics(self) -> tuple[str, ...]:
        return tuple(self.wanted)

    def feed(self, topic: str, payload: bytes) -> None:
        if not topic.startswith("crime_detect/"):
            self.heard.append((topic, payload))

    def broker_lost(self) -> None:
        self.lost += 1


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
async def listen(engine: FakeEngine, ear: Ear) -> AsyncIterator[Callable[..., MqttOutput]]:
    running: list[MqttOutput] = []

    def start(broker: Mosquitto, **options: object) -> MqttOutput:
        settings = MqttOptions("127.0.0.1", broker.port, **options)  # type: ignore[arg-type]
        output = MqttOutput(settings, engine, "home", None, SystemClock(), other=ear)
        output.start()
        running.append(output)
        return output

    yield start
    for output in running:
        await output.stop()


async def test_topics_that_are_known_late_are_heard_with_what_is_retained_and_over_a_restart_of_the_broker(
    broker: Mosquitto, listener: MqttListener, ear: Ear, listen: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    listener.publish("nvr/available", "online", retain=True)
    listener.publish("nvr/other", "x", retain=True)
    output = listen(broker)
    await eventually(lambda: output.status().state == "connected")
    ear.wanted = ["nvr/available", "nvr/events"]
    await eventually(lambda: ("nvr/available", b"online") in ear.heard)
    listener.publish("nvr/events", "{}")
    await eventually(lambda: ("nvr/events", b"{}") in ear.heard)
    assert ear.lost == 0
    ear.heard.clear()
    broker.restart()
    await eventually(lambda: ear.lost == 1)
    await eventually(lambda: ("nvr/available", b"online") in ear.heard)
    ear.wanted = ["nvr/other"]
    await eventually(lambda: ("nvr/other", b"x") in ear.heard)


async def test_a_broker_that_lets_nothing_through_costs_nothing_but_the_listening(
    tmp_path_factory: pytest.TempPathFactory, ear: Ear, listen: Callable[..., MqttOutput], eventually: Eventually
) -> None:
    folder = tmp_path_factory.mktemp("acl")
    rules = folder / "acl"
    rules.write_text(f"user {USERNAME}\ntopic readwrite crime_detect/#\n")
    plugin = f"acl_file {rules}"
    with Mosquitto(folder / "broker", password=True, extra=plugin) as broker:
        ear.wanted = ["nvr/events"]
        output = listen(broker, username=USERNAME, password=PASSWORD)
        await eventually(lambda: output.status().state == "connected")
        outsider = MqttListener(broker, "crime_detect/home/#", (USERNAME, PASSWORD))
        try:
            outsider.publish("nvr/events", "{}")
            output.publish_camera_state("yard", {"fps": 7})
            await eventually(lambda: outsider.payloads("crime_detect/home/yard/state")[-1:] == [b'{"fps":7}'])
        finally:
            outsider.close()
        assert output.status().state == "connected"
        assert ear.heard == []
