"""Owns the perspective of the synthetic camera: metres of the scene to pixels of the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class View:
    """A level pinhole camera. World axes in metres: x right, y up from the ground, z away from the camera."""

    width: int
    height: int
    horizon_px: float
    focal_px: float
    camera_height_m: float

    @classmethod
    def of_size(cls, width: int, height: int, camera_height_m: float, horizon: float) -> View:
        """`horizon` is the horizon's line as a share of the picture's height, from above."""
        return cls(width, height, horizon * height, 1.08 * height, camera_height_m)

    def scaled(self, factor: int) -> View:
        return replace(
            self,
            width=self.width * factor,
            height=self.height * factor,
            horizon_px=self.horizon_px * factor,
            focal_px=self.focal_px * factor,
        )

    def project(self, points: Array) -> tuple[Array, Array]:
        """World points [N, 3] → pixels [N, 2] and pixels per metre [N]."""
        scale = self.focal_px / np.maximum(points[:, 2], 0.5)
        pixels = np.empty((len(points), 2), np.float32)
        pixels[:, 0] = self.width / 2 + points[:, 0] * scale
        pixels[:, 1] = self.horizon_px + (self.camera_height_m - points[:, 1]) * scale
        return pixels, scale.astype(np.float32)

    def half_width_m(self, depth_m: float) -> float:
        """How far left and right of the middle the picture reaches at this depth."""
        return self.width / 2 * depth_m / self.focal_px
