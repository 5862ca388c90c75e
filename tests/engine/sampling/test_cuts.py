from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.sampling.cuts import CutDetector
from numpy.typing import NDArray

from tests.rig.videos import scene

Picture = NDArray[np.uint8]


def cut(before: Picture, now: Picture) -> bool:
    detector = CutDetector()
    detector.cut(before, known=True)
    return detector.cut(now, known=False)


def dimmed(picture: Picture, gain: float, offset: float) -> Picture:
    return np.clip(picture * gain + offset, 0, 255).astype(np.uint8)


def test_the_first_picture_is_a_cut_only_if_the_source_says_so() -> None:
    assert not CutDetector().cut(scene(0), known=False)
    assert CutDetector().cut(scene(0), known=True)


@pytest.mark.parametrize("seed", range(2, 12))
def test_another_place_is_a_cut(seed: int) -> None:
    assert cut(scene(0), scene(0, seed=seed))


def test_a_camera_that_was_turned_is_a_cut() -> None:
    wide = scene(0, 640, 96)
    assert cut(np.ascontiguousarray(wide[:, :160]), np.ascontiguousarray(wide[:, 200:360]))


def test_day_to_infrared_and_back_is_a_cut() -> None:
    day = scene(0)
    night = np.repeat(day.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert cut(day, night)
    assert cut(night, day)


@pytest.mark.parametrize(("gain", "offset"), [(0.7, 0), (1.0, 40), (0.6, 60), (1.2, -20)])
def test_flicker_and_exposure_are_no_cut(gain: float, offset: float) -> None:
    assert not cut(scene(0), dimmed(scene(0), gain, offset))


def test_somebody_large_in_front_of_the_camera_is_no_cut() -> None:
    before, now = scene(0).copy(), scene(0).copy()
    before[:, 20:80] = np.random.default_rng(1).integers(0, 255, (96, 60, 3), np.uint8)
    now[:, 60:120] = np.random.default_rng(2).integers(0, 255, (96, 60, 3), np.uint8)
    assert not cut(before, now)


def test_dark_pictures_are_no_cuts() -> None:
    night = np.random.default_rng(1).integers(0, 6, (96, 160, 3), np.uint8)
    assert not cut(night, np.random.default_rng(2).integers(0, 6, (96, 160, 3), np.uint8))
