"""Real parts, one whole: RTSP cameras with real clips, the engine, a real broker, and clients of both feeds."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from tests.rig.engine import EngineProcess, EventListener, wait_until
from tests.rig.mosquitto import PASSWORD, USERNAME, Mosquitto, MqttListener
from tests.rig.rtsp import RtspServer

pytestmark = [pytest.mark.clips, pytest.mark.timeout(300)]
StartEngine = Callable[..., EngineProcess]
CAMERAS = ("fight_0", "fight_1", "normal_0", "normal_1")


def configuration(rtsp: RtspServer, broker: Mosquitto, cameras: tuple[str, ...] = CAMERAS) -> str:
    watched = "\n".join(
        f"  {name}: {{source: '{rtsp.url(name)}', location: {{latitude: 52.1, longitude: 4.3}}, detection: "
        "{cooldown: 2s}}"
        for name in cameras
    )
    return (
        f"instance: e2e\ntimezone: Europe/Amsterdam\ncameras:\n{watched}\n"
        f"mqtt: {{host: 127.0.0.1, port: {broker.port}, username: {USERNAME}, password: {PASSWORD}}}\n"
    )


def published(listener: MqttListener) -> list[dict[str, Any]]:
    """Incident payloads in the order heard, repetitions removed by (uuid, epoch, seq) as consumers do."""
    seen: dict[tuple[str, str, int], dict[str, Any]] = {}
    for message in list(listener.heard):
        if message.topic.endswith("/incident"):
            data = json.loads(message.payload)
            seen.setdefault((data["uuid"], data["epoch"], data["seq"]), data)
    return list(seen.values())


def camera_of(data: dict[str, Any]) -> str:
    return str((data["after"] or data["before"])["camera"])


def ended(events: list[dict[str, Any]], camera: str) -> dict[str, Any] | None:
    """The last state of the first incident of a camera that is over."""
    found = [data["after"] for data in events if data["type"] == "end" and camera_of(data) == camera]
    return found[0] if found else None


@pytest.fixture
def listener(broker: Mosquitto) -> Any:
    made = MqttListener(broker, "#", (USERNAME, PASSWORD))
    yield made
    made.close()


def test_fights_are_told_and_normal_scenes_are_not(
    rtsp: RtspServer, broker: Mosquitto, listener: MqttListener, start_engine: StartEngine
) -> None:
    engine = start_engine(configuration(rtsp, broker))
    feed = EventListener(engine)
    for camera in ("fight_0", "fight_1"):
        wait_until(
            lambda camera=camera: ended(published(listener), camera),
            90,
            lambda camera=camera: f"no whole incident of {camera}; {published(listener)}\n{engine.log()}",
        )
    wait_until(lambda: len(feed.incidents()) >= 4, 10, "the feed lags behind the broker")
    events = published(listener)
    incident = ended(events, "fight_0")
    assert incident is not None
    own = [data for data in events if (data["after"] or {}).get("incident_id") == incident["incident_id"]]
    assert [own[0]["type"], own[-1]["type"]] == ["new", "end"]
    assert own[0]["before"] is None
    assert {data["type"] for data in own[1:-1]} <= {"update"}
    assert incident["label"] == "fighting"
    assert 0.8 <= incident["confidence"] <= 1.0
    assert incident["notify"] is True
    assert incident["location"] == {"latitude": 52.1, "longitude": 4.3}
    assert {camera_of(data) for data in events} == {"fight_0", "fight_1"}

    status, kind, picture = engine.download(incident["media"]["snapshot"])
    assert (status, kind, picture[:2]) == (200, "image/jpeg", b"\xff\xd8")
    status, kind, clip = engine.download(incident["media"]["clip"])
    assert (status, kind) == (200, "video/mp4")
    with av.open(io.BytesIO(clip)) as container:
        assert not container.streams.audio
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) > 50
    assert times == sorted(times)
    snapshots = [m for m in listener.heard if m.topic == f"crime_detect/e2e/media/{incident['incident_id']}.jpg"]
    assert snapshots
    assert snapshots[0].payload[:2] == b"\xff\xd8"
    first_new = next(
        n
        for n, m in enumerate(listener.heard)
        if m.topic.endswith("fight_0/incident") and incident["incident_id"].encode() in m.payload
    )
    assert listener.heard.index(snapshots[0]) < first_new, "the picture comes before its incident"

    by_seq = {data["seq"]: data for data in feed.incidents()}
    common = [data for data in events if data["seq"] in by_seq]
    assert common
    assert all(by_seq[data["seq"]] == data for data in common), "both feeds carry the same JSON"
    assert engine.get("/incidents?camera=normal_0&severity=alert")["items"] == []
    assert engine.get("/incidents?camera=normal_1&severity=alert")["items"] == []
    feed.close()
    code, took_s = engine.terminate()
    assert code == 0
    assert took_s < 5.0, "SIGTERM ends within five seconds"


def test_a_dead_broker_costs_no_message(
    rtsp: RtspServer, broker: Mosquitto, listener: MqttListener, start_engine: StartEngine
) -> None:
    engine = start_engine(configuration(rtsp, broker, ("fight_0", "fight_1")))
    wait_until(lambda: published(listener), 60, lambda: f"nothing was published\n{engine.log()}")
    before = listener.listening
    broker.kill()
    # What the broker had acknowledged and not passed on died with it; from here on nothing may be missing.
    hello = EventListener(engine)
    wait_until(lambda: hello.messages, 10, "no hello")
    died_at_seq = hello.messages[0]["seq"]
    hello.close()
    stored = len(engine.get("/incidents?severity=alert")["items"])
    wait_until(lambda: len(engine.get("/incidents?severity=alert")["items"]) > stored, 60, "nothing happened meanwhile")
    # What comes before the listener is back the broker takes, and there is nobody to pass it on to.
    with engine.halted():
        broker.start()
        wait_until(lambda: listener.listening > before, 30, "the listener did not return")
    wait_until(
        lambda: engine.get("/info")["outbox"]["mqtt"]["pending"] == 0 and len(published(listener)) > 3,
        90,
        lambda: f"messages still wait: {engine.get('/info')['outbox']}\n{engine.log()}",
    )
    feed = EventListener(engine, f"?since=0&epoch={engine.get('/info')['epoch']}")
    wait_until(lambda: feed.incidents(), 10, "the feed replays nothing")
    told = {data["seq"] for data in feed.incidents() if data["seq"] > died_at_seq}
    assert told
    wait_until(
        lambda: told <= {data["seq"] for data in published(listener)},
        30,
        lambda: f"lost: {told - {data['seq'] for data in published(listener)}}",
    )
    news = [data["after"]["incident_id"] for data in published(listener) if data["type"] == "new"]
    assert len(news) == len(set(news)), "an incident is new only once"
    feed.close()


def test_a_camera_that_dies_is_said_and_comes_back(
    rtsp: RtspServer, broker: Mosquitto, listener: MqttListener, start_engine: StartEngine
) -> None:
    engine = start_engine(configuration(rtsp, broker, ("normal_0",)))

    def state() -> str:
        heard = listener.payloads("crime_detect/e2e/normal_0/state")
        return str(json.loads(heard[-1])["state"]) if heard else ""

    wait_until(lambda: state() == "live", 30, lambda: f"never live: {state()}\n{engine.log()}")
    rtsp.kill()
    wait_until(lambda: state() == "lost", 20, lambda: f"not lost within 20 s: {state()}\n{engine.log()}")
    healthy, _, body = engine.download("/health")
    assert healthy == 503, "an engine whose only camera is away is blind, not calm"
    assert b"blind" in body
    rtsp.start()
    wait_until(lambda: state() == "live", 90, lambda: f"did not come back: {state()}\n{engine.log()}")


def test_a_killed_engine_leaves_a_will_and_closes_its_orphans(
    rtsp: RtspServer, broker: Mosquitto, listener: MqttListener, start_engine: StartEngine
) -> None:
    engine = start_engine(configuration(rtsp, broker, ("fight_0", "fight_1")))
    wait_until(
        lambda: any(data["type"] == "new" for data in published(listener)), 60, lambda: f"no incident\n{engine.log()}"
    )
    engine.kill()
    wait_until(
        lambda: listener.payloads("crime_detect/e2e/available")[-1:] == [b"offline"], 30, "the will did not fire"
    )
    opened = {data["after"]["incident_id"] for data in published(listener) if data["type"] == "new"}
    engine.start()
    wait_until(
        lambda: opened <= {data["after"]["incident_id"] for data in published(listener) if data["type"] == "end"},
        60,
        lambda: f"orphans stay open: {published(listener)[-3:]}\n{engine.log()}",
    )
    for incident_id in opened:
        incident = engine.get(f"/incidents/{incident_id}")
        assert incident["ended_at"] is not None
        assert incident["media"]["snapshot"], "its picture was stored before it was told"
        assert engine.download(incident["media"]["snapshot"])[0] == 200
        assert len(engine.get(f"/incidents/{incident_id}/scores")["items"]) >= 1
    seqs = [data["seq"] for data in published(listener)]
    assert len(seqs) == len(set(seqs))
    assert not list((engine.data / "media").rglob("*.tmp")), "nothing half-written stays"


def test_masked_cameras_keep_only_masked_pictures(
    rtsp: RtspServer, broker: Mosquitto, listener: MqttListener, start_engine: StartEngine, tmp_path: Path
) -> None:
    """The left fifth is masked: it is black in the live picture, the snapshot and the clip."""
    import cv2
    import numpy as np

    text = configuration(rtsp, broker, ("fight_0",)).replace(
        "detection: {", "masks: [[[0, 0], [0.2, 0], [0.2, 1], [0, 1]]], detection: {threshold: 0.3, "
    )
    engine = start_engine(text)
    wait_until(
        lambda: ended(published(listener), "fight_0"),
        120,
        lambda: f"no whole incident; {published(listener)}\n{engine.log()}",
    )
    incident = ended(published(listener), "fight_0")
    assert incident is not None

    def left_part(image: Any) -> float:
        return float(image[:, : int(image.shape[1] * 0.15)].max())

    for address in (incident["media"]["snapshot"], "/api/v1/cameras/fight_0/live.jpg"):
        body = engine.download(address)[2]
        picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
        assert left_part(picture) < 24
        assert picture[:, picture.shape[1] // 2 :].max() > 100
    with av.open(io.BytesIO(engine.download(incident["media"]["clip"])[2])) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) > 20
    assert max(left_part(frame) for frame in frames) < 40
