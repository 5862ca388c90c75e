"""Owns what is foreground: OpenCV's mixture of Gaussians on small pictures, so that a poster is told from a person."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image

Mask = NDArray[np.bool_]
_WIDTH = 128
_HISTORY = 240
"""Looks that make the background: two minutes."""
_VARIANCE = 25.0
_WARM = 3
"""Looks until there is a background at all."""
_FLOODED = 0.6
"""More than this share of a picture is no person: the light has changed."""
_SHADOW = 127


class Foreground:
    """One camera, one look after the other."""

    def __init__(self) -> None:
        self._size: tuple[int, ...] | None = None
        self._begin()

    def observe(self, image: Image, *, cut: bool) -> Mask | None:
        """The foreground of RGB uint8 HxWx3, without shadows, as a small mask; None while nobody can say."""
        height = max(2, round(_WIDTH * image.shape[0] / image.shape[1]))
        small = cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)
        if cut or (self._size is not None and self._size != small.shape):
            self._begin()
        self._size = small.shape
        self._seen += 1
        mask: Mask = self._background.apply(small) > _SHADOW
        return None if self._seen <= _WARM or mask.mean() > _FLOODED else mask

    def _begin(self) -> None:
        self._background = cv2.createBackgroundSubtractorMOG2(_HISTORY, _VARIANCE, detectShadows=True)
        self._seen = 0


def share(mask: Mask, box: Box) -> float:
    """How much of a box is foreground, 0..1."""
    height, width = mask.shape
    part = mask[
        max(0, int(box.top * height)) : max(1, int(np.ceil(box.bottom * height))),
        max(0, int(box.left * width)) : max(1, int(np.ceil(box.right * width))),
    ]
    return float(part.mean()) if part.size else 0.0
