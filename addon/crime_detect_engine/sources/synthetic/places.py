"""Owns the places of the synthetic camera: a yard, a street and a shop, each a little different for every seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas
from .paint import Colour
from .view import Array


@dataclass(frozen=True, slots=True)
class Place:
    """`depth_m`: where people walk; `slant`: of their shadows by day (None indoors); `horizon` as in `View.of_size`."""

    paint: Callable[[Canvas], None]
    depth_m: tuple[float, float]
    camera_height_m: float
    horizon: float
    outdoors: bool


def _vary(rng: np.random.Generator, colour: Colour, spread: float = 0.08) -> Colour:
    shade = rng.uniform(1 - spread, 1 + spread)
    red, green, blue = (part * shade * rng.uniform(1 - spread / 4, 1 + spread / 4) for part in colour)
    return (red, green, blue)


def _pick(rng: np.random.Generator, *colours: Colour) -> Colour:
    return _vary(rng, colours[int(rng.integers(len(colours)))])


def _fraction(values: Array | NDArray[np.float64]) -> Array:
    return np.asarray(values - np.floor(values), np.float32)


def _random_by_cell(rng: np.random.Generator, cells: Array) -> Array:
    """One random number 0..1 for each whole cell number, the same wherever the number comes again."""
    table = rng.random(1024, dtype=np.float32)
    return table[np.floor(cells).astype(np.int64) % 1024]


def _contact(
    canvas: Canvas, depth_m: float, reach_m: float, darkness: float, span_m: tuple[float, float] = (-99.0, 99.0)
) -> None:
    """The darkness on the ground in front of a wall that stands between two world x."""
    x, depth, below = canvas.ground()
    near = np.clip(1 - (depth_m - depth) / reach_m, 0, 1) * (depth <= depth_m) * below
    beside = np.clip((np.minimum(x - span_m[0], span_m[1] - x) + 0.3) / 0.6, 0, 1)
    canvas.dim(1 - darkness * near**2 * beside)


def yard(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.sky(_vary(rng, (104, 152, 212)), (214, 228, 238), rng.uniform(0.2, 0.8))
    _, v = canvas.wall(40.0)
    ridge = 3.5 + 4.0 * canvas.noise(5, 5)[:1]
    canvas.fill((v < ridge) & (v > -2), _vary(rng, (92, 118, 92)), 0.75 + 0.4 * canvas.noise(60, 3))
    for _ in range(3):
        canvas.tree(rng.uniform(-9, 12), rng.uniform(17, 22), rng.uniform(5.5, 8), _vary(rng, (76, 116, 58), 0.2))
    _grass(canvas)
    _fence(canvas, 13.5, _pick(rng, (150, 116, 84), (196, 190, 180), (112, 92, 76)))
    _house(canvas, rng.uniform(10.0, 11.0), rng.uniform(-4.4, -2.6))
    canvas.tree(rng.uniform(5.0, 7.5), 11.5, rng.uniform(4.0, 5.5), _vary(rng, (84, 128, 56), 0.15))
    for x in rng.uniform(0.5, 10, 4):
        _bush(canvas, float(x), 12.6, rng.uniform(0.5, 0.9))


def _grass(canvas: Canvas) -> None:
    rng = canvas.rng
    x, depth, below = canvas.ground()
    fine, broad = canvas.noise(150, 2), canvas.noise(6, 4)
    mown = np.where(_fraction(depth / 2.4) < 0.5, 0.965, 1.035)
    canvas.fill(below, _vary(rng, (106, 144, 74)), ((0.72 + 0.3 * broad + 0.28 * fine) * mown).astype(np.float32))
    middle = rng.uniform(-2.5, 0.5) + 0.35 * np.sin(depth * 0.7)
    row = np.floor(depth / 0.75)
    stone = _random_by_cell(rng, row * 3 + np.floor((x - middle) / 0.6 + 0.5 * (row % 2)))
    joint = (_fraction(depth / 0.75) < 0.07) | (_fraction((x - middle) / 0.6 + 0.5 * (row % 2)) < 0.08)
    shade = (0.82 + 0.22 * stone + 0.12 * fine) * np.where(joint, 0.74, 1)
    canvas.fill(
        below & (depth < 13.4) & (np.abs(x - middle) < 0.9), _vary(rng, (176, 168, 154), 0.05), shade.astype(np.float32)
    )


def _fence(canvas: Canvas, depth_m: float, colour: Colour) -> None:
    u, v = canvas.wall(depth_m)
    shade = 0.82 + 0.3 * _random_by_cell(canvas.rng, u / 0.17)
    canvas.fill((np.abs(v - 0.45) < 0.06) | (np.abs(v - 1.3) < 0.06), colour, 0.68)
    canvas.fill((v > 0) & (v < 1.62) & (_fraction(u / 0.17) < 0.86), colour, shade + 0 * v)
    canvas.fill((v > 0) & (v < 1.78) & (_fraction(u / 2.5) < 0.055), colour, 0.9)
    _contact(canvas, depth_m, 1.6, 0.35)


def _bush(canvas: Canvas, x: float, depth_m: float, size_m: float) -> None:
    u, v = canvas.wall(depth_m)
    away = np.sqrt(((u - x) / 1.4) ** 2 + (v - size_m * 0.4) ** 2) / size_m + (canvas.noise(30) - 0.5) * 0.7
    canvas.fill((away < 1) & (v > -0.02), _vary(canvas.rng, (70, 104, 54), 0.15), 0.5 + 0.7 * canvas.noise(70, 3))


def _house(canvas: Canvas, depth_m: float, right: float) -> None:
    rng = canvas.rng
    u, v = canvas.wall(depth_m)
    body = (u < right) & (v > 0) & (v < 4.4)
    siding = np.where(_fraction(v / 0.22) < 0.14, 0.84, 1.0) * (0.95 + 0.08 * canvas.noise(12))
    canvas.fill(body, _pick(rng, (214, 204, 184), (172, 186, 196), (206, 176, 150)), siding.astype(np.float32))
    canvas.fill((u < right) & (v > 0) & (v < 0.35), (128, 124, 120))
    canvas.fill((u < right + 0.35) & (v > 4.0) & (v < 4.35), (92, 78, 72))
    canvas.fill((u < right) & (v > 3.72) & (v < 4.0), (150, 140, 126))
    door = right - 1.5
    canvas.fill((np.abs(u - door) < 0.62) & (v > 0) & (v < 2.3), (232, 228, 220))
    panel = np.where((_fraction((u - door) / 0.5) < 0.12) | (_fraction(v / 0.75) < 0.1), 0.8, 1.0)
    paint = _pick(rng, (124, 52, 46), (46, 78, 96), (60, 88, 64))
    canvas.fill((np.abs(u - door) < 0.5) & (v > 0.08) & (v < 2.18), paint, panel.astype(np.float32))
    canvas.fill((np.abs(u - door - 0.38) < 0.04) & (np.abs(v - 1.05) < 0.06), (226, 204, 128))
    for left in (right - 4.4, right - 7.4):
        canvas.window(left, left + 1.5, 1.1, 2.4, depth_m, lit=bool(rng.random() < 0.3))
    _contact(canvas, depth_m, 1.2, 0.3, (-99.0, right))


def street(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.sky(_vary(rng, (130, 164, 206)), (222, 226, 230), rng.uniform(0.4, 0.9))
    _road(canvas)
    left = -22.0
    while left < 22:
        width = rng.uniform(5.5, 9)
        _facade(canvas, left, left + width, 18.0, rng.uniform(6, 12))
        left += width
    for x in (rng.uniform(-9, -2.5), rng.uniform(2.5, 9)):
        _parked_car(canvas, x, 15.0, _pick(rng, (150, 40, 44), (54, 84, 132), (196, 198, 200), (48, 52, 56)))
    for x in (rng.uniform(-8, -4), rng.uniform(4, 9)):
        canvas.tree(float(x), 10.2, rng.uniform(3.6, 4.6), _vary(rng, (92, 124, 62), 0.15))
    _lamp(canvas, rng.uniform(-2, 3), 10.1)


def _facade(canvas: Canvas, left: float, right: float, depth_m: float, height_m: float) -> None:
    rng = canvas.rng
    u, v = canvas.wall(depth_m)
    body = (u > left) & (u < right) & (v > 0) & (v < height_m)
    brick = np.where(_fraction(v / 0.3) < 0.15, 0.93, 1.0) * (0.9 + 0.16 * canvas.noise(20))
    paint = _pick(rng, (172, 112, 92), (198, 180, 152), (146, 148, 152), (190, 150, 118))
    canvas.fill(body, paint, brick.astype(np.float32))
    canvas.fill((u > left) & (u < right) & (np.abs(v - height_m) < 0.18), (110, 100, 94))
    count = int((right - left) // 1.9)
    for floor in np.arange(3.6, height_m - 1.6, 2.7):
        for column in range(count):
            middle = left + (column + 0.5) * (right - left) / count
            canvas.window(middle - 0.5, middle + 0.5, floor, floor + 1.5, depth_m, lit=bool(rng.random() < 0.12))
    awning = _pick(rng, (164, 48, 48), (44, 92, 72), (60, 70, 120), (200, 150, 60))
    canvas.fill(
        (u > left + 0.4) & (u < right - 0.4) & (v > 0.35) & (v < 2.5), (74, 84, 92), 0.6 + 0.6 * canvas.noise(14)
    )
    canvas.fill((np.abs(u - (left + right) / 2) < 0.5) & (v > 0) & (v < 2.4), (58, 62, 66), 0.8 + 0.2 * canvas.noise(9))
    stripe = np.where(_fraction(u / 0.7) < 0.5, 1.0, 1.35).astype(np.float32) + 0 * v
    canvas.fill((u > left + 0.3) & (u < right - 0.3) & (v > 2.5) & (v < 3.05), awning, stripe)


def _road(canvas: Canvas) -> None:
    rng = canvas.rng
    x, depth, below = canvas.ground()
    fine, broad = canvas.noise(170, 2), canvas.noise(5, 4)
    row = np.floor(depth / 0.6)
    slab = _random_by_cell(rng, row * 7 + np.floor(x / 0.9 + 0.5 * (row % 2)))
    joint = (_fraction(depth / 0.6) < 0.06) | (_fraction(x / 0.9 + 0.5 * (row % 2)) < 0.03)
    pave = (0.84 + 0.12 * slab + 0.14 * fine + 0.12 * broad) * np.where(joint, 0.82, 1)
    canvas.fill(below, _vary(rng, (166, 160, 152), 0.05), pave.astype(np.float32))
    road = below & (depth > 10.6) & (depth < 16.2)
    canvas.fill(road, _vary(rng, (88, 90, 94), 0.06), (0.85 + 0.18 * fine + 0.14 * broad).astype(np.float32))
    canvas.fill(road & (np.abs(depth - 13.2) < 0.12) & (_fraction(x / 3) < 0.55), (214, 212, 204))
    for kerb in (10.45, 16.3):
        canvas.fill(below & (np.abs(depth - kerb) < 0.13), (194, 190, 184))
    _contact(canvas, 18.0, 1.5, 0.3)


def _parked_car(canvas: Canvas, x: float, depth_m: float, paint: Colour) -> None:
    _, ground_depth, below = canvas.ground()
    u, v = canvas.wall(depth_m)
    away = ((u - x) / 2.3) ** 2 + ((ground_depth - depth_m) / 0.8) ** 2
    canvas.dim(1 - 0.45 * np.clip(1.25 - away, 0, 1) * below)
    along = np.abs(u - x)
    canvas.fill((along < 2.1 - 0.15 * (v > 0.7)) & (v > 0.3) & (v < 0.92), paint, 0.7 + 0.45 * np.clip(v, 0, 1) + 0 * u)
    canvas.fill((along < 1.45 - 0.75 * (v - 0.9)) & (v >= 0.9) & (v < 1.45), paint, 1.1)
    canvas.fill(
        (along < 1.32 - 0.75 * (v - 0.9)) & (v > 0.96) & (v < 1.36) & (np.abs(u - x + 0.1) > 0.05), (52, 64, 76)
    )
    for wheel in (-1.3, 1.3):
        tyre = (u - x - wheel) ** 2 + (v - 0.33) ** 2
        canvas.fill(tyre < 0.33**2, (34, 34, 36))
        canvas.fill(tyre < 0.18**2, (150, 152, 156))


def _lamp(canvas: Canvas, x: float, depth_m: float) -> None:
    u, v = canvas.wall(depth_m)
    canvas.fill((np.abs(u - x) < 0.06) & (v > 0) & (v < 4.6), (70, 74, 78))
    canvas.fill((u > x) & (u < x + 0.9) & (np.abs(v - 4.5) < 0.05), (70, 74, 78))
    canvas.fill((np.abs(u - x - 0.9) < 0.28) & (np.abs(v - 4.44) < 0.07), (240, 236, 214))


def shop(canvas: Canvas) -> None:
    rng = canvas.rng
    back = 11.0
    u, v = canvas.wall(back)
    canvas.rgb[:] = _vary(rng, (222, 218, 208), 0.04)
    canvas.dim(0.93 + 0.06 * canvas.noise(4))
    _ceiling(canvas, 3.4)
    left = -9.0
    while left < 9:
        width = rng.uniform(1.8, 2.6)
        _shelf(canvas, left, left + width - 0.12, back, 2.3)
        left += width
    sign = _pick(rng, (46, 108, 84), (168, 52, 48), (48, 84, 140))
    canvas.fill((np.abs(u) < 3.2) & (v > 2.55) & (v < 3.05), sign, 0.95 + 0.1 * canvas.noise(8))
    canvas.fill((np.abs(u) < 2.9) & (np.abs(v - 2.8) < 0.05) & (_fraction(u / 0.45) < 0.7), (244, 242, 236))
    _tiles(canvas, back)
    _shelf(canvas, rng.uniform(-7.2, -6.6), rng.uniform(-4.8, -4.4), 9.2, 1.5)
    _counter(canvas, rng.uniform(4.0, 4.8), 9.0)


def _ceiling(canvas: Canvas, height_m: float) -> None:
    view = canvas.view
    ys = np.arange(view.height, dtype=np.float32)[:, None] + 0.5
    above = np.maximum(view.horizon_px - ys, 1.0)
    depth = view.focal_px * (height_m - view.camera_height_m) / above
    xs = np.arange(view.width, dtype=np.float32)[None, :] + 0.5 - view.width / 2
    x = xs * depth / view.focal_px
    seen = (ys < view.horizon_px) & (depth < 11.0)
    canvas.fill(
        seen, (204, 204, 200), np.where((_fraction(x / 1.2) < 0.03) | (_fraction(depth / 1.2) < 0.05), 0.9, 1.0)
    )
    canvas.fill(seen & (_fraction(x / 3.6) < 0.33) & (_fraction(depth / 2.4) < 0.3), (255, 253, 246))


def _shelf(canvas: Canvas, left: float, right: float, depth_m: float, height_m: float) -> None:
    rng = canvas.rng
    u, v = canvas.wall(depth_m)
    across = (u > left) & (u < right)
    canvas.fill(across & (v > 0) & (v < height_m), (118, 112, 104))
    boards = max(int(height_m / 0.45), 2)
    for board in range(boards):
        floor = 0.12 + board * (height_m - 0.15) / boards
        base = _pick(rng, (196, 72, 60), (68, 118, 168), (220, 178, 72), (98, 152, 90), (210, 204, 196), (142, 92, 150))
        width = rng.uniform(0.11, 0.24)
        item = u / width
        tall = 0.2 + 0.12 * _random_by_cell(rng, item)
        shade = 0.65 + 0.55 * _random_by_cell(rng, item * 0.5) + 0 * v
        goods = across & (v > floor) & (v < floor + tall) & (_fraction(item) > 0.09)
        canvas.fill(goods, base, shade.astype(np.float32))
        canvas.fill(goods & (np.abs(v - floor - 0.1) < 0.035), (236, 232, 224))
        canvas.fill(across & (np.abs(v - floor) < 0.022), (226, 224, 220))
    canvas.fill(
        ((np.abs(u - left) < 0.04) | (np.abs(u - right) < 0.04)) & (v > 0) & (v < height_m + 0.05), (84, 80, 78)
    )


def _tiles(canvas: Canvas, back: float) -> None:
    rng = canvas.rng
    x, depth, below = canvas.ground()
    floor = below & (depth < back)
    light, dark = ((206, 200, 190), 0.9) if rng.random() < 0.5 else ((190, 192, 194), 0.94)
    checker = np.where((np.floor(x / 0.8) + np.floor(depth / 0.8)) % 2 == 0, 1.0, dark)
    joint = (_fraction(x / 0.8) < 0.025) | (_fraction(depth / 0.8) < 0.03)
    shade = checker * np.where(joint, 0.86, 1.0) * (0.88 + 0.16 * canvas.noise(8))
    glow = 0.16 * np.clip(np.cos(x * 1.75), 0, 1) * np.clip(depth / 9, 0, 1)
    canvas.fill(floor, _vary(rng, light, 0.04), (shade + glow).astype(np.float32))
    _contact(canvas, back, 1.4, 0.4)


def _counter(canvas: Canvas, left: float, depth_m: float) -> None:
    u, v = canvas.wall(depth_m)
    canvas.fill(
        (u > left) & (v > 0) & (v < 1.0), _pick(canvas.rng, (128, 90, 62), (90, 96, 104)), 0.8 + 0.3 * canvas.noise(10)
    )
    canvas.fill((u > left - 0.08) & (np.abs(v - 1.03) < 0.05), (226, 222, 214))
    canvas.fill((np.abs(u - left - 0.9) < 0.25) & (v > 1.08) & (v < 1.45), (44, 46, 50))
    canvas.fill((np.abs(u - left - 0.9) < 0.2) & (v > 1.13) & (v < 1.4), (96, 150, 176))
    _contact(canvas, depth_m, 0.8, 0.25, (left, 99.0))


PLACES = {
    "yard": Place(yard, (5.0, 9.0), 2.7, 0.3, outdoors=True),
    "street": Place(street, (5.0, 9.6), 2.9, 0.27, outdoors=True),
    "shop": Place(shop, (5.0, 8.4), 2.6, 0.3, outdoors=False),
}
