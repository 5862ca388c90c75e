"""Owns the overlay: a copy of an analysed file with label and confidence drawn on every frame."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import NORMAL

from . import mp4

OVERLAY_FPS = 30.0
ALARM_CONFIDENCE = 0.8
_ALARM, _SUSPICIOUS, _CALM = (220, 38, 38), (217, 119, 6), (22, 101, 52)
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})


def write_overlay(source: Path, answer: Mapping[str, Any], target: Path) -> None:
    """Draws what `answer` (the `analyze --json` object) says at each moment. Audio is dropped. Raises StoreError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix.lower() in PHOTO_SUFFIXES:
        image = cv2.imread(str(source), cv2.IMREAD_COLOR_RGB)
        if image is None or not cv2.imwrite(str(target), cv2.cvtColor(draw(image, answer, 0.0), cv2.COLOR_RGB2BGR)):
            raise StoreError(f"{target} cannot be written")
        return
    with av.open(str(source)) as container:
        mp4.encode(_drawn(container, answer), target, threading.Event(), OVERLAY_FPS)


def _drawn(container: Any, answer: Mapping[str, Any]) -> Iterator[mp4.TimedPicture]:
    start_s: float | None = None
    for frame in container.decode(video=0):
        if frame.time is None:
            continue
        start_s = frame.time if start_s is None else start_s
        yield frame.time, draw(frame.to_ndarray(format="rgb24"), answer, frame.time - start_s)


def draw(image: NDArray[np.uint8], answer: Mapping[str, Any], at_s: float) -> NDArray[np.uint8]:
    """A copy of an RGB image with a banner: red from 0.8 on, amber when suspicious, green when normal."""
    probabilities = _at(answer["windows"], at_s)
    label = max(probabilities, key=lambda name: probabilities[name])
    confidence = probabilities[label]
    colour = _CALM if label == NORMAL else _ALARM if confidence >= ALARM_CONFIDENCE else _SUSPICIOUS
    height, width = image.shape[:2]
    scale = max(0.4, height / 720)
    text = f"{label.replace('_', ' ')} {confidence:.0%}"
    (text_width, text_height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
    pad = round(10 * scale)
    drawn = np.ascontiguousarray(image).copy()
    right = min(width, text_width + 2 * pad)
    cv2.rectangle(drawn, (0, 0), (right, text_height + base + 2 * pad), colour, cv2.FILLED)
    cv2.putText(drawn, text, (pad, text_height + pad), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 2, cv2.LINE_AA)
    return drawn


def _at(windows: list[Mapping[str, Any]], at_s: float) -> Mapping[str, float]:
    """The window whose middle is nearest to the moment."""
    nearest = min(windows, key=lambda window: abs((window["start_s"] + window["end_s"]) / 2 - at_s))
    probabilities: Mapping[str, float] = nearest["probabilities"]
    return probabilities
