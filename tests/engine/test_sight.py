"""Having a detector: fetched while the engine runs, said when it cannot be had, and tried again."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from crime_detect_engine.config.places import MODELS_VARIABLE
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.sight import Sight


class Pipeline:
    def __init__(self, *, wants: bool) -> None:
        self.lines = {"yard": SimpleNamespace(scene=SimpleNamespace(wants_detector=wants))}


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be fetched."""

    def fetch(*_: Any) -> Path:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("crime_detect_engine.vision.detectors.weights.fetch", fetch)
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)


@pytest.mark.usefixtures("offline")
async def test_offline_it_says_what_to_do_and_goes_on_once_the_file_is_there(
    tmp_path: Path, clips: Path, until: Any
) -> None:
    sight = Sight("yolox_nano", tmp_path, again_s=0.01)
    running = asyncio.create_task(sight.run(Pipeline(wants=True), ()))  # type: ignore[arg-type]
    await until(lambda: sight.problem)
    assert str(tmp_path / "models" / "detectors") in sight.notes()[0]
    assert "zones and persons" in sight.notes()[0]
    with pytest.raises(CheckpointError, match="yolox_nano"):
        sight.load(True)
    (tmp_path / "models" / "detectors").mkdir(parents=True)
    shutil.copy(clips / "detectors" / "yolox_nano.onnx", tmp_path / "models" / "detectors")
    await until(lambda: sight.problem is None)
    assert sight.notes() == []
    running.cancel()


@pytest.mark.usefixtures("offline")
async def test_nobody_asks_for_it_nothing_is_fetched_or_said(tmp_path: Path) -> None:
    sight = Sight("yolox_nano", tmp_path, again_s=0.01)
    running = asyncio.create_task(sight.run(Pipeline(wants=False), ()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert sight.problem is None
    running.cancel()


def test_what_workers_complain_of_is_told_once(tmp_path: Path) -> None:
    sight = Sight("yolox_nano", tmp_path)
    sight._workers = [SimpleNamespace(detector_fault="it hung"), SimpleNamespace(detector_fault="it hung")]  # type: ignore[list-item]
    assert sight.notes() == ["zones and persons: it hung"]


def test_weights_that_are_there_serve_the_very_first_look(
    tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks before `run` had its turn does not wait for the next try."""
    monkeypatch.setenv(MODELS_VARIABLE, str(clips / "detectors"))
    pytest.importorskip("openvino")
    assert Sight("yolox_nano", tmp_path).load(True).name == "yolox_nano"
