"""Owns the tests of how lines and workers are put together."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from crime_detect_engine.assembly import build_line, start_workers
from crime_detect_engine.config import CameraConfig, ModelOptions, model_name
from crime_detect_engine.config.settings import ZoneConfig
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import CheckpointError, InvalidInputError, SourceError
from crime_detect_engine.domain.ports import CameraRuntime
from crime_detect_engine.domain.scene import Box, Look, Scene, TrackedObject
from crime_detect_engine.domain.types import Alert, ChangeType, ModelRef, Score, Severity
from crime_detect_engine.scene_watch import SceneWatch
from crime_detect_engine.sources.frigate import FrigateDiscovery, FrigateOptions
from crime_detect_engine.sources.frigate_objects import FrigateObjects
from crime_detect_engine.tracking.places import Zone

from tests.fakes import told_frame
from tests.rig.videos import scene, write_video

LEFT_HALF = (((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),)


def assemble(small_spec: Any, pipeline: Any, source: str, **options: Any) -> Any:
    camera = CameraConfig(id="yard", source=source, name="Yard", **options)
    return build_line(camera, small_spec, pipeline, CameraRuntime(), ZoneInfo("UTC"), SystemClock())


@pytest.mark.parametrize("masked", [False, True])
async def test_a_masked_camera_keeps_pictures_and_never_its_packets(
    small_spec: Any, make_flow: Any, tmp_path: Path, until: Any, masked: bool
) -> None:
    video = write_video(tmp_path / "a.mp4", [scene(n) for n in range(100)])
    pipeline = make_flow().pipeline
    line = assemble(small_spec, pipeline, f"loop:{video}", masks=LEFT_HALF if masked else ())
    pipeline.add(line)
    await until(lambda: line.frames > 8)
    newest = line.recorder.newest()
    line.recorder.begin("a", SystemClock().tick_s())
    material = line.recorder.finish("a", SystemClock().tick_s())
    assert (line.capture.span(0.0, 1e12) is None) is masked
    assert (material.span is None) is masked
    assert (not newest.rgb()[:, :70].any()) is masked
    if masked:
        picture = cv2.imdecode(np.frombuffer(material.frames[-1].jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture[:, :70].max() < 24


class Nvr:
    """What Frigate says of one camera, as `FrigateObjects.view` would."""

    def __init__(self) -> None:
        self.discovery = FrigateDiscovery(FrigateOptions("http://127.0.0.1:1"))
        self.objects: list[TrackedObject] | None = []
        self.needed = 0

    def view(self, name: str) -> Nvr:
        assert name == "yard"
        return self

    def scene(self, camera: str, at: datetime, tick_s: float, *, needed: bool = True) -> Scene | None:
        self.needed += needed
        return None if self.objects is None else Scene(camera, at, tick_s, tuple(self.objects))

    def sounds(self) -> tuple[str, ...]:
        return ("scream",)


DRIVE = ZoneConfig(Zone("drive", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), intrusion_s=1.0))
EVE = TrackedObject(
    9, "person", 0.9, Box(0.4, 0.2, 0.5, 0.8), 0.0, 0.0, 0.0, identity="Eve", attributes={"frigate_id": "e"}
)
KNIFE = TrackedObject(10, "knife", 0.8, Box(0.42, 0.4, 0.46, 0.5), 0.0, 0.0, 0.0)
CAR = TrackedObject(11, "car", 0.9, Box(0.6, 0.2, 0.9, 0.8), 0.0, 0.0, 0.0, attributes={"plate": "AB12"})


def frigates(small_spec: Any, pipeline: Any, nvr: Nvr, **options: Any) -> SceneWatch:
    camera = CameraConfig(id="yard", source="frigate:yard", name="Yard", **options)
    zone, frigate = ZoneInfo("UTC"), cast("FrigateObjects", nvr)
    line = build_line(camera, small_spec, pipeline, CameraRuntime(), zone, SystemClock(), frigate)
    assert line.scene is not None
    return line.scene


def look_at(watch: SceneWatch, *ticks: float) -> list[str]:
    """The labels of the rules that have something to say, after all these looks."""
    found: list[str] = []
    for tick_s in ticks:
        frame = told_frame("yard", tick_s, 0.0)
        look = Look("yard", frame.at, tick_s, None, frame.picture)
        found = [judge.label for judge, _ in watch.see(look, None)]
    return found


async def test_what_frigate_sees_stands_in_for_a_detector(small_spec: Any, make_flow: Any) -> None:
    nvr = Nvr()
    watch = frigates(small_spec, make_flow().pipeline, nvr, zones=(DRIVE,))
    assert not watch.wants_detector
    assert look_at(watch, 0.0, 0.5, 1.0) == []
    assert watch.view(1.0)["persons"] == 0
    nvr.objects = [EVE, KNIFE, CAR]
    assert look_at(watch, 1.5, 2.0, 2.5, 3.0) == ["trespassing"]
    assert watch.view(3.0)["persons"] == 1
    (judge,) = watch.judges
    assert judge.beside.identities == ("Eve",)
    assert judge.beside.attributes == {
        "sounds": ["scream"],
        "plate": "AB12",
        "frigate_id": "e",
        "carried": [{"label": "knife", "confidence": 0.8}],
    }
    nvr.objects = None
    look_at(watch, 3.5, 9.0)
    assert watch.view(9.0)["persons"] is None, "that Frigate is silent does not mean that nobody is there"


async def test_a_camera_of_frigate_that_shall_look_itself_does(small_spec: Any, make_flow: Any) -> None:
    nvr = Nvr()
    watch = frigates(small_spec, make_flow().pipeline, nvr, zones=(DRIVE,))
    nvr.objects = [EVE]
    look_at(watch, 0.0, 0.5, 1.0, 1.5)
    watch.configure(replace(watch.camera, detector="on"))
    assert watch.wants_detector
    asked = nvr.needed
    look_at(watch, 2.0)
    assert (nvr.needed, watch.view(2.0)["persons"]) == (asked, None), "whom Frigate saw, nobody has seen here"


async def test_a_fight_before_frigates_eyes_tells_who_is_there_though_nobody_watches_a_zone(
    small_spec: Any, make_flow: Any
) -> None:
    nvr, flow = Nvr(), make_flow()
    watch = frigates(small_spec, flow.pipeline, nvr)
    nvr.objects = [EVE, CAR]
    assert look_at(watch, 0.0, 0.5) == []
    score = Score("yard", told_frame("yard", 0.5, 0.9).at, 0.5, {"normal": 0.1, "fighting": 0.9}, "m", 1.0)
    alert = Alert(
        "i", "yard", ChangeType.NEW, "fighting", 0.9, 0.8, Severity.ALERT, True, None, score.at, score.at, (score,)
    )
    grounds = watch.grounds_of_model(alert, ModelRef("m", "1"))
    assert grounds.identities == ("Eve",)
    assert (grounds.attributes["plate"], grounds.attributes["sounds"]) == ("AB12", ["scream"])
    assert nvr.needed == 0, "Frigate is not asked for what nobody needs"
    nvr.objects = None
    assert watch.grounds_of_model(alert, ModelRef("m", "1")).attributes == {"sounds": ["scream"]}


@pytest.mark.parametrize("source", ["exec:rm", "concat:a|b", "frigate:yard", ""])
async def test_a_source_that_nothing_reads_is_refused(small_spec: Any, make_flow: Any, source: str) -> None:
    with pytest.raises(SourceError):
        assemble(small_spec, make_flow().pipeline, source)


async def test_a_length_that_no_window_has_is_refused(small_spec: Any, make_flow: Any) -> None:
    with pytest.raises(InvalidInputError, match="10 to 50"):
        assemble(small_spec, make_flow().pipeline, "a.mp4", sequence_length=99)


def test_synthetic_cameras_are_read_by_the_model_of_such_scenes() -> None:
    assert model_name(CameraConfig("a", "synthetic:yard", "A"), "default") == "demo"
    assert model_name(CameraConfig("a", "rtsp://h/s", "A"), "default") == "default"


async def test_workers_that_cannot_load_leave_no_thread(tmp_path: Path, until: Any) -> None:
    before = set(threading.enumerate())
    with pytest.raises(CheckpointError, match="nonsense"):
        await start_workers(["nonsense"], ModelOptions(), tmp_path, SystemClock())
    await until(lambda: set(threading.enumerate()) <= before)
