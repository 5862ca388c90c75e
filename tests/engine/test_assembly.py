"""Owns the tests of how lines and workers are put together."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from crime_detect_engine.assembly import build_line, start_workers
from crime_detect_engine.config import CameraConfig, ModelOptions, model_name
from crime_detect_engine.domain.clock import SystemClock
from crime_detect_engine.domain.errors import CheckpointError, InvalidInputError, SourceError
from crime_detect_engine.domain.ports import CameraRuntime

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
    await until(lambda: line.frames > 8, 20)
    newest = line.recorder.newest()
    line.recorder.begin("a", SystemClock().tick_s())
    material = line.recorder.finish("a", SystemClock().tick_s())
    assert (line.capture.span(0.0, 1e12) is None) is masked
    assert (material.span is None) is masked
    assert (not newest.rgb()[:, :70].any()) is masked
    if masked:
        picture = cv2.imdecode(np.frombuffer(material.frames[-1].jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture[:, :70].max() < 24


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
