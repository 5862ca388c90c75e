"""Owns drawing with numpy: soft-edged capsules on a picture, shadows, and smooth noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .view import Array

Picture = NDArray[np.uint8]
Colour = tuple[float, float, float]
_LIGHT = (-0.55, -0.65)


@dataclass(frozen=True, slots=True)
class Capsule:
    """A tapered stroke in pixels. `depth_m` orders strokes; `gloss` is how strongly the light models it."""

    ax: float
    ay: float
    bx: float
    by: float
    radius_a: float
    radius_b: float
    colour: Colour
    depth_m: float
    gloss: float = 0.22


@lru_cache(maxsize=8)
def _ruler(length: int) -> Array:
    return np.arange(length, dtype=np.float32) + 0.5


def _window(shape: tuple[int, ...], stroke: Capsule, margin: float) -> tuple[int, int, int, int] | None:
    """Rows and columns that the stroke can touch; None when it is outside the picture."""
    reach = max(stroke.radius_a, stroke.radius_b) + margin
    left = max(int(min(stroke.ax, stroke.bx) - reach), 0)
    right = min(int(max(stroke.ax, stroke.bx) + reach) + 1, shape[1])
    top = max(int(min(stroke.ay, stroke.by) - reach), 0)
    bottom = min(int(max(stroke.ay, stroke.by) + reach) + 1, shape[0])
    return None if left >= right or top >= bottom else (top, bottom, left, right)


def _field(stroke: Capsule, box: tuple[int, int, int, int], shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Signed distance into the stroke (positive inside, pixels) and the offset from its axis (x, y)."""
    top, bottom, left, right = box
    px = _ruler(shape[1])[left:right] - np.float32(stroke.ax)
    py = (_ruler(shape[0])[top:bottom] - np.float32(stroke.ay))[:, None]
    dx, dy = stroke.bx - stroke.ax, stroke.by - stroke.ay
    square = max(dx * dx + dy * dy, 1e-6)
    along = px * np.float32(dx / square) + py * np.float32(dy / square)
    np.clip(along, 0, 1, out=along)
    ex = np.asarray(px - along * np.float32(dx), np.float32)
    ey = np.asarray(py - along * np.float32(dy), np.float32)
    along *= np.float32(stroke.radius_b - stroke.radius_a)
    along += np.float32(stroke.radius_a)
    away = np.sqrt(ex * ex + ey * ey)
    return np.subtract(along, away, dtype=np.float32), ex, ey


def draw(image: Picture, stroke: Capsule) -> None:
    """Draws one stroke, antialiased and lit from the upper left."""
    box = _window(image.shape, stroke, 1.0)
    if box is None:
        return
    inside, ex, ey = _field(stroke, box, image.shape)
    inside += np.float32(0.5)
    np.clip(inside, 0, 1, out=inside)
    strength = stroke.gloss / max(stroke.radius_a, stroke.radius_b, 0.5)
    shade = ex * np.float32(_LIGHT[0] * strength) + ey * np.float32(_LIGHT[1] * strength)
    shade += np.float32(0.94)
    patch = image[box[0] : box[1], box[2] : box[3]]
    blended = patch.astype(np.float32)
    lit = shade[:, :, None] * np.asarray(stroke.colour, np.float32)
    np.minimum(lit, 255, out=lit)
    lit -= blended
    lit *= inside[:, :, None]
    blended += lit
    patch[:] = blended


def darken(image: Picture, strokes: list[Capsule], darkness: float, softness_px: float) -> None:
    """Casts one soft shadow: the union of the strokes, so that overlapping limbs do not darken twice."""
    boxes = [_window(image.shape, stroke, softness_px) for stroke in strokes]
    seen = [(stroke, box) for stroke, box in zip(strokes, boxes, strict=True) if box is not None]
    if not seen:
        return
    top, left = min(box[0] for _, box in seen), min(box[2] for _, box in seen)
    bottom, right = max(box[1] for _, box in seen), max(box[3] for _, box in seen)
    cover = np.zeros((bottom - top, right - left), np.float32)
    for stroke, box in seen:
        inside, _, _ = _field(stroke, box, image.shape)
        inside *= np.float32(0.5 / softness_px)
        inside += np.float32(0.5)
        part = cover[box[0] - top : box[1] - top, box[2] - left : box[3] - left]
        np.maximum(part, inside, out=part)
    np.clip(cover, 0, 1, out=cover)
    cover *= np.float32(-darkness)
    cover += 1
    patch = image[top:bottom, left:right]
    patch[:] = patch * cover[:, :, None]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], cells: float, octaves: int = 4) -> Array:
    """Fractal value noise in 0..1; `cells` is the number of bumps along the picture's height in the first octave."""
    total = np.zeros(shape, np.float32)
    weight, sum_of_weights = 1.0, 0.0
    for octave in range(octaves):
        step = shape[0] / (cells * 2**octave)
        rows, columns = int(shape[0] / step) + 2, int(shape[1] / step) + 2
        grid = rng.random((rows, columns), dtype=np.float32)
        total += np.float32(weight) * _enlarge(grid, shape, step)
        sum_of_weights += weight
        weight *= 0.5
    return total / np.float32(sum_of_weights)


def _enlarge(grid: Array, shape: tuple[int, int], step: float) -> Array:
    def axis(length: int) -> tuple[NDArray[np.intp], Array]:
        position = np.arange(length, dtype=np.float32) / np.float32(step)
        whole = position.astype(np.intp)
        part = position - whole
        return whole, (part * part * (3 - 2 * part)).astype(np.float32)

    row, row_part = axis(shape[0])
    column, column_part = axis(shape[1])
    wide = grid[:, column] * (1 - column_part) + grid[:, column + 1] * column_part
    return np.asarray(wide[row] * (1 - row_part)[:, None] + wide[row + 1] * row_part[:, None], np.float32)
