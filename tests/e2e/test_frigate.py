"""One line of configuration watches all cameras of a Frigate, as they come and go, and as Frigate does."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.rig.engine import EngineProcess, wait_until
from tests.rig.frigate import FakeFrigate, listed, tracked
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener
from tests.rig.rtsp import RtspServer

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
StartEngine = Callable[..., EngineProcess]
LOGIN = ("eye", "iris-7-secret")


class RunningFrigate:
    """A FakeFrigate in a thread of its own; `call` runs its coroutines there, its fields may be set from here."""

    def __init__(self, fake: FakeFrigate) -> None:
        self.fake = fake
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def close(self) -> None:
        self.call(self.fake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()


@pytest.fixture
def frigate() -> Iterator[RunningFrigate]:
    running = RunningFrigate(FakeFrigate(["fight_0", "normal_0"], user=LOGIN[0], password=LOGIN[1]))
    running.call(running.fake.start())
    yield running
    running.close()


def section(frigate: RunningFrigate, rtsp: RtspServer, password: str = LOGIN[1]) -> str:
    login = f"username: {LOGIN[0]}, password: {password}"
    return f"frigate: {{url: '{frigate.fake.url}', {login}, rtsp_port: {rtsp.port}, poll: 1s}}\n"


def states(engine: EngineProcess) -> dict[str, str]:
    return {camera["id"]: camera["state"]["state"] for camera in engine.get("/cameras")["items"]}


def wait_for_states(engine: EngineProcess, wanted: dict[str, str], timeout_s: float = 45) -> None:
    wait_until(lambda: states(engine) == wanted, timeout_s, lambda: f"{states(engine)}, not {wanted}\n{engine.log()}")


def counter(engine: EngineProcess, name: str, camera: str) -> float:
    text = engine.download("/metrics")[2].decode()
    found = re.search(rf'^{name}{{camera="{camera}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def retained_states(broker: Mosquitto) -> set[str]:
    """Cameras whose state a newcomer on the broker finds."""
    newcomer = MqttListener(broker, "crime_detect/e2e/#", (USERNAME, PASSWORD))
    try:
        newcomer.wait_for(lambda: any(m.topic.endswith("/info") for m in newcomer.heard))
        newcomer.publish("crime_detect/e2e/marker", "x")
        newcomer.wait_for(lambda: any(m.topic.endswith("/marker") for m in newcomer.heard))
        return {m.topic.split("/")[2] for m in newcomer.heard if m.retain and m.topic.endswith("/state")}
    finally:
        newcomer.close()


def test_cameras_are_watched_as_they_come_and_go(
    frigate: RunningFrigate, rtsp: RtspServer, broker: Mosquitto, start_engine: StartEngine
) -> None:
    login = f"username: {USERNAME}, password: {PASSWORD}"
    mqtt = f"mqtt: {{host: 127.0.0.1, port: {broker.port}, {login}}}\n"
    engine = start_engine(f"instance: e2e\n{section(frigate, rtsp)}{mqtt}")
    wait_for_states(engine, {"fight_0": "live", "normal_0": "live"})
    wait_until(lambda: counter(engine, "crime_detect_frames_scored_total", "fight_0") > 8, 30, "nothing is scored")
    assert engine.download("/api/v1/cameras/fight_0/live.jpg")[2][:2] == b"\xff\xd8"
    assert frigate.fake.logins == 1
    wait_until(lambda: retained_states(broker) == {"fight_0", "normal_0"}, 10, "the broker does not know them")

    frigate.fake.cameras = ["fight_0", "normal_1"]
    wait_for_states(engine, {"fight_0": "live", "normal_1": "live"})
    assert engine.download("/api/v1/cameras/normal_0")[0] == 404
    wait_until(lambda: retained_states(broker) == {"fight_0", "normal_1"}, 10, "the broker remembers the wrong ones")
    listener = MqttListener(broker, "crime_detect/e2e/info", (USERNAME, PASSWORD))
    listener.wait_for(lambda: bool(listener.heard))
    listener.close()
    assert {camera["id"] for camera in json.loads(listener.heard[-1].payload)["cameras"]} == {"fight_0", "normal_1"}

    frigate.call(frigate.fake.stop())
    wait_until(
        lambda: any("cannot be reached" in text for text in engine.get("/info")["warnings"]),
        20,
        lambda: f"nobody says that Frigate is away\n{engine.log()}",
    )
    assert states(engine) == {"fight_0": "live", "normal_1": "live"}, "a Frigate that restarts takes no camera along"
    frigate.fake.cameras, frigate.fake.token = ["fight_0", "normal_0"], "token-2"
    frigate.call(frigate.fake.start())
    wait_for_states(engine, {"fight_0": "live", "normal_0": "live"})
    assert frigate.fake.logins == 2, "it signs in again when its session has ended, and only then"
    assert not any("Frigate" in text for text in engine.get("/info")["warnings"])
    assert counter(engine, "crime_detect_reconnects_total", "fight_0") == 0, "the others' streams were never touched"
    code, took_s = engine.terminate()
    assert (code, took_s < 5.0) == (0, True)


def test_a_wrong_login_is_told_without_it_and_a_named_camera_is_not_doubled(
    frigate: RunningFrigate, rtsp: RtspServer, start_engine: StartEngine
) -> None:
    own = "cameras: {gate: {source: 'frigate:normal_0', name: The gate, detection: {threshold: 0.9}}}\n"
    frigate.fake.password = "changed-meanwhile"
    engine = start_engine(own + section(frigate, rtsp))
    wait_until(
        lambda: any("refuses the login" in text for text in engine.get("/info")["warnings"]),
        20,
        lambda: f"nobody says that the login is wrong\n{engine.log()}",
    )
    assert set(states(engine)) == {"gate"}
    frigate.fake.password = LOGIN[1]
    wait_for_states(engine, {"gate": "live", "fight_0": "live"}, 90)
    assert engine.state("gate")["threshold"] == 0.9
    for text in (engine.log(), json.dumps(engine.get("/info")), json.dumps(engine.get("/cameras"))):
        assert LOGIN[1] not in text
        assert frigate.fake.token not in text


def test_whom_frigate_follows_into_a_zone_is_an_incident_that_no_detector_was_needed_for(
    frigate: RunningFrigate, rtsp: RtspServer, broker: Mosquitto, start_engine: StartEngine
) -> None:
    frigate.fake.topic_prefix = "house/nvr"
    frigate.fake.events = [listed("before", camera="normal_0", data={"box": [0.0, 0.1, 0.1, 0.5]})]
    nvr = MqttListener(broker, "house/nvr/none", (USERNAME, PASSWORD))
    nvr.publish("house/nvr/available", "online", retain=True)
    login = f"username: {USERNAME}, password: {PASSWORD}"
    mqtt = f"mqtt: {{host: 127.0.0.1, port: {broker.port}, {login}}}\n"
    zone = "polygon: [[0.4, 0.4], [1, 0.4], [1, 1], [0.4, 1]], intrusion: 1s"
    cameras = (
        f"cameras: {{gate: {{source: 'frigate:normal_0', tamper: {{enabled: false}}, zones: {{drive: {{{zone}}}}}}}}}\n"
    )
    engine = start_engine(f"{cameras}{section(frigate, rtsp)}{mqtt}")

    def event(kind: str, event_id: str = "a", **changes: Any) -> None:
        after = tracked(event_id, camera="normal_0", path_data=[], **changes)
        nvr.publish("house/nvr/events", json.dumps({"type": kind, "before": after, "after": after}))

    def incidents() -> list[dict[str, Any]]:
        return [one for one in engine.get("/incidents")["items"] if one["source"] == "zone"]

    try:
        wait_until(lambda: engine.state("gate")["persons"] == 1, 45, lambda: f"it sees nobody\n{engine.log()}")
        assert not any("What Frigate sees" in text for text in engine.get("/info")["warnings"]), "MQTT is heard"
        event("new", box=[10, 90, 74, 270], frame_time=1607123956.0)
        wait_until(lambda: engine.state("gate")["persons"] == 2, 10, lambda: f"it does not listen\n{engine.log()}")
        assert engine.state("gate")["zones"]["drive"]["occupied"] is False
        assert incidents() == []
        nvr.publish("house/nvr/normal_0/audio/scream", "ON")
        event("update", frame_time=1607123959.0, sub_label=["Eve", 0.9])
        (found,) = wait_until(incidents, 20, lambda: f"nobody minds who is in the zone\n{engine.log()}")
        assert (found["label"], found["zone"], found["camera"]) == ("trespassing", "drive", "gate")
        assert found["identities"] == ["Eve"]
        assert found["attributes"]["sounds"] == ["scream"]
        assert found["boxes"][0]["box"] == [0.5, 0.25, 0.1, 0.5]
        assert engine.state("gate")["zones"]["drive"]["persons"] == 1
        for event_id in ("a", "before"):
            event("end", event_id, end_time=1607123965.0)
        wait_until(lambda: incidents()[0]["ended_at"], 20, lambda: f"it does not end\n{engine.log()}")
        assert engine.state("gate")["persons"] == 0
        nvr.publish("house/nvr/available", "offline", retain=True)
        frigate.call(frigate.fake.stop())
        wait_until(lambda: engine.state("gate")["persons"] is None, 30, "nobody says that nobody looks")
        wait_until(
            lambda: any("Frigate does not say what it sees" in text for text in engine.get("/info")["warnings"]),
            30,
            lambda: f"{engine.get('/info')['warnings']}",
        )
    finally:
        nvr.close()
    assert "detector" not in engine.log().lower(), "nobody pays twice"
