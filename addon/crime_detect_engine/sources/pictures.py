"""Owns pictures as a source: drawn or changed RGB arrays become decoded frames, through a codec where asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import av

from crime_detect_engine.domain.types import Image

from .pyav import PyavFrame
from .timing import Moment

TimedImage = tuple[float, Image]
"""Stream seconds that do not go back, and RGB uint8 HxWx3."""
_START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_MILLISECOND = Fraction(1, 1000)


def picture_frames(pictures: Iterable[TimedImage]) -> Iterator[PyavFrame]:
    """The pictures as a camera's decoded frames; `tick_s` is `stream_s`. Only the first carries `cut`."""
    cut = True
    for stream_s, image in pictures:
        yield _frame(av.VideoFrame.from_ndarray(image, format="rgb24"), stream_s, cut=cut)
        cut = False


def timed_pictures(frames: Iterable[PyavFrame]) -> Iterator[TimedImage]:
    """The opposite: every frame at its own resolution; costs a conversion each."""
    for frame in frames:
        yield frame.stream_s, frame.rgb(frame.width, frame.height, "bilinear")


def through_h264(pictures: Iterable[TimedImage], quality: int) -> Iterator[PyavFrame]:
    """The pictures as they come out of H.264 at a constant rate factor (35 is poor); all are held encoded meanwhile.

    Sides are cut to even numbers; another size starts another stream, of which the first frame carries `cut`.
    """
    encoded: list[tuple[int, bytes]] = []
    encoder: av.VideoCodecContext | None = None
    for stream_s, image in pictures:
        height, width = (side // 2 * 2 for side in image.shape[:2])
        if encoder is not None and (encoder.width, encoder.height) != (width, height):
            yield from _decoded(encoded + _packets(encoder.encode(None)))
            encoded, encoder = [], None
        if encoder is None:
            encoder = _encoder(width, height, quality)
        frame = av.VideoFrame.from_ndarray(image[:height, :width].copy(), format="rgb24")
        frame.pts, frame.time_base = round(stream_s * 1000), _MILLISECOND
        encoded += _packets(encoder.encode(frame))
    if encoder is not None:
        yield from _decoded(encoded + _packets(encoder.encode(None)))


def _encoder(width: int, height: int, quality: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    # Cameras send no B frames; without them the order of the pictures is theirs.
    encoder.options = {"crf": str(quality), "preset": "veryfast", "bf": "0", "tune": "zerolatency"}
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = _MILLISECOND, Fraction(25)
    encoder.thread_count = 1
    return encoder


def _packets(packets: Iterable[av.Packet]) -> list[tuple[int, bytes]]:
    return [(packet.pts or 0, bytes(packet)) for packet in packets]


def _decoded(packets: list[tuple[int, bytes]]) -> Iterator[PyavFrame]:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    cut = True
    waiting: list[av.Packet | None] = []
    for pts, data in packets:
        packet = av.Packet(data)
        packet.pts = packet.dts = pts
        packet.time_base = _MILLISECOND
        waiting.append(packet)
    for packet in (*waiting, None):
        for picture in decoder.decode(packet):
            yield _frame(picture, (picture.pts or 0) / 1000, cut=cut)
            cut = False


def _frame(picture: av.VideoFrame, stream_s: float, *, cut: bool) -> PyavFrame:
    return PyavFrame(picture, Moment(stream_s, stream_s, cut), _START + timedelta(seconds=stream_s), cut=cut)
