"""How somebody looks: the same coat is the same in another place and light, another one is not."""

from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.tracking.appearance import alike, appearance


def scene(coat: tuple[int, int, int], left: int) -> np.ndarray:
    image = np.full((234, 416, 3), (200, 190, 180), np.uint8)
    image[60:200, left : left + 50] = coat
    return image


def box(left: int) -> Box:
    return Box(left / 416, 60 / 234, (left + 50) / 416, 200 / 234)


def test_a_coat_is_known_again_elsewhere_and_told_from_another() -> None:
    red = appearance(scene((180, 30, 40), 100), box(100))
    assert alike(red, appearance(scene((180, 30, 40), 300), box(300))) > 0.95
    assert alike(red, appearance(scene((30, 60, 170), 300), box(300))) < 0.3


@pytest.mark.parametrize("place", [Box(-0.1, 0.5, 0.1, 0.9), Box(0.95, 0.5, 1.2, 1.1), Box(0.5, 0.5, 0.501, 0.501)])
def test_a_box_at_the_edge_still_looks_like_something(place: Box) -> None:
    looks = appearance(scene((180, 30, 40), 100), place)
    assert np.isfinite(looks).all()


def test_a_box_without_pixels_is_like_nobody() -> None:
    nothing = appearance(scene((180, 30, 40), 100), Box(1.2, 0.5, 1.3, 0.9))
    assert alike(nothing, appearance(scene((180, 30, 40), 100), box(100))) == 0.0
