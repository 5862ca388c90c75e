"""Owns optional improvements of a picture before a model looks at it; each camera's own, from its past only."""

from __future__ import annotations

import cv2
import numpy as np

from crime_detect_engine.domain.types import Image

# A checkpoint's `enhance` means exactly these numbers: other ones get another name.
_CLIP, _TILES = 2.0, (8, 8)
_DIAMETER, _COLOUR, _SPACE = 5, 25.0, 3.0
_WANTED, _INERTIA = 0.45, 0.95
_GAMMA = (0.4, 1.6)


class Enhancement:
    """`clahe`: contrast limited adaptive histogram equalisation of the luma; `denoise`: bilateral; `brightness`: gamma
    towards a middle grey, following the picture over seconds so that it makes no movement of its own.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._clahe = cv2.createCLAHE(_CLIP, _TILES) if kind == "clahe" else None
        self._mean: float | None = None

    def apply(self, picture: Image) -> Image:
        """RGB uint8 HxWx3; the picture itself for `none`, else a new one, read-only."""
        if self._kind == "none":
            return picture
        if self._clahe is not None:
            parts = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
            parts[:, :, 0] = self._clahe.apply(np.ascontiguousarray(parts[:, :, 0]))
            better = cv2.cvtColor(parts, cv2.COLOR_YCrCb2RGB)
        elif self._kind == "denoise":
            better = cv2.bilateralFilter(picture, _DIAMETER, _COLOUR, _SPACE)
        else:
            better = self._brighten(picture)
        better.flags.writeable = False
        image: Image = better
        return image

    def _brighten(self, picture: Image) -> Image:
        mean = float(np.clip(picture[::4, ::4].mean() / 255, 0.02, 0.98))
        self._mean = mean if self._mean is None else _INERTIA * self._mean + (1 - _INERTIA) * mean
        gamma = float(np.clip(np.log(_WANTED) / np.log(self._mean), *_GAMMA))
        table = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
        better: Image = cv2.LUT(picture, table)
        return better
