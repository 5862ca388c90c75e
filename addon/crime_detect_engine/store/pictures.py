"""Owns the JPEG: how a picture is encoded wherever one is kept or shown."""

from __future__ import annotations

import cv2
import numpy as np

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import Image

QUALITY = 85


def encode_jpeg(image: Image, quality: int = QUALITY) -> bytes:
    """RGB uint8 HxWx3 → JPEG without metadata. Raises StoreError for what is no picture."""
    try:
        done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise StoreError(f"a picture of {image.shape} cannot be encoded") from error
    if not done:
        raise StoreError("a picture cannot be encoded")
    return data.tobytes()


def thumbnail(jpeg: bytes, width: int = 320) -> bytes | None:
    """A small JPEG of a picture; None for what is none."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_BGR) if jpeg else None
    if image is None:
        return None
    width = min(width, image.shape[1])
    height = max(round(image.shape[0] * width / image.shape[1]), 1)
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return encode_jpeg(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), 75)
