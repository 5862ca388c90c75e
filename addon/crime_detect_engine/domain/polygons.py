"""Owns the geometry of polygons that people draw on a picture."""

from __future__ import annotations

from collections.abc import Sequence

_LEAST = 1e-6
"""Of the picture: about two pixels of one in full HD."""


def encloses(points: Sequence[Sequence[float]]) -> bool:
    """Whether there is an area inside (x, y) in 0..1: not for a point, a line, or an eight that cancels itself out."""
    following = [*points[1:], *points[:1]]
    doubled = sum(x * next_y - next_x * y for (x, y), (next_x, next_y) in zip(points, following, strict=True))
    return abs(doubled) / 2 >= _LEAST
