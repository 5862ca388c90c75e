"""Owns the heat map: where a decision came from, as colour over the picture it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import Image

_WIDTH = 480
_STRENGTH = 0.6


def write_heat_map(picture: Image, drops: Sequence[Sequence[float]], path: Path) -> None:
    """A PNG of the RGB picture, redder where hiding it cost more of the score. Raises StoreError."""
    _, data = cv2.imencode(".png", cv2.cvtColor(draw_heat_map(picture, drops), cv2.COLOR_RGB2BGR))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def draw_heat_map(picture: Image, drops: Sequence[Sequence[float]]) -> Image:
    """RGB uint8, `_WIDTH` wide. What raised the score when hidden is not coloured."""
    size = (_WIDTH, round(_WIDTH * picture.shape[0] / picture.shape[1]))
    heat = np.maximum(np.asarray(drops, np.float32), 0)
    heat /= max(float(heat.max()), 1e-6)
    # Cubic enlargement swings over: back into 0..1.
    heat = np.clip(cv2.resize(heat, size, interpolation=cv2.INTER_CUBIC), 0, 1)[:, :, None]
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    red = np.array([255, 40, 20], np.float32)
    blended = shown * (1 - _STRENGTH * heat) + red * (_STRENGTH * heat)
    image: Image = np.clip(np.rint(blended), 0, 255).astype(np.uint8)
    return image
