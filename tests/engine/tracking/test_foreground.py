"""Foreground: somebody who comes is, a poster and a change of light are not."""

from __future__ import annotations

import numpy as np
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.tracking.foreground import Foreground, Mask, share

HERE = Box(0.4, 0.3, 0.5, 0.9)


def picture(random: np.random.Generator, *, somebody: bool = False, light: int = 0) -> np.ndarray:
    image = np.full((234, 416, 3), 110 + light, np.int16)
    image[:, ::20] += 40
    if somebody:
        image[70:210, 170:205] = (40, 30, 90)
    return (image + random.integers(-4, 5, image.shape)).clip(0, 255).astype(np.uint8)


def warm(foreground: Foreground, random: np.random.Generator, **given: bool) -> Mask | None:
    mask = None
    for _ in range(20):
        mask = foreground.observe(picture(random, **given), cut=False)
    return mask


def test_who_comes_is_foreground_and_what_was_always_there_is_not() -> None:
    random, foreground = np.random.default_rng(1), Foreground()
    assert share(warm(foreground, random), HERE) < 0.02
    assert share(foreground.observe(picture(random, somebody=True), cut=False), HERE) > 0.5
    poster = Foreground()
    assert share(warm(poster, random, somebody=True), HERE) < 0.02


def test_a_light_that_is_switched_on_is_nobody() -> None:
    random, foreground = np.random.default_rng(2), Foreground()
    warm(foreground, random)
    assert foreground.observe(picture(random, light=90), cut=False) is None


def test_the_first_looks_and_those_after_a_cut_say_nothing() -> None:
    random, foreground = np.random.default_rng(3), Foreground()
    assert [foreground.observe(picture(random), cut=False) is None for _ in range(4)] == [True, True, True, False]
    assert foreground.observe(picture(random, somebody=True), cut=True) is None


def test_another_size_begins_anew_and_a_box_beyond_the_picture_is_fine() -> None:
    random, foreground = np.random.default_rng(4), Foreground()
    mask = warm(foreground, random)
    assert foreground.observe(np.zeros((416, 234, 3), np.uint8), cut=False) is None
    assert share(mask, Box(0.9, 0.9, 1.2, 1.3)) < 0.02
    assert share(mask, Box(1.1, 1.1, 1.2, 1.2)) == 0.0
