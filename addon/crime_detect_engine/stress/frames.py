"""Owns raw frames made of other raw frames: moved in time, or changed in the picture when somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.ports import RawFrame
from crime_detect_engine.domain.types import Image
from crime_detect_engine.sources.pictures import picture_frames

Change = Callable[[RawFrame], Image]
"""RGB uint8 HxWx3 to show instead of a frame; another size is fine."""


class Retimed:
    """A frame at another time of a stream."""

    __slots__ = ("_raw", "at", "cut", "stream_s", "tick_s")

    def __init__(self, raw: RawFrame, stream_s: float, start: datetime, *, cut: bool = False) -> None:
        self._raw = raw
        self.stream_s = self.tick_s = stream_s
        self.at = start + timedelta(seconds=stream_s)
        self.cut = cut

    @property
    def width(self) -> int:
        return self._raw.width

    @property
    def height(self) -> int:
        return self._raw.height

    def luma(self) -> NDArray[np.uint8]:
        return self._raw.luma()

    def rgb(self, width: int, height: int, interpolation: str) -> Image:
        return self._raw.rgb(width, height, interpolation)


class Changed:
    """A frame with its picture changed: the change is paid only for frames that are sampled."""

    __slots__ = ("_change", "_raw", "_shown")

    def __init__(self, raw: RawFrame, change: Change) -> None:
        self._raw = raw
        self._change = change
        self._shown: RawFrame | None = None

    @property
    def width(self) -> int:
        return self._raw.width

    @property
    def height(self) -> int:
        return self._raw.height

    @property
    def stream_s(self) -> float:
        return self._raw.stream_s

    @property
    def tick_s(self) -> float:
        return self._raw.tick_s

    @property
    def at(self) -> datetime:
        return self._raw.at

    @property
    def cut(self) -> bool:
        return self._raw.cut

    def luma(self) -> NDArray[np.uint8]:
        return self._frame().luma()

    def rgb(self, width: int, height: int, interpolation: str) -> Image:
        return self._frame().rgb(width, height, interpolation)

    def _frame(self) -> RawFrame:
        if self._shown is None:
            self._shown = next(picture_frames([(self._raw.stream_s, self._change(self._raw))]))
        return self._shown


def full_picture(raw: RawFrame) -> Image:
    return raw.rgb(raw.width, raw.height, "bilinear")


def pictures_of(frames: Iterable[RawFrame]) -> Iterable[tuple[float, Image]]:
    return ((raw.stream_s, full_picture(raw)) for raw in frames)
