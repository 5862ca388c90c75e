"""Owns the boxes drawn on a snapshot: what the alert is about, seen at a glance on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from crime_detect_engine.domain.types import Image

_COLOUR, _TEXT = (220, 38, 38), (255, 255, 255)


def draw_boxes(image: Image, boxes: Sequence[Mapping[str, Any]]) -> Image:
    """A copy of RGB uint8 HxWx3 with boxes of an incident (`box` left, top, width, height, 0..1) and their labels.

    The image itself where there are none.
    """
    if not boxes:
        return image
    height, width = image.shape[:2]
    drawn: Image = np.ascontiguousarray(image).copy()
    thick = max(2, round(height / 240))
    for one in boxes:
        left, top, wide, high = one["box"]
        start = round(left * width), round(top * height)
        end = round((left + wide) * width), round((top + high) * height)
        cv2.rectangle(drawn, start, end, _COLOUR, thick, cv2.LINE_AA)
        _label(drawn, f"{one['label'].replace('_', ' ')} {one['score']:.0%}", start, thick)
    return drawn


def _label(drawn: Image, text: str, corner: tuple[int, int], thick: int) -> None:
    """Above the box, or inside it where the picture ends."""
    scale, font = max(0.4, drawn.shape[0] / 900), cv2.FONT_HERSHEY_SIMPLEX
    (wide, high), base = cv2.getTextSize(text, font, scale, max(1, thick // 2))
    left = min(max(0, corner[0]), max(0, drawn.shape[1] - wide - thick))
    bottom = corner[1] if corner[1] >= high + base + thick else corner[1] + high + base + thick
    cv2.rectangle(drawn, (left, bottom - high - base), (left + wide + thick, bottom), _COLOUR, cv2.FILLED)
    place = left + thick // 2, bottom - base + thick // 2
    cv2.putText(drawn, text, place, font, scale, _TEXT, max(1, thick // 2), cv2.LINE_AA)
