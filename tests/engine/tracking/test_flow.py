from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.tracking.flow import median_motion


def walker(left: int, top: int) -> np.ndarray:
    """A still floor and somebody in a patterned coat before it, 60 x 120 of 416 x 234 pixels."""
    floor = cv2.resize(np.random.default_rng(1).integers(80, 120, (12, 20, 3), np.uint8), (416, 234))
    coat = cv2.resize(np.random.default_rng(2).integers(0, 255, (16, 8, 3), np.uint8), (60, 120))
    floor[top : top + 120, left : left + 60] = coat
    return floor


def box(left: int, top: int) -> Box:
    return Box(left / 416, top / 234, (left + 60) / 416, (top + 120) / 234)


@pytest.mark.parametrize(("x", "y"), [(0, 0), (14, 0), (-20, 6), (5, -9)])
def test_the_motion_of_what_is_in_a_box_is_found(x: int, y: int) -> None:
    moved = median_motion(walker(150, 60), walker(150 + x, 60 + y), box(150, 60))
    assert moved is not None
    assert moved == pytest.approx((x / 416, y / 234), abs=0.004)


def test_nothing_is_said_of_what_has_no_texture_or_has_gone() -> None:
    plain = np.full((234, 416, 3), 90, np.uint8)
    other = np.random.default_rng(5).integers(0, 255, (234, 416, 3), np.uint8)
    assert median_motion(plain, plain, box(150, 60)) is None
    assert median_motion(walker(150, 60), other, box(150, 60)) is None
    assert median_motion(walker(150, 60), walker(150, 60), Box(0.5, 0.5, 0.505, 0.505)) is None


@pytest.mark.clips
def test_a_real_person_who_walks_up_is_followed_as_the_picture_shows(clips: Path) -> None:
    """Against the place where the same person's picture is found again by brute force."""
    pictures = []
    for raw in FileSource(clips / "normal_footage" / "one-by-one-person-detection.mp4").frames():
        pictures.append(raw.rgb(416, 234, "area"))
        if len(pictures) == 120:
            break
    empty = np.median(pictures[::6], axis=0)
    compared = 0
    for before, now in zip(pictures[:-3], pictures[3:], strict=True):
        differs = (np.abs(before - empty).max(axis=2) > 45).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(differs)
        x, y, width, height, pixels = max(stats[1:].tolist(), key=lambda one: one[4], default=(0, 0, 0, 0, 0))
        if pixels < 2500 or x < 40 or x + width > 376 or width > 120:
            continue
        moved = median_motion(before, now, Box(x / 416, y / 234, (x + width) / 416, (y + height) / 234))
        part = before[y : y + height // 2, x + width // 4 : x + width - width // 4]
        found = cv2.matchTemplate(now, part, cv2.TM_CCOEFF_NORMED)
        _, sure, _, (left, _) = cv2.minMaxLoc(found)
        if sure > 0.9 and moved is not None:
            compared += 1
            assert moved[0] * 416 == pytest.approx(left - x - width // 4, abs=8)
    assert compared >= 5
