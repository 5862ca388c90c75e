"""Owns how what is in a box moved from one picture to the next: sparse optical flow, to bridge a missed detection."""

from __future__ import annotations

import cv2
import numpy as np

from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image

_POINTS, _FEWEST = 60, 6
_WINDOW, _LEVELS = 15, 4
_RETURNS_PX = 1.0
"""A point that is not found where it came from when it is followed back was lost."""
_MARGIN = 0.15
"""Left out at both sides of the box: there is mostly background."""


def median_motion(before: Image, now: Image, box: Box) -> tuple[float, float] | None:
    """By how much of the picture's width and height the thing in `box` of `before` moved, for `now` of the same size.

    Both RGB uint8 HxWx3. Pyramidal Lucas–Kanade on good corners, forth and back, and the median of those that come
    back: half of them may lie on the background or be hidden. None where too few do, as on a plain jacket or when
    it left the picture.
    """
    height, width = before.shape[:2]
    inset = box.width * _MARGIN
    left, right = max(0, int((box.left + inset) * width)), min(width, int((box.right - inset) * width))
    top, bottom = max(0, int(box.top * height)), min(height, int(box.bottom * height))
    if right - left < _WINDOW // 2 or bottom - top < _WINDOW // 2:
        return None
    first, second = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (before, now))
    inside = np.zeros_like(first)
    inside[top:bottom, left:right] = 255
    points = cv2.goodFeaturesToTrack(first, _POINTS, 0.02, 3, mask=inside)
    if points is None or len(points) < _FEWEST:
        return None
    size = (_WINDOW, _WINDOW)
    there, found, _ = cv2.calcOpticalFlowPyrLK(first, second, points, None, winSize=size, maxLevel=_LEVELS)
    back, returned, _ = cv2.calcOpticalFlowPyrLK(second, first, there, None, winSize=size, maxLevel=_LEVELS)
    kept = (found & returned).ravel().astype(bool) & (np.abs(back - points).max(axis=(1, 2)) < _RETURNS_PX)
    if np.count_nonzero(kept) < _FEWEST:
        return None
    x, y = np.median((there - points)[kept, 0], axis=0)
    return float(x) / width, float(y) / height
