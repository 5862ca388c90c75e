"""Boxes on a snapshot: where they belong, legible, and never outside the picture."""

from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.store.boxes import draw_boxes

GREY = np.full((432, 768, 3), 120, np.uint8)


def box(left: float, top: float, width: float, height: float) -> dict[str, object]:
    return {"label": "person", "box": [left, top, width, height], "score": 0.87}


def test_the_border_is_red_where_the_box_is_and_the_inside_is_untouched() -> None:
    drawn = draw_boxes(GREY, [box(0.25, 0.25, 0.5, 0.5)])
    for y, x in ((108, 384), (324, 384), (216, 192), (216, 576)):
        red, green, blue = (int(value) for value in drawn[y, x])
        assert red > 180, (y, x)
        assert green < 80, (y, x)
        assert blue < 80, (y, x)
    assert (drawn[216, 384] == 120).all()
    assert (GREY == 120).all(), "the picture itself is not written on"


def test_without_boxes_it_is_the_picture_itself() -> None:
    assert draw_boxes(GREY, []) is GREY


@pytest.mark.parametrize("place", [(0, 0, 1, 1), (0.95, 0.0, 0.05, 0.1), (-0.1, -0.1, 0.3, 0.3), (0.5, 0.5, 0, 0)])
def test_a_box_at_any_edge_is_drawn(place: tuple[float, float, float, float]) -> None:
    assert draw_boxes(GREY, [box(*place)]).shape == GREY.shape


def test_a_read_only_picture_of_any_size_is_fine() -> None:
    small = np.zeros((36, 64, 3), np.uint8)
    small.flags.writeable = False
    assert draw_boxes(small, [box(0.1, 0.1, 0.5, 0.5)]).any()
