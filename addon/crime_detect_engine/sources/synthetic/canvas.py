"""Owns painting a background in metres: walls at a depth, the ground, and what stands on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .paint import Colour, smooth_noise
from .view import Array, View

Mask = NDArray[np.bool_]
_OVERSAMPLING = 2


class Canvas:
    """A float picture painted at twice its size and reduced once, which smooths every edge."""

    def __init__(self, view: View, rng: np.random.Generator) -> None:
        self.view = view.scaled(_OVERSAMPLING)
        self.rng = rng
        self.rgb = np.zeros((self.view.height, self.view.width, 3), np.float32)
        self._xs = (np.arange(self.view.width, dtype=np.float32) + 0.5 - self.view.width / 2)[None, :]
        self._ys = (np.arange(self.view.height, dtype=np.float32) + 0.5)[:, None]

    def noise(self, cells: float, octaves: int = 4) -> Array:
        return smooth_noise(self.rng, (self.view.height, self.view.width), cells, octaves)

    def wall(self, depth_m: float) -> tuple[Array, Array]:
        """World x [1, W] and height [H, 1] in metres of every pixel, were it on a wall at this depth."""
        metre = self.view.focal_px / depth_m
        return self._xs / metre, self.view.camera_height_m - (self._ys - self.view.horizon_px) / metre

    def ground(self) -> tuple[Array, Array, Mask]:
        """World x [H, W] and depth [H, 1] in metres of every pixel of the ground, and which pixels those are [H, 1]."""
        below = np.maximum(self._ys - self.view.horizon_px, 1.0)
        depth = self.view.focal_px * self.view.camera_height_m / below
        return self._xs * depth / self.view.focal_px, depth, self._ys > self.view.horizon_px + 1

    def fill(self, where: Mask, colour: Colour | Array, shade: Array | float = 1.0) -> None:
        """Paints where the mask is true; `shade` [H, W] multiplies the colour."""
        full = np.broadcast_to(where, self.rgb.shape[:2])
        rows, columns = np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0))
        if not len(rows) or not len(columns):
            return
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        light = np.broadcast_to(np.asarray(shade, np.float32), self.rgb.shape[:2])[box]
        paint = light[:, :, None] * np.asarray(colour, np.float32)
        self.rgb[box] = np.where(full[box][:, :, None], paint, self.rgb[box])

    def dim(self, amount: Array | NDArray[np.float64]) -> None:
        """Multiplies the picture by `amount` [H, W]."""
        self.rgb *= np.broadcast_to(np.asarray(amount, np.float32), self.rgb.shape[:2])[:, :, None]

    def sky(self, top: Colour, bottom: Colour, clouds: float) -> None:
        share = np.clip(self._ys / max(self.view.horizon_px, 1), 0, 1)[:, :, None]
        self.rgb[:] = np.asarray(top, np.float32) * (1 - share) + np.asarray(bottom, np.float32) * share
        veil = np.clip((self.noise(7) - 0.5) * 4, 0, 1)[:, :, None] * np.float32(clouds) * (0.4 + 0.6 * share)
        self.rgb += (np.float32(250) - self.rgb) * veil

    def tree(self, x: float, depth_m: float, height_m: float, leaves: Colour) -> None:
        u, v = self.wall(depth_m)
        rng = self.rng
        self.fill((np.abs(u - x) < 0.16 * (1.3 - v / height_m)) & (v > 0) & (v < height_m * 0.7), (84, 66, 50))
        texture = self.noise(40)
        edge = self.noise(24)
        for _ in range(9):
            cx, cy = x + rng.normal(0, 0.2) * height_m, height_m * rng.uniform(0.52, 0.95)
            radius = height_m * rng.uniform(0.14, 0.24)
            away = np.sqrt((u - cx) ** 2 + (v - cy) ** 2) / radius + (edge - 0.5) * 1.1
            light = 0.55 + 0.6 * texture + 0.16 * np.clip((v - cy) / radius - (u - cx) / radius, -1, 1)
            self.fill(away < 1, leaves, light.astype(np.float32))

    def window(self, left: float, right: float, bottom: float, top: float, depth_m: float, lit: bool) -> None:
        u, v = self.wall(depth_m)
        frame = 0.07
        inside = (u > left) & (u < right) & (v > bottom) & (v < top)
        outside = (u > left - frame) & (u < right + frame) & (v > bottom - frame) & (v < top + frame)
        self.fill(outside, (222, 220, 214))
        slope = np.clip((v - bottom) / (top - bottom) * 0.5 + (u - left) / (right - left) * 0.35, 0, 1)
        glass: Colour = (236, 206, 140) if lit else (96, 116, 134)
        self.fill(inside, glass, (0.65 + 0.5 * slope).astype(np.float32))
        self.fill(inside & (np.abs(u - (left + right) / 2) < 0.03), (214, 212, 206))

    def finish(self) -> NDArray[np.uint8]:
        """Darkens the corners a little and reduces to the picture's own size."""
        reach = (self._xs / self.view.width) ** 2 + ((self._ys / self.view.height) - 0.5) ** 2
        self.dim(1.04 - 0.42 * reach)
        height, width = self.view.height // _OVERSAMPLING, self.view.width // _OVERSAMPLING
        small = self.rgb.reshape(height, _OVERSAMPLING, width, _OVERSAMPLING, 3).mean(axis=(1, 3))
        return np.asarray(np.clip(small, 0, 255), np.uint8)
