"""Owns the proof that NanoDet is fed and read rightly: by hand-made heads, and with real weights on real frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image
from crime_detect_engine.vision.detectors.nanodet import MEAN, STD, NanodetDetector, decode, open_shapes

CAR = 2
STANDING = Box(0.503, 0.036, 0.672, 0.898)


def head(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    count = sum(height // stride * (width // stride) for stride in (8, 16, 32))
    return np.zeros((count, 80), np.float32), np.full((count, 4, 8), -20.0, np.float32)


def test_a_box_is_read_from_its_distributions() -> None:
    scores, sides = head(64, 96)
    cell = 8 * 12 + 1 * 6 + 2  # stride 16, second row, third column
    scores[cell, CAR] = 0.6
    for side, reach in enumerate((1, 0, 2, 3)):
        sides[cell, side, reach] = 20.0
    sides[cell, 2, 3] = 20.0  # right: two or three strides, as likely
    corners, found, classes = decode(scores, sides.reshape(-1, 32), 64, 96)
    assert corners.tolist() == [pytest.approx([39.5 - 16, 23.5, 39.5 + 40, 23.5 + 48], abs=1e-3)]
    assert found.tolist() == [pytest.approx(0.6)]
    assert classes.tolist() == [CAR]


def test_logits_beyond_all_measure_do_not_overflow() -> None:
    scores, sides = head(32, 32)
    scores[0, 0] = 1.0
    sides[0, :, 7] = 1e4
    assert np.isfinite(decode(scores, sides.reshape(-1, 32), 32, 32)[0]).all()


def test_opened_shapes_and_normalisation_are_the_same_network(detectors: Path) -> None:
    core, settings = ov.Core(), {"INFERENCE_PRECISION_HINT": "f32"}
    original = core.read_model(detectors / "nanodet_m.onnx")
    opened = open_shapes(core.read_model(detectors / "nanodet_m.onnx"), 1, 416, 416)
    picture = np.random.default_rng(3).integers(0, 256, (1, 416, 416, 3), np.uint8)
    normal = ((picture.astype(np.float32) - MEAN) / STD)[..., ::-1].transpose(0, 3, 1, 2)
    expected = core.compile_model(original, "CPU", settings)(np.ascontiguousarray(normal, np.float32))
    found = core.compile_model(opened, "CPU", settings)(picture)
    for index in range(6):
        np.testing.assert_allclose(found[index], expected[index], atol=2e-3)


@pytest.mark.parametrize("size", [320, 416])
def test_a_person_is_found_where_she_stands(detectors: Path, real_frame: Callable[..., Image], size: int) -> None:
    detector = NanodetDetector(detectors / "nanodet_m.onnx")
    picture = real_frame("one-by-one-person-detection.mp4", 13.1, size)
    (person,) = [one for one in detector.detect([picture])[0] if one.label == "person" and one.confidence >= 0.3]
    assert person.box.iou(STANDING) > 0.75


def test_batches_keep_their_order_and_change_nothing(detectors: Path, real_frame: Callable[..., Image]) -> None:
    detector = NanodetDetector(detectors / "nanodet_m.onnx")
    person = real_frame("one-by-one-person-detection.mp4", 13.1)
    portrait = np.ascontiguousarray(person[:, 120:320])
    pictures = [np.zeros_like(person), person, portrait, person]
    for picture, found in zip(pictures, detector.detect(pictures), strict=True):
        (alone,) = detector.detect([picture])
        assert [one.label for one in found] == [one.label for one in alone]
        assert [one.confidence for one in found] == pytest.approx([one.confidence for one in alone], abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (416, 1), (31, 33), (416, 234)])
def test_pictures_of_any_shape_are_taken(detectors: Path, shape: tuple[int, int]) -> None:
    (found,) = NanodetDetector(detectors / "nanodet_m.onnx").detect([np.full((*shape, 3), 128, np.uint8)])
    assert all(one.label != "person" or one.confidence < 0.4 for one in found)
