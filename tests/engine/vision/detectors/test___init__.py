"""Owns the proof that a detector is chosen by name and device, and that what cannot be is refused in plain words."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.vision.detectors import DEFAULT_NAME, choose_detector, load_detector


@pytest.mark.parametrize("name", ["yolox_nano", "nanodet_m"])
def test_a_detector_is_loaded_from_a_folder(detectors: Path, tmp_path: Path, name: str) -> None:
    detector = load_detector(name, "auto", [tmp_path / "absent", detectors], "fp32", 320)
    assert (detector.name, detector.device, detector.precision, detector.size) == (name, "cpu", "fp32", 320)
    assert detector.labels[0] == "person"
    assert len(detector.labels) == 80
    detector.close()


def test_auto_is_what_the_processor_computes(detectors: Path) -> None:
    from crime_detect_engine.vision.backends.precision import has_bf16

    detector = load_detector(DEFAULT_NAME, "cpu", [detectors])
    assert detector.precision == ("bf16" if has_bf16() else "fp32")


@pytest.mark.parametrize(
    ("name", "device", "precision", "size", "said"),
    [
        ("yolov8", "auto", "auto", None, "unknown detector 'yolov8'; there are yolox_nano, nanodet_m"),
        ("yolox_nano", "cuda", "auto", None, "for CUDA take fasterrcnn"),
        ("yolox_nano", "cpu", "int8", None, "not int8"),
        ("yolox_nano", "gpu", "bf16", None, "take auto or fp32"),
        ("yolox_nano", "cpu", "auto", 10_000, "160 to 1280 pixels"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, name: str, device: str, precision: str, size: int | None, said: str
) -> None:
    with pytest.raises(BackendError, match=said):
        load_detector(name, device, [tmp_path], precision, size)


def test_an_altered_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "yolox_nano.onnx").write_bytes(b"somebody else's network")
    with pytest.raises(CheckpointError, match="altered or cut off"):
        load_detector("yolox_nano", "cpu", [tmp_path])


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_it_says_what_else_there_is(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="yolox_nano needs OpenVINO only"):
        load_detector("fasterrcnn", "auto", [tmp_path])


@pytest.mark.parametrize(
    ("there", "cuda", "chosen"), [(True, False, DEFAULT_NAME), (False, True, "fasterrcnn"), (False, False, "ssdlite")]
)
def test_auto_is_what_can_run_here(monkeypatch: pytest.MonkeyPatch, there: bool, cuda: bool, chosen: str) -> None:
    monkeypatch.setattr("crime_detect_engine.vision.detectors.find_spec", lambda _: object() if there else None)
    monkeypatch.setattr("crime_detect_engine.vision.detectors.has_cuda", lambda: cuda)
    assert choose_detector("auto") == chosen
    assert choose_detector("yolox_nano") == "yolox_nano"
