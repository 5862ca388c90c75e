"""Owns the tests of the benchmark's ratios: round by round, made of named parts, and honest about what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from crime_detect_engine import comparison
from crime_detect_engine.comparison import measure_capped, measure_ratios, write_scene
from crime_detect_engine.domain.errors import CheckpointError, InvalidInputError


class SteadyNaive:
    """A naive pipeline that takes ten seconds a camera-second at 720p, eight at 360p."""

    def __enter__(self) -> SteadyNaive:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cpu_ms_a_camera_second(self, clip: Path) -> float:
        return 10_000.0 if clip.name == "main.mp4" else 8_000.0


def absent(*_: object, **__: object) -> None:
    raise CheckpointError("not here")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second of small scenes, one round, the default model alone."""
    monkeypatch.setattr(comparison, "ROUNDS", 1)
    monkeypatch.setattr(comparison, "SECONDS", 2.0)
    monkeypatch.setattr(comparison, "MAIN", (320, 180))
    monkeypatch.setattr(comparison, "SUB", (160, 96))
    monkeypatch.setattr(comparison, "export_random", absent)
    monkeypatch.setattr(comparison, "_with_int8", lambda checkpoint, *_: checkpoint)
    monkeypatch.setattr(comparison, "LITE", "absent")


@pytest.mark.usefixtures("quick")
def test_a_ratio_is_the_product_of_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "NaivePipeline", SteadyNaive)
    found = measure_ratios(tmp_path, capped=True)
    model = found["models"]["default.fp32"]
    parts = model["made_of"]
    assert parts["decoding a smaller stream"] == 1.25
    assert parts["precision"] == 1.0
    assert model["times_naive"] == pytest.approx(1.25 * parts["network, input and sampling"], rel=0.02)
    assert model["accuracy"] is not None
    times = found["cpu_ms_a_camera_second"]
    assert times["default.still scene"] < times["default.fp32"], "the motion gate saves the network"
    assert set(found["skipped"]) == {"resnet50", "lite"}


@pytest.mark.usefixtures("quick")
def test_without_the_naive_pipeline_the_rest_is_measured_and_the_reason_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise InvalidInputError("needs torch")

    monkeypatch.setattr(comparison, "NaivePipeline", refuse)
    found = measure_ratios(tmp_path, capped=True)
    assert found["skipped"]["naive"] == "needs torch"
    assert "times_naive" not in found["models"]["default.fp32"]
    assert found["models"]["default.fp32"]["cameras_a_core"] > 0


def test_a_capped_run_that_fails_is_told_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison.sys, "executable", "/bin/false")
    assert measure_capped() == {"skipped": "ended with 1"}


def test_a_still_scene_has_no_change_but_noise_of_the_codec(tmp_path: Path) -> None:
    from crime_detect_engine.sources.file import FileSource

    write_scene(tmp_path / "still.mp4", (160, 96), 1.0, still=True)
    luma = [raw.luma().astype(int) for raw in FileSource(tmp_path / "still.mp4").frames()]
    assert len(luma) == 25
    assert abs(luma[-1] - luma[0]).mean() < 3
