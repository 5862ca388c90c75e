"""Owns the full picture of a frame: converted when somebody looks, privacy masks already black."""

from __future__ import annotations

from crime_detect_engine.domain.ports import RawFrame
from crime_detect_engine.domain.types import Image

from .masks import Masks


class MaskedPicture:
    """A domain `Picture` that keeps the decoded frame by reference; may be converted from any thread."""

    __slots__ = ("_masks", "_raw")

    def __init__(self, raw: RawFrame, masks: Masks) -> None:
        self._raw = raw
        self._masks = masks

    @property
    def width(self) -> int:
        return self._raw.width

    @property
    def height(self) -> int:
        return self._raw.height

    def rgb(self, max_height: int | None = None) -> Image:
        """RGB uint8 HxWx3, read-only, at most `max_height` lines, the aspect kept, masks black."""
        width, height = self.width, self.height
        if max_height is not None and height > max_height:
            width, height = max(2, round(width * max_height / height / 2) * 2), max(2, max_height)
        return self._masks.apply(self._raw.rgb(width, height, "area"))
