"""Polygons that hide something, and those that do not."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.polygons import encloses


@pytest.mark.parametrize(
    ("points", "inside"),
    [
        ([(0, 0), (1, 0), (1, 1)], True),
        ([(1, 1), (1, 0), (0, 0)], True),
        ([(0.1, 0.1), (0.102, 0.1), (0.102, 0.102), (0.1, 0.102)], True),
        ([(0.5, 0.5)] * 3, False),
        ([(0, 0), (0.5, 0.5), (1, 1)], False),
        ([(0, 0), (1, 1), (1, 0), (0, 1)], False),
    ],
)
def test_what_lies_inside(points, inside):
    assert encloses(points) is inside
