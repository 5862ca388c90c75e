from __future__ import annotations

import numpy as np
from crime_detect_engine.sampling.motion import MotionGate

from tests.rig.videos import scene


def luma(step: int, noise: int = 0, brighter: int = 0) -> np.ndarray:
    grey = scene(step, 640, 360).mean(axis=2)
    grain = np.random.default_rng(step).normal(0, noise, grey.shape) if noise else 0
    return np.clip(grey + grain + brighter, 0, 255).astype(np.uint8)


def moved(pictures: list[np.ndarray]) -> list[bool]:
    gate = MotionGate(0.0)
    return [gate.moving(picture, n / 8, cut=False) for n, picture in enumerate(pictures)][1:]


def test_a_still_picture_is_still_whatever_its_noise_and_light() -> None:
    assert not any(moved([luma(0)] * 10))
    quiet = [luma(0)] * 10
    noisy = [
        np.clip(p + np.random.default_rng(n).normal(0, 4, p.shape), 0, 255).astype(np.uint8)
        for n, p in enumerate(quiet)
    ]
    assert not any(moved(noisy))
    assert not any(moved([luma(0, brighter=n % 2 * 5) for n in range(10)]))


def test_a_small_thing_that_moves_opens_it() -> None:
    assert all(moved([luma(n * 3) for n in range(10)]))


def test_slow_motion_opens_it() -> None:
    pictures = []
    for n in range(40):
        picture = np.full((360, 640), 90, np.uint8)
        picture[150:200, 300 + n // 3 : 330 + n // 3] = 160
        pictures.append(picture)
    assert sum(moved(pictures)) > 15


def test_a_change_of_resolution_counts_as_motion() -> None:
    gate = MotionGate(0.0)
    gate.moving(np.zeros((96, 160), np.uint8), 0.0, cut=False)
    assert gate.moving(np.zeros((240, 320), np.uint8), 0.1, cut=False)
