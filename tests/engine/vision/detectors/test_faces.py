"""Owns the proof that RFB is fed and read rightly: by hand-made heads, and with real weights on real faces."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.vision.detectors import load_face_detector
from crime_detect_engine.vision.detectors.faces import FaceDetector, decode, open_shapes

TRUTH = Path(__file__).resolve().parents[3] / "fixtures" / "truth" / "faces.json"


def head(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    levels = ((8, 3), (16, 2), (32, 2), (64, 3))
    count = sum(-(-height // stride) * -(-width // stride) * squares for stride, squares in levels)
    scores = np.zeros((count, 2), np.float32)
    scores[:, 0] = 10.0
    return scores, np.zeros((count, 4), np.float32)


def test_a_box_is_read_from_its_square_and_its_offsets() -> None:
    scores, sides = head(64, 96)
    second_level = 8 * 12 * 3
    square = second_level + (1 * 6 + 2) * 2 + 1  # stride 16, second row, third column, the square of 48
    scores[square] = 0.0, 3.0
    sides[square] = 1.0, -1.0, np.log(2.0) / 0.2, 0.0
    corners, found = decode(scores, sides, 64, 96, 0.5)
    x, y = 40 + 4.8, 24 - 4.8
    assert corners.tolist() == [pytest.approx([x - 48, y - 24, x + 48, y + 24], abs=1e-3)]
    assert found.tolist() == [pytest.approx(1 / (1 + np.exp(-3.0)))]


def test_logits_beyond_all_measure_do_not_overflow() -> None:
    scores, sides = head(64, 64)
    scores[0], sides[0] = (-1e6, 1e6), 1e6
    assert np.isfinite(decode(scores, sides, 64, 64, 0.5)[0]).all()


def test_opened_shapes_and_normalisation_are_the_same_network(detectors: Path) -> None:
    core, settings = ov.Core(), {"INFERENCE_PRECISION_HINT": "f32"}
    file = detectors / "version-RFB-640.onnx"
    picture = np.random.default_rng(3).integers(0, 256, (1, 480, 640, 3), np.uint8)
    normal = ((picture.astype(np.float32) - 127) / 128).transpose(0, 3, 1, 2)
    scores, boxes = core.compile_model(core.read_model(file), "CPU", settings)(np.ascontiguousarray(normal)).values()
    heads = core.compile_model(open_shapes(core.read_model(file), 1, 480, 640), "CPU", settings)(picture)
    logits = np.concatenate([heads[level].reshape(-1, 2) for level in range(4)])
    sides = np.concatenate([heads[level].reshape(-1, 4) for level in range(4, 8)])
    corners, likely = decode(logits, sides, 480, 640, 0.0)
    np.testing.assert_allclose(likely, scores[0][:, 1], atol=2e-3)
    np.testing.assert_allclose(corners / (640, 480, 640, 480), boxes[0], atol=5e-3)


def test_another_network_is_refused(small_network: object, tmp_path: Path) -> None:
    detector = FaceDetector(small_network())  # type: ignore[operator]
    with pytest.raises(CheckpointError, match="not the RFB network"):
        detector.detect([np.zeros((64, 64, 3), np.uint8)])


@pytest.mark.parametrize("name", ["faces/pilots.jpg", "faces/solvay1927_gray.jpg"])
def test_every_face_of_the_pictures_is_found_where_it_is(clips: Path, detectors: Path, name: str) -> None:
    picture = cv2.imread(str(clips / name), cv2.IMREAD_COLOR_RGB)
    marked = [Box(*box) for box in json.loads(TRUTH.read_text())["pictures"][name]]
    found = [one.box for one in load_face_detector((detectors,), 1280, 0.5, "fp32").detect([picture])[0]]
    assert all(max(box.iou(one) for one in found) > 0.5 for box in marked)
    assert len(found) <= len(marked) + 2
