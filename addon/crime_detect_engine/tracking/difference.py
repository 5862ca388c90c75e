"""Owns what a difference between two pictures of one place is: light, a thing that came, or a thing that went."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
_LEAST = 16.0
"""Levels of the most changed channel."""
_NOISE = 6.0
"""… or this many times what half of the picture changes by."""
_SHADE = 0.05
"""By how much the ratio of a shadow or a patch of light varies from pixel to pixel; things have folds and parts."""
_HUE = 0.06
_KEPT = 0.6
"""Correlation of the gradients inside a region from which on it is the same surface in another light."""
_TEXTURED = 1.5
_DEEPEST = 0.35
_FEWEST = 12


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """Connected pixels of a picture; `mask` is as large as the picture, the rest bounds it, in pixels."""

    mask: NDArray[np.bool_]
    x: int
    y: int
    width: int
    height: int

    def around(self, margin: int) -> tuple[slice, slice]:
        rows, columns = self.mask.shape
        return (
            slice(max(0, self.y - margin), min(rows, self.y + self.height + margin)),
            slice(max(0, self.x - margin), min(columns, self.x + self.width + margin)),
        )


def difference(now: Array, before: Array, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of float RGB pictures [H, W, 3] that differ, the gain of each channel (told from `where`) undone."""
    some = where[::3, ::3]
    if np.count_nonzero(some) < 50:
        some = np.ones_like(some)
    a, b = now[::3, ::3][some], before[::3, ::3][some]
    gain = np.clip(np.median((a + 8) / (b + 8), axis=0), 0.4, 2.5).astype(np.float32)
    change = largest(cv2.absdiff(now, np.minimum(gain * (before + 8) - 8, np.float32(255))))
    usual = float(np.median(change[::3, ::3][some]))
    found = (change > max(_LEAST, _NOISE * usual)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed: NDArray[np.bool_] = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)).astype(bool)
    return closed


def largest(picture: Array) -> Array:
    """Of the three channels, [H, W]; several times quicker than NumPy along a short axis."""
    first, second, third = cv2.split(picture)
    found: Array = cv2.max(cv2.max(first, second), third)
    return found


def is_light(region: Region, now: Array, before: Array) -> bool:
    """Whether the surface is the same in another light: it is darker or lighter evenly, whatever its texture, or its
    texture is kept. What is too thin to tell counts as light; a plain grey thing on a plain floor passes for a shadow.
    """
    part = region.around(2)
    inside = cv2.erode(region.mask[part].astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if np.count_nonzero(inside) < _FEWEST:
        return True
    ratio = (now[part] + 8) / (before[part] + 8)
    shade = ratio.mean(axis=2)
    uneven = float((shade - cv2.GaussianBlur(shade, (0, 0), 2.5))[inside].std())
    mean = float(shade[inside].mean())
    hue = float(np.abs(ratio[inside].mean(axis=0) / mean - 1).max())
    if uneven < _SHADE * mean and hue < _HUE and _DEEPEST < mean < 1 / _DEEPEST:
        return True
    a, b = (_gradient(one[part].mean(axis=2))[:, inside] for one in (before, now))
    size_a, size_b = (math.sqrt(float((one * one).sum(0).mean())) for one in (a, b))
    return size_a > _TEXTURED and float((a * b).sum(0).mean()) / (size_a * max(size_b, 0.5)) > _KEPT


def left_score(region: Region, now: Array, before: Array) -> float:
    """Above 0 a thing stands there now that did not, below 0 it is the other way round.

    Of both pictures, that with the thing has edges along its outline and differs inside from what is around.
    """
    part = region.around(6)
    mask = region.mask[part].astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    outline = (cv2.dilate(mask, kernel) - cv2.erode(mask, kernel)).astype(bool)
    ring = (cv2.dilate(mask, np.ones((9, 9), np.uint8)) - cv2.dilate(mask, kernel)).astype(bool)
    inside = mask.astype(bool)
    if not outline.any() or not ring.any():
        return 0.0
    edges, contrasts = [], []
    for one in (now[part], before[part]):
        x, y = _gradient(one.mean(axis=2))
        edges.append(float(np.hypot(x, y)[outline].mean()))
        contrasts.append(float(np.abs(one[inside].mean(axis=0) - one[ring].mean(axis=0)).max()))
    return math.log((edges[0] + 2) / (edges[1] + 2)) + 0.5 * math.log((contrasts[0] + 4) / (contrasts[1] + 4))


def _gradient(luma: Array) -> Array:
    """[2, H, W] levels a pixel."""
    return np.stack([cv2.Scharr(luma, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1))])
