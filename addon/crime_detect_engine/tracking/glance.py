"""Owns what one small picture says of a camera's view: its edges block by block, its light, and what it shares with
the view that the camera normally has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.types import Image

Array = NDArray[np.float32]
_LONG = 104
BLOCK = 8
"""Pixels of the reduced picture: 13 blocks along its longer side."""
_BURNED = 2
"""A pixel that is never lighter than this is a privacy mask, not the scene."""
_SATURATED = 250
_NOISE = 0.3
"""Gradient in levels a pixel that says nothing."""
_FARTHEST = 0.45
"""Of the picture: a shift beyond this shares too little to be told."""


class Edges(NamedTuple):
    """Gradient of a luma picture, levels a pixel, and its RMS in each block [rows, columns]."""

    x: Array
    y: Array
    energy: Array
    """Without what is the same all over the block: the shading of a cloth is a slope, no edge."""


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """`luma` float32 [h, w], 104 on the longer side, cropped to whole blocks; the rest per block or per picture."""

    luma: Array
    fine: Array
    """Mean size of the second derivative at half the picture's size, per block: what a lens out of focus takes first.
    The sensor's noise, taken from the block with the least of it, is left out."""
    light: float
    colour: float
    """Mean distance of the largest from the smallest channel: next to nothing by infrared light."""
    saturated: float
    """Share of the pixels with a channel at its end."""
    masked: NDArray[np.bool_]
    """Blocks with black pixels, which may be a mask's."""


def glance(image: Image) -> Glance:
    """`image` RGB uint8 HxWx3 of any size and aspect, at least 64 pixels either way."""
    height, width = image.shape[:2]
    scale = _LONG / max(height, width)
    rows, columns = (max(2, round(side * scale / BLOCK)) for side in (height, width))
    half = cv2.resize(image, (columns * 2 * BLOCK, rows * 2 * BLOCK), interpolation=cv2.INTER_AREA)
    small = cv2.resize(half, (columns * BLOCK, rows * BLOCK), interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    red, green, blue = cv2.split(small)
    brightest = cv2.max(cv2.max(red, green), blue)
    spread = cv2.subtract(brightest, cv2.min(cv2.min(red, green), blue))
    black = (brightest <= _BURNED).reshape(rows, BLOCK, columns, BLOCK).any(axis=(1, 3))
    return Glance(
        luma=luma.astype(np.float32),
        fine=_detail(half, columns, rows),
        light=float(luma.mean()),
        colour=float(spread.mean()),
        saturated=float((brightest >= _SATURATED).mean()),
        masked=black,
    )


def _detail(half: Image, columns: int, rows: int) -> Array:
    second = cv2.Laplacian(cv2.cvtColor(half, cv2.COLOR_RGB2GRAY), cv2.CV_16S)
    found = cv2.resize(np.abs(second), (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    least: Array = np.sqrt(np.maximum(found**2 - np.percentile(found, 5) ** 2, 0))
    return least


def edges(luma: Array) -> Edges:
    soft = cv2.GaussianBlur(luma, (0, 0), 0.8)
    x, y = (cv2.Scharr(soft, cv2.CV_32F, *way, scale=1 / 32) for way in ((1, 0), (0, 1)))
    return _with_energy(x, y)


def _with_energy(x: Array, y: Array) -> Edges:
    return Edges(x, y, np.sqrt(np.maximum(_blocks(x * x + y * y) - _blocks(x) ** 2 - _blocks(y) ** 2, 0)))


def alike(reference: Edges, now: Edges, *, inverted: bool = False) -> Array:
    """Correlation −1..1 of the gradients of each block: blind to brightness and contrast.

    `inverted`: an edge from dark to light counts as one from light to dark, as between daylight and infrared.
    """
    if inverted:
        first, second = _doubled(reference), _doubled(now)
        return _correlation(first.x, first.y, first.energy, second.x, second.y, second.energy)
    return _correlation(reference.x, reference.y, reference.energy, now.x, now.y, now.energy)


def _correlation(ax: Array, ay: Array, a: Array, bx: Array, by: Array, b: Array) -> Array:
    shared = _blocks(ax * bx + ay * by) - _blocks(ax) * _blocks(bx) - _blocks(ay) * _blocks(by)
    found: Array = shared / (np.maximum(a, _NOISE) * np.maximum(b, _NOISE))
    return found


def _doubled(edge: Edges) -> Edges:
    """Gradients at twice their angle: the same for an edge and for its negative."""
    size, angle = cv2.cartToPolar(edge.x, edge.y)
    along, across = cv2.polarToCart(size, 2 * angle)
    return _with_energy(along, across)


def _blocks(values: Array) -> Array:
    rows, columns = (side // BLOCK for side in values.shape)
    found: Array = cv2.resize(values, (columns, rows), interpolation=cv2.INTER_AREA)
    return found


def shift_between(reference: Edges, now: Edges) -> tuple[int, int, float]:
    """By how many pixels x, y `now` shows the reference's edges displaced, and how clearly, 0..1 (phase correlation).

    0, 0, 0 where nothing plausible is found.
    """
    first, second = (np.sqrt(one.x * one.x + one.y * one.y) for one in (reference, now))
    window = cv2.createHanningWindow((first.shape[1], first.shape[0]), cv2.CV_32F)
    (x, y), clear = cv2.phaseCorrelate(first - first.mean(), second - second.mean(), window)
    height, width = first.shape
    if abs(x) > _FARTHEST * width or abs(y) > _FARTHEST * height:
        return 0, 0, 0.0
    return round(x), round(y), float(clear)


def shifted(edge: Edges, x: int, y: int) -> Edges:
    """The edges as they would be were the picture displaced by whole pixels; nothing where it shows nothing."""
    height, width = edge.x.shape
    moved = []
    for part in (edge.x, edge.y):
        out = np.zeros_like(part)
        out[max(0, y) : height + min(0, y), max(0, x) : width + min(0, x)] = part[
            max(0, -y) : height + min(0, -y), max(0, -x) : width + min(0, -x)
        ]
        moved.append(out)
    return _with_energy(moved[0], moved[1])


def blurred_alike(first: Array, second: Array, where: NDArray[np.bool_]) -> float:
    """Correlation −1..1 of two luma pictures as a lens far out of focus would show both."""
    a, b = (cv2.GaussianBlur(one, (0, 0), 5.0)[:: BLOCK // 2, :: BLOCK // 2] for one in (first, second))
    use = np.repeat(np.repeat(where, 2, 0), 2, 1)
    a, b = a[use] - a[use].mean(), b[use] - b[use].mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
