"""Owns what the CNN is shown: stateless composition of uint8 inputs from frames; scaling lies in the CNN graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.types import Frame, Image, ModelSpec

NO_DIFFERENCE = 128
_WHOLE_GAIN = 64
"""Times 255 it still fits int16."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FULL_CONTRAST = 50.0
"""Standard deviation of luma, in grey levels, of a picture whose differences get the gain itself: a bright day's."""
_CONTRAST_GAINS = (1.2, 8.0)
"""Beyond them grain would look like movement, or movement saturate."""


def difference(now: Image, previous: Image, gain: float) -> Image:
    """`clip(128 + gain·(now − previous))`, uint8 of the same shape; any leading dimensions."""
    if gain == int(gain) and abs(gain) <= _WHOLE_GAIN:
        # The same bytes in half the time: whole numbers need no rounding.
        steps = np.subtract(now, previous, dtype=np.int16)
        steps *= np.int16(gain)
        steps += NO_DIFFERENCE
        whole: Image = np.clip(steps, 0, 255, out=steps).astype(np.uint8)
        return whole
    change = now.astype(np.float32) - previous
    change *= gain
    change += NO_DIFFERENCE
    image: Image = np.clip(np.rint(change), 0, 255).astype(np.uint8)
    return image


def contrast_gain(now: Image, gain: float) -> float:
    """`gain·50/(σ + 1)` within 1.2 to 8, σ the standard deviation of the picture's luma in grey levels.

    At night and through infrared people differ from what is behind them by a few levels, so their movement does, too.
    """
    deviation = float(np.std(now.astype(np.float32) @ _LUMA))
    least, most = _CONTRAST_GAINS
    return min(max(gain * _FULL_CONTRAST / (deviation + 1), least), most)


def _difference(now: Image, before: Image, spec: ModelSpec) -> Image:
    gain = contrast_gain(now, spec.gain) if spec.gain_rule == "contrast" else spec.gain
    return difference(now, before, gain)


def compose(frame: Frame, spec: ModelSpec) -> Image | None:
    """The model's input [S, S, 3] of one frame; None for a difference model right after a cut."""
    if spec.input == "rgb":
        return frame.image
    if frame.previous is None:
        return None
    return _difference(frame.image, frame.previous, spec)


def compose_views(views: Iterable[tuple[Image, Image | None]], spec: ModelSpec) -> NDArray[np.uint8]:
    """The inputs [N, S, S, 3] of an unbroken clip's views, now and before; a difference needs the one before."""
    if spec.input == "rgb":
        return stack([now for now, _ in views], spec)
    return stack([_difference(now, before, spec) for now, before in views if before is not None], spec)


def still_input(spec: ModelSpec) -> Image:
    """What a difference model sees when nothing moves."""
    return np.full((spec.size, spec.size, 3), NO_DIFFERENCE, np.uint8)


def stack(images: Sequence[Image], spec: ModelSpec) -> NDArray[np.uint8]:
    """uint8 [N, S, S, 3]. Raises ValueError when a picture is not of the model's size."""
    expected = (spec.size, spec.size, 3)
    for image in images:
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(f"the model needs uint8 pictures of {expected}, got {image.dtype} {image.shape}")
    return np.stack(images) if images else np.empty((0, *expected), np.uint8)
