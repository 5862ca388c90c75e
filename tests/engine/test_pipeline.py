"""Owns the tests of the flow: from frames that arrive to decisions, whatever happens to devices, rules and people."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from crime_detect_engine.config.settings import ZoneConfig
from crime_detect_engine.domain.clock import ManualClock
from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.domain.scene import Box, Detection, Look
from crime_detect_engine.domain.types import CameraState, ChangeType, Rules, Severity
from crime_detect_engine.pipeline import Pipeline
from crime_detect_engine.scene_watch import SceneOptions, SceneWatch
from crime_detect_engine.tracking.places import Zone

from tests.fakes import NOON, FakePicture, told_frame

FIGHT, CALM = 0.95, 0.05


async def test_a_fight_is_one_incident_from_new_to_end(make_flow):
    flow = make_flow()
    flow.add()
    await flow.feed(CALM, 16)
    assert flow.alerts == []
    await flow.feed(FIGHT, 24)
    await flow.feed(CALM, 40)
    assert flow.told()[0] == "new"
    assert flow.told()[-1] == "end"
    assert len({alert.incident_id for alert in flow.alerts}) == 1
    assert max(alert.severity for alert in flow.alerts) is Severity.ALERT
    assert any(alert.notify for alert in flow.alerts)


async def test_rules_swapped_in_place_keep_the_open_incident_and_the_stream(make_flow, until):
    flow = make_flow()
    line = flow.add()
    await until(lambda: line.capture._source.connections == 1)
    await flow.feed(FIGHT, 32)
    opened = flow.alerts[-1].incident_id
    flow.pipeline.set_config("yard", replace(line.config, rules=replace(line.rules, threshold=0.99)))
    await flow.feed(FIGHT, 8)
    assert "end" not in flow.told()
    await flow.feed(CALM, 40)
    assert (flow.alerts[-1].type, flow.alerts[-1].incident_id) == (ChangeType.END, opened)
    assert line.capture._source.connections == 1


async def test_a_lost_gpu_costs_frames_and_the_fight_is_still_told(make_flow):
    flow = make_flow(device="cuda")
    line = flow.add()
    await flow.feed(CALM, 8)
    flow.classifiers[0].plan = [BackendError("CUDA error: out of memory")]
    await flow.feed(FIGHT, 1)
    assert line.lost == 1
    assert line.scored == 8, "lost frames do not count as looked at"
    await flow.feed(FIGHT, 32)
    assert flow.classifiers[-1].device == "cpu"
    assert max(alert.severity for alert in flow.alerts) is Severity.ALERT


async def test_a_hung_worker_holds_nobody_up_for_good(make_flow, until):
    flow = make_flow(hang_s=0.05)
    line = flow.add()
    await flow.feed(CALM, 8)
    release = threading.Event()
    flow.classifiers[0].plan = [release.wait]
    await flow.feed(CALM, 1)
    assert flow.workers[0].failures == 1
    await flow.feed(FIGHT, 32)
    assert flow.workers[0].fault is None
    assert line.state.open_incidents
    release.set()


async def test_after_a_failed_run_no_window_joins_what_came_before(make_flow):
    """The lost frames may have held a cut: the window starts anew, so 8 frames pass before the next score."""
    flow = make_flow()
    line = flow.add()
    await flow.feed(CALM, 16)
    last = line.score
    flow.classifiers[0].plan = [BackendError("lost")]
    await flow.feed(FIGHT, 1)
    await flow.feed(FIGHT, 8)
    assert line.score is last
    await flow.feed(FIGHT, 1)
    assert line.score is not last


async def test_a_cut_never_scores(make_flow, until):
    flow = make_flow()
    line = flow.add()
    await flow.feed(CALM, 15)
    flow.send(FIGHT, cut=True)
    await until(lambda: line.scored == 16)
    await flow.feed(FIGHT, 7)
    assert line.score is None or line.score.top[1] < 0.5
    assert flow.alerts == []


async def test_a_score_that_is_no_probability_is_refused_counted_and_never_told(make_flow):
    flow = make_flow()
    line = flow.add()
    await flow.feed(CALM, 1)
    flow.classifiers[0].probabilities = lambda windows: (
        [{"normal": float("nan"), "fighting": float("nan")}] * len(windows)
    )
    await flow.feed(FIGHT, 40)
    assert line.refused == 9
    assert line.score is None
    assert flow.alerts == []


async def test_twice_the_load_drops_frames_and_bounds_the_delay(make_flow, until):
    """The worker is held at its first frame while two seconds of frames come in."""
    flow = make_flow()
    line = flow.add()
    await flow.feed(CALM, 1)
    release = threading.Event()
    flow.classifiers[0].plan = [release.wait]
    flow.send(CALM)
    await until(lambda: not flow.classifiers[0].plan)
    for _ in range(16):
        flow.send(CALM)
    await until(lambda: line.frames == 18)
    release.set()
    await until(lambda: line.scored + flow.pipeline.dropped("yard") == 18)
    assert flow.pipeline.dropped("yard") == 12
    newest = flow.classifiers[0].batches[-1]
    assert [frame.seq for frame in newest] == [15, 16, 17, 18], "the newest, in order"
    assert line.p95_latency_s() <= 17 * 0.125


async def test_no_camera_is_ever_worked_on_by_two_threads_and_each_keeps_its_order(make_flow, until):
    flow = make_flow(workers=3)
    for worker in flow.workers:
        await worker.prepare(["m"])
    inside: dict[str, int] = {}
    most: dict[str, int] = {}
    seen: dict[str, list[int]] = {}
    guard = threading.Lock()

    def watch(classifier):
        ask = classifier.features

        def features(frames):
            cameras = {frame.camera for frame in frames}
            with guard:
                for frame in frames:
                    seen.setdefault(frame.camera, []).append(frame.seq)
                for camera in cameras:
                    inside[camera] = inside.get(camera, 0) + 1
                    most[camera] = max(most.get(camera, 0), inside[camera])
            found = ask(frames)
            threading.Event().wait(0.002)
            with guard:
                for camera in cameras:
                    inside[camera] -= 1
            return found

        classifier.features = features

    for classifier in flow.classifiers:
        watch(classifier)
    cameras = [f"camera_{n}" for n in range(5)]
    for camera in cameras:
        flow.add(camera)
    for _ in range(60):
        for camera in cameras:
            flow.send(CALM, camera)
        await asyncio.sleep(0.001)
    lines = flow.pipeline.lines
    await until(lambda: all(lines[c].scored + flow.pipeline.dropped(c) == 60 for c in cameras))
    assert set(most.values()) == {1}
    assert all(numbers == sorted(set(numbers)) for numbers in seen.values())


async def test_a_silent_camera_ends_its_incident(make_flow, until):
    flow = make_flow()
    line = flow.add()
    await flow.feed(FIGHT, 32)
    flow.clock.advance(10.0)
    await until(lambda: "end" in flow.told())
    assert line.state.open_incidents == ()
    ended = flow.alerts[-1]
    assert (flow.clock.now() - ended.at).total_seconds() > 5.0, (
        "it ended when it fell silent, not when that was noticed"
    )


async def test_privacy_ends_incidents_closes_the_connection_and_forgets_pictures(make_flow, until):
    flow = make_flow()
    line = flow.add()
    await until(lambda: line.capture._source.connections == 1)
    await flow.feed(FIGHT, 32)
    assert line.recorder.newest() is not None
    line.runtime = CameraRuntime(privacy=True)
    await flow.pipeline.pause("yard")
    assert flow.told()[-1] == "end"
    assert line.capture.status().state is CameraState.PAUSED
    flow.send(FIGHT)
    await asyncio.sleep(0)
    assert line.recorder.newest() is None, "also the picture that was still on its way is not kept"
    assert line.frames == 32
    line.runtime = CameraRuntime()
    flow.pipeline.resume("yard")
    await until(lambda: line.capture._source.connections == 2)
    await flow.feed(CALM, 16)
    assert line.recorder.newest() is not None
    assert flow.told()[-1] == "end"


async def test_what_was_in_flight_when_privacy_came_is_not_told(make_flow, until):
    flow = make_flow()
    line = flow.add()
    await flow.feed(FIGHT, 15)
    release = threading.Event()
    flow.classifiers[0].plan = [release.wait]
    flow.send(FIGHT)
    await until(lambda: not flow.classifiers[0].plan)
    told = len(flow.alerts)
    line.runtime = CameraRuntime(privacy=True)
    await flow.pipeline.pause("yard")
    release.set()
    await until(lambda: line.scored == 16)
    assert [alert.type for alert in flow.alerts[told:]] in ([], [ChangeType.END])


async def test_a_camera_that_is_private_at_start_is_never_connected(make_flow):
    flow = make_flow()
    line = flow.add(runtime=CameraRuntime(privacy=True))
    await asyncio.sleep(0.05)
    assert line.capture._source.connections == 0
    flow.send(FIGHT)
    await asyncio.sleep(0)
    assert line.frames == 0
    assert line.recorder.newest() is None


async def test_removing_a_camera_ends_its_incident_and_leaves_the_others(make_flow):
    flow = make_flow()
    flow.add("yard")
    flow.add("gate")
    await flow.feed(FIGHT, 32, "yard")
    await flow.feed(CALM, 16, "gate")
    await asyncio.gather(flow.pipeline.remove("yard"), flow.pipeline.remove("yard"))
    await flow.pipeline.remove("yard")  # the second came when the first was done
    assert flow.told("yard").count("end") == 1
    flow.send(FIGHT, "yard")
    await flow.feed(CALM, 8, "gate")
    assert list(flow.pipeline.lines) == ["gate"]


async def test_a_camera_may_come_back_under_its_name(make_flow):
    flow = make_flow()
    flow.add()
    await flow.feed(FIGHT, 32)
    await flow.pipeline.remove("yard")
    line = flow.add()
    await flow.feed(CALM, 16)
    assert line.scored == 16
    assert line.state.open_incidents == ()


async def test_stopping_ends_what_is_open_and_every_thread(make_flow, until):
    before = set(threading.enumerate())
    flow = make_flow(workers=2)
    for camera in ("yard", "gate"):
        flow.add(camera)
        await flow.feed(FIGHT, 32, camera)
    await flow.pipeline.stop()
    assert flow.told("yard")[-1] == flow.told("gate")[-1] == "end"
    ours = ("inference-", "capture-")
    await until(lambda: not [t for t in set(threading.enumerate()) - before if t.name.startswith(ours)])


async def test_a_flaw_in_the_flow_is_said(make_flow, until, caplog):
    flaws = [KeyError("a flaw")]

    def flaw(_line, _judge, _alert):
        if flaws:
            raise flaws.pop()

    flow = make_flow(on_alert=flaw)
    flow.add()
    for _ in range(40):
        flow.send(FIGHT)
        await asyncio.sleep(0.005)
    await until(lambda: flow.pipeline.fault)
    assert "KeyError" in flow.pipeline.fault
    assert "a flaw" in caplog.text


@pytest.mark.parametrize("threshold", [0.5, 0.8])
async def test_the_threshold_itself_counts(make_flow, threshold):
    flow = make_flow()
    flow.add(rules=Rules(threshold=threshold, cooldown_s=0.0))
    await flow.feed(threshold, 32)
    assert max(alert.severity for alert in flow.alerts) is Severity.ALERT


def test_frames_before_the_start_or_after_the_end_are_let_go(make_line):
    async def build():
        return Pipeline([], lambda *_: None, ManualClock(NOON))

    pipeline = asyncio.run(build())
    pipeline.receive(told_frame("yard", 1.0, 0.9))


# --- who is there -------------------------------------------------------------------------------------------------


class Eyes:
    """A detector that sees one person on the left in every picture, and counts its pictures."""

    name, labels, size, device, precision = "eyes", ("person",), 384, "cpu", "fp32"

    def __init__(self):
        self.pictures = 0

    def detect(self, images):
        self.pictures += len(images)
        return [[Detection("person", 0.8, Box(0.2, 0.4, 0.3, 0.9))] for _ in images]

    def close(self): ...


def look_around(flow, camera="yard", *, moved=True):
    """One look, half a second after the one before."""
    flow.clock.advance(0.5)
    image = np.zeros((216, 384, 3), np.uint8) if moved else None
    everything = np.ones((117, 208), np.bool_)
    flow.pipeline.receive_look(
        Look(camera, flow.clock.now(), flow.clock.tick_s(), image, FakePicture(), foreground=everything)
    )


@pytest.fixture
async def zoned(make_flow):
    """A flow whose camera has a zone on its left."""
    flow, zone = make_flow(eyes=Eyes()), Zone("left", ((0, 0), (0.5, 0), (0.5, 1), (0, 1)), intrusion_s=1.0)
    line = flow.add(zones=(ZoneConfig(zone),))
    line.scene = SceneWatch(line.config, SceneOptions(), ZoneInfo("UTC"))
    return flow


async def test_somebody_in_a_zone_is_told_beside_the_model_and_ends(zoned, until):
    flow = zoned
    for _ in range(8):
        before = flow.pipeline.lines["yard"].scene.counts["detected"]
        look_around(flow)
        await until(lambda before=before: flow.pipeline.lines["yard"].scene.counts["detected"] > before)
    assert [(alert.label, str(alert.type)) for alert in flow.alerts] == [("trespassing", "new")]
    view = flow.pipeline.lines["yard"].view(flow.clock.now(), flow.clock.tick_s())
    assert (view["active"], view["label"], view["persons"]) == (True, "trespassing", 1)
    await flow.pipeline.remove("yard")
    assert str(flow.alerts[-1].type) == "end"


async def test_a_picture_in_which_nothing_moved_costs_no_detector(zoned, until):
    flow, scene = zoned, zoned.pipeline.lines["yard"].scene
    for n in range(6):
        look_around(flow, moved=n < 2)
        await until(lambda n=n: sum(scene.counts.values()) > n)
    assert scene.counts == {"detected": 2, "still": 4, "blind": 0}


async def test_privacy_forgets_who_was_there_and_looks_at_nobody(zoned, until):
    flow, scene = zoned, zoned.pipeline.lines["yard"].scene
    for n in range(8):
        look_around(flow)
        await until(lambda n=n: scene.counts["detected"] > n)
    line = flow.pipeline.lines["yard"]
    line.runtime = replace(line.runtime, privacy=True)
    await flow.pipeline.pause("yard")
    assert str(flow.alerts[-1].type) == "end"
    look_around(flow)
    await asyncio.sleep(0)
    assert scene.counts["detected"] == 8
    assert line.view(flow.clock.now(), flow.clock.tick_s())["persons"] is None


async def test_a_zone_that_is_taken_away_ends_its_incident_in_place(zoned, until):
    flow, scene = zoned, zoned.pipeline.lines["yard"].scene
    for n in range(8):
        look_around(flow)
        await until(lambda n=n: scene.counts["detected"] > n)
    flow.pipeline.set_config("yard", replace(flow.pipeline.lines["yard"].config, zones=()))
    assert flow.told() == ["new", "end"]
