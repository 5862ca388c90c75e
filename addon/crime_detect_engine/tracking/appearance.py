"""Owns how somebody looks: the colours of a box, to know who comes back from behind something from who is another."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image

Appearance = NDArray[np.float32]
_BINS = (8, 4, 4)
_INSET = 0.2
"""Left out at each side of the box: there is mostly background."""


def appearance(image: Image, box: Box) -> Appearance:
    """The square roots of a colour histogram (hue, saturation, value) of an RGB uint8 picture's box; sums to 1 squared.

    Head and feet are left out as the sides are. All zero for a box without pixels.
    """
    height, width = image.shape[:2]
    left, right = box.left + _INSET * box.width, box.right - _INSET * box.width
    top, bottom = box.top + _INSET * box.height, box.bottom - _INSET * box.height
    part = image[
        max(0, int(top * height)) : max(0, int(np.ceil(bottom * height))),
        max(0, int(left * width)) : max(0, int(np.ceil(right * width))),
    ]
    if part.size == 0:
        return np.zeros(int(np.prod(_BINS)), np.float32)
    colours = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2HSV)
    counted = cv2.calcHist([colours], [0, 1, 2], None, list(_BINS), [0, 180, 0, 256, 0, 256]).ravel()
    shares: Appearance = np.sqrt(counted / max(1.0, float(counted.sum()))).astype(np.float32)
    return shares


def alike(one: Appearance, other: Appearance) -> float:
    """The Bhattacharyya coefficient, 0..1."""
    return float(one @ other)
