"""Owns getting pictures back out of what a camera's ring keeps, in memory: packets or JPEGs → RGB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
import cv2
import numpy as np

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import PacketSpan
from crime_detect_engine.domain.types import Image

TimedImage = tuple[float, Image]
"""Seconds on a clock that does not go back, and RGB uint8 HxWx3."""


def decode_packets(span: PacketSpan, max_fps: float, max_height: int) -> Iterator[TimedImage]:
    """The pictures of a span, at most so many a second and so high; what cannot be decoded is left out.

    Raises StoreError where the codec is not known.
    """
    try:
        decoder: Any = av.CodecContext.create(span.format.codec, "r")
    except (av.FFmpegError, ValueError) as error:
        raise StoreError(f"no decoder for {span.format.codec}") from error
    decoder.extradata = span.format.extradata
    decoder.thread_count = 1
    last_s = float("-inf")
    for frame in _frames(decoder, span):
        if frame.pts is None or frame.is_corrupt:
            continue
        at_s = float(frame.pts * span.format.time_base)
        if at_s - last_s < 0.95 / max_fps:
            continue
        last_s = at_s
        width, height = fitted(frame.width, frame.height, max_height)
        yield at_s, frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA")


def decode_jpegs(pictures: Iterable[tuple[float, bytes]], max_fps: float, max_height: int) -> Iterator[TimedImage]:
    """As `decode_packets`."""
    last_s = float("-inf")
    for at_s, jpeg in pictures:
        if at_s - last_s < 0.95 / max_fps:
            continue
        image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
        if image is None:
            continue
        last_s = at_s
        size = fitted(image.shape[1], image.shape[0], max_height)
        if size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        yield at_s, np.asarray(image, np.uint8)


def fitted(width: int, height: int, max_height: int) -> tuple[int, int]:
    """Even sides of at most that height, the aspect kept."""
    scale = min(1.0, max_height / height)
    return max(2, round(width * scale) // 2 * 2), max(2, round(height * scale) // 2 * 2)


def _frames(decoder: Any, span: PacketSpan) -> Iterator[Any]:
    for one in span.packets:
        packet = av.Packet(one.data)
        packet.pts, packet.dts, packet.time_base = one.pts, one.dts, span.format.time_base
        try:
            yield from decoder.decode(packet)
        except av.FFmpegError:
            continue
    try:
        yield from decoder.decode(None)
    except av.FFmpegError:
        return
