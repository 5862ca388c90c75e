"""Owns the proof that YOLOX is fed and read rightly: by hand-made heads, and with real weights on real frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image
from crime_detect_engine.vision.detectors.yolox import YoloxDetector, decode, fuse_stem

PERSON, CAR = 0, 2
STANDING = Box(0.503, 0.036, 0.672, 0.898)
"""Where the woman stands at 13.1 s of one-by-one-person-detection.mp4."""


def head(height: int, width: int) -> np.ndarray:
    return np.zeros((sum(height // stride * (width // stride) for stride in (8, 16, 32)), 85), np.float32)


def test_a_box_is_read_from_its_cell() -> None:
    rows = head(64, 96)
    cell = 8 * 12 + 1 * 6 + 2  # stride 16, second row, third column
    rows[cell, :5] = 0.5, 0.25, np.log(2), np.log(3), 0.9
    rows[cell, 5 + CAR] = 0.8
    corners, scores, classes = decode(rows, 64, 96)
    assert corners.tolist() == [pytest.approx([24, -4, 56, 44], abs=1e-4)]
    assert scores.tolist() == [pytest.approx(0.72)]
    assert classes.tolist() == [CAR]


def test_what_is_unlikely_is_left_out() -> None:
    rows = head(32, 32)
    rows[0, 4], rows[0, 5 + PERSON] = 0.09, 1.0
    rows[1, 4], rows[1, 5 + PERSON] = 0.9, 0.1
    rows[2, 4], rows[2, 5 + PERSON] = 0.4, 0.3
    assert decode(rows, 32, 32)[1].tolist() == [pytest.approx(0.12)]


def test_a_size_beyond_all_measure_does_not_overflow() -> None:
    rows = head(32, 32)
    rows[0, :5] = 0, 0, 200, 200, 1
    rows[0, 5] = 1
    assert np.isfinite(decode(rows, 32, 32)[0]).all()


def test_another_network_is_refused() -> None:
    ops: Any = ov.opset13
    given = ops.parameter([1, 3, 32, 32], np.float32)
    kernel = ops.constant(np.zeros((4, 3, 3, 3), np.float32))
    model = ov.Model([ops.convolution(given, kernel, [1, 1], [1, 1], [1, 1], [1, 1])], [given])
    with pytest.raises(CheckpointError, match="not the YOLOX network"):
        fuse_stem(model, 1, 32, 32)


def test_the_first_step_in_one_is_the_same_network(detectors: Path) -> None:
    core, settings = ov.Core(), {"INFERENCE_PRECISION_HINT": "f32"}
    original = core.read_model(detectors / "yolox_nano.onnx")
    original.reshape([1, 3, 96, 160])
    fused = fuse_stem(core.read_model(detectors / "yolox_nano.onnx"), 1, 96, 160)
    picture = np.random.default_rng(3).integers(0, 256, (1, 96, 160, 3), np.uint8)
    in_bgr = np.ascontiguousarray(picture[..., ::-1].transpose(0, 3, 1, 2), np.float32)
    expected = core.compile_model(original, "CPU", settings)(in_bgr)[0]
    found = core.compile_model(fused, "CPU", settings)(picture)[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("size", [320, 416])
def test_a_person_is_found_where_she_stands(detectors: Path, real_frame: Callable[..., Image], size: int) -> None:
    detector = YoloxDetector(detectors / "yolox_nano.onnx")
    picture = real_frame("one-by-one-person-detection.mp4", 13.1, size)
    (person,) = [one for one in detector.detect([picture])[0] if one.label == "person" and one.confidence >= 0.3]
    assert person.confidence > 0.7
    assert person.box.iou(STANDING) > 0.8


def test_red_and_blue_are_not_swapped(detectors: Path, real_frame: Callable[..., Image]) -> None:
    detector = YoloxDetector(detectors / "yolox_nano.onnx")
    picture = real_frame("person-bicycle-car-detection.mp4", 26.6)
    right, swapped = detector.detect([picture, np.ascontiguousarray(picture[..., ::-1])])
    sure = [max((one.confidence for one in found if one.label == "person"), default=0.0) for found in (right, swapped)]
    assert sure[0] > sure[1]


def test_batches_keep_their_order_and_change_nothing(detectors: Path, real_frame: Callable[..., Image]) -> None:
    detector = YoloxDetector(detectors / "yolox_nano.onnx")
    person = real_frame("one-by-one-person-detection.mp4", 13.1)
    empty = real_frame("one-by-one-person-detection.mp4", 2.0)
    portrait = np.ascontiguousarray(person[:, 120:320])
    pictures = [empty, person, portrait, empty, person, person, portrait]
    together = detector.detect(pictures)
    for picture, found in zip(pictures, together, strict=True):
        (alone,) = detector.detect([picture])
        assert [one.label for one in found] == [one.label for one in alone]
        assert [one.confidence for one in found] == pytest.approx([one.confidence for one in alone], abs=1e-3)
    assert ["person" in {one.label for one in found if one.confidence > 0.5} for found in together] == [
        False, True, True, False, True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1), (1, 416), (416, 1), (31, 33), (416, 234), (1080, 1920)])
def test_pictures_of_any_shape_are_taken(detectors: Path, shape: tuple[int, int]) -> None:
    detector = YoloxDetector(detectors / "yolox_nano.onnx")
    picture = np.full((*shape, 3), 128, np.uint8)
    picture.flags.writeable = False
    (found,) = detector.detect([picture])
    assert all(one.label != "person" or one.confidence < 0.3 for one in found)
    assert detector.detect([]) == []


def test_in_bf16_a_person_is_as_sure(detectors: Path, real_frame: Callable[..., Image]) -> None:
    from crime_detect_engine.vision.backends.precision import has_bf16

    if not has_bf16():
        pytest.skip("this processor has no bf16")
    picture = real_frame("one-by-one-person-detection.mp4", 13.1)
    exact, rounded = (
        YoloxDetector(detectors / "yolox_nano.onnx", "cpu", precision).detect([picture])[0][0]
        for precision in ("fp32", "bf16")
    )
    assert rounded.label == exact.label == "person"
    assert rounded.confidence == pytest.approx(exact.confidence, abs=0.05)
    assert rounded.box.iou(exact.box) > 0.9
