"""Owns privacy masks: polygons in relative coordinates whose inside is black before anything else sees the frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import ConfigError
from crime_detect_engine.domain.polygons import encloses
from crime_detect_engine.domain.types import Image

Polygon = Sequence[Sequence[float]]
_MAX_POINTS = 200


class Masks:
    """Polygons of points (x, y) in 0..1. Raises ConfigError for one that is none."""

    def __init__(self, polygons: Sequence[Polygon] = ()) -> None:
        self._polygons = [_checked(polygon, number) for number, polygon in enumerate(polygons, 1)]
        self._stencils: dict[tuple[int, int], NDArray[np.uint8]] = {}

    def __bool__(self) -> bool:
        return bool(self._polygons)

    def stencil(self, width: int, height: int) -> NDArray[np.uint8]:
        """uint8 HxW: 255 seen, 0 masked. A pixel that the polygon only touches is masked too."""
        known = self._stencils.get((width, height))
        if known is not None:
            return known
        stencil = np.full((height, width), 255, np.uint8)
        for polygon in self._polygons:
            corners = polygon * np.array([width, height]) - 0.5
            points = np.round(corners * 16).astype(np.int32)
            cv2.fillPoly(stencil, [points], 0, shift=4)
            cv2.polylines(stencil, [points], True, 0, thickness=2, shift=4)
        self._stencils = (
            {(width, height): stencil} if len(self._stencils) > 3 else self._stencils | {(width, height): stencil}
        )
        return stencil

    def apply(self, image: Image) -> Image:
        """The image with masked pixels black; the same array where there are no masks. Read-only."""
        if not self._polygons:
            return image
        height, width = image.shape[:2]
        masked: Image = cv2.bitwise_and(image, image, mask=self.stencil(width, height))
        masked.flags.writeable = False
        return masked


def _checked(polygon: Polygon, number: int) -> NDArray[np.float64]:
    allowed = f"mask {number}: a mask is a list of 3 to {_MAX_POINTS} points [x, y], each from 0 to 1"
    try:
        points = np.array([[float(x), float(y)] for x, y in polygon], np.float64)
    except (TypeError, ValueError):
        raise ConfigError(allowed) from None
    if not 3 <= len(points) <= _MAX_POINTS or not all(math.isfinite(v) and 0 <= v <= 1 for v in points.flat):
        raise ConfigError(allowed)
    if not encloses(points.tolist()):
        raise ConfigError(f"mask {number}: its points enclose nothing")
    return points
