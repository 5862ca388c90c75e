"""Owns the proof of what surrounds a detector's network: fitting pictures, suppressing double boxes, naming them."""

from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.vision.detectors.boxes import cells, name_boxes, pad, shrink, suppress

LABELS = ("person", "car")


def corners(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 4)


def test_the_surest_of_boxes_that_cover_each_other_stays() -> None:
    boxes = corners((0, 0, 10, 10), (1, 0, 11, 10), (50, 50, 60, 60), (0, 0, 10, 9))
    assert suppress(boxes, np.array([0.5, 0.9, 0.3, 0.4], np.float32)).tolist() == [1, 2]


def test_boxes_that_cover_each_other_by_half_are_two_things() -> None:
    boxes = corners((0, 0, 10, 10), (5, 0, 15, 10))
    assert suppress(boxes, np.array([0.9, 0.8], np.float32)).tolist() == [0, 1]


def test_nothing_is_left_of_nothing() -> None:
    assert suppress(corners(), np.zeros(0, np.float32)).size == 0
    assert name_boxes(corners(), np.zeros(0, np.float32), np.zeros(0, np.intp), LABELS, (10, 10)) == []


def test_a_box_without_area_does_not_divide_by_zero() -> None:
    boxes = corners((5, 5, 5, 5), (5, 5, 5, 5))
    assert len(suppress(boxes, np.array([0.9, 0.8], np.float32))) == 2


def test_a_person_before_a_car_is_not_suppressed_by_it() -> None:
    boxes = corners((10, 10, 30, 50), (10, 10, 30, 50))
    found = name_boxes(boxes, np.array([0.4, 0.8], np.float32), np.array([0, 1]), LABELS, (100, 200))
    assert [(one.label, round(one.confidence, 2)) for one in found] == [("car", 0.8), ("person", 0.4)]
    assert found[0].box == pytest.approx((0.05, 0.1, 0.15, 0.5))


def test_boxes_end_at_the_edge_and_those_in_the_padding_are_dropped() -> None:
    boxes = corners((-20, -5, 50, 200), (120, 10, 128, 60), (10, 100, 30, 110))
    found = name_boxes(boxes, np.array([0.9, 0.8, 0.7], np.float32), np.array([0, 0, 0]), LABELS, (100, 100))
    assert [one.box for one in found] == [(0.0, 0.0, 0.5, 1.0)]


def test_a_crowd_of_candidates_is_cut_to_the_surest() -> None:
    lefts = np.arange(1000, dtype=np.float32) * 20
    boxes = np.stack([lefts, lefts * 0, lefts + 10, lefts * 0 + 10], 1)
    scores = np.linspace(0.1, 0.9, 1000, dtype=np.float32)
    found = name_boxes(boxes, scores, np.zeros(1000, np.intp), LABELS, (10, 20000))
    assert len(found) == 100
    assert [one.confidence for one in found] == sorted((float(score) for score in scores[-100:]), reverse=True)


def test_pictures_that_fit_stay_as_they_are() -> None:
    picture = np.zeros((234, 416, 3), np.uint8)
    assert shrink(picture, 416) is picture


@pytest.mark.parametrize("shape", [(1080, 1920), (1920, 1080), (433, 417), (1, 5000), (5000, 1), (3000, 3000)])
def test_larger_pictures_are_scaled_down_in_shape(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 77, np.uint8)
    small = shrink(picture, 416)
    assert max(small.shape[:2]) <= 416
    assert small.dtype == np.uint8
    assert (small == 77).all()
    if min(shape) > 100:
        assert small.shape[1] / small.shape[0] == pytest.approx(shape[1] / shape[0], rel=0.02)


def test_what_is_left_in_a_picture_is_left_in_the_small_one() -> None:
    picture = np.zeros((400, 800, 3), np.uint8)
    picture[100:200, 200:300] = 255
    small = shrink(picture, 500)[..., 0] > 127
    rows, columns = np.flatnonzero(small.any(1)), np.flatnonzero(small.any(0))
    assert (rows[0], rows[-1] + 1) == (pytest.approx(62.5, abs=1), pytest.approx(125, abs=1))
    assert (columns[0], columns[-1] + 1) == (pytest.approx(125, abs=1), pytest.approx(187.5, abs=1))


def test_pictures_lie_in_the_upper_left_of_what_is_padded() -> None:
    pictures = [np.full((2, 3, 3), value, np.uint8) for value in (1, 2)]
    padded = pad(pictures, 4, 5, 114)
    assert padded.shape == (2, 4, 5, 3)
    for one, value in zip(padded, (1, 2), strict=True):
        assert (one[:2, :3] == value).all()
        assert (one[2:] == 114).all()
        assert (one[:, 3:] == 114).all()


def test_cells_go_row_by_row_and_level_by_level() -> None:
    places, strides = cells(32, 64, (16, 32))
    expected = [(x, y) for y in (0, 16) for x in (0, 16, 32, 48)] + [(0, 0), (32, 0)]
    assert [tuple(place) for place in places.tolist()] == expected
    assert strides.ravel().tolist() == [16] * 8 + [32] * 2
