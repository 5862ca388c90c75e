"""Owns MP4: packets written again without decoding, pictures encoded, clips made playable in a browser. No audio."""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.ports import Packet, PacketSpan

MAX_FPS = 10.0
TRANSCODE_FPS = 15.0
MAX_HEIGHT = 720
_BROWSER_CODECS = {"h264", "vp9", "av1"}
_MILLISECOND = Fraction(1, 1000)
_STOPPED = "the clip was given up because the engine stops"
_START_CODE = b"\0\0\0\1"
_OPTIONS = {"movflags": "+faststart"}

TimedPicture = tuple[float, "NDArray[np.uint8] | bytes"]
"""Seconds on any clock that does not go back, and RGB uint8 HxWx3 or a JPEG."""


Target = Path | io.BytesIO
"""Where a clip is written: a file, or memory for what is sealed afterwards."""
Clip = Path | BinaryIO


def _opened(source: Clip) -> av.container.InputContainer:
    return av.open(str(source) if isinstance(source, Path) else source)


def _written(target: Target) -> av.container.OutputContainer:
    if isinstance(target, Path):
        return av.open(str(target), "w", format="mp4", options=_OPTIONS)
    # To put the index first the muxer reads again what it wrote.
    return av.open(target, "w", format="mp4", options=_OPTIONS, io_open=lambda *_: io.BytesIO(target.getvalue()))


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, av.FFmpegError, ValueError, cv2.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"{what}: {reason}") from error


def frame_times(source: Clip) -> list[float]:
    """When each picture is shown, in seconds from the first, in the order of time; nothing is decoded.

    Raises StoreError.
    """
    with _explained("the clip cannot be read"), _opened(source) as container:
        packets = container.demux(container.streams.video[0])
        times = sorted(float(one.pts * one.time_base) for one in packets if one.pts is not None)
    return [time - times[0] for time in times]


def remux(span: PacketSpan, target: Target, stopped: threading.Event) -> None:
    """Writes the packets from the first keyframe on as they are. Raises StoreError."""
    to_annex_b, parameters = _annex_b(span.format.codec, span.format.extradata)
    packets = _in_order(span.packets)
    with _explained("the clip cannot be written"), _written(target) as output:
        stream = output.add_mux_stream(span.format.codec, width=span.format.width, height=span.format.height)
        stream.time_base = span.format.time_base
        base, duration = packets[0].pts, 0
        for index, one in enumerate(packets):
            if stopped.is_set():
                raise StoreError(_STOPPED)
            if index + 1 < len(packets):  # the last frame lasts as long as the one before
                duration = packets[index + 1].dts - one.dts
            packet = av.Packet((parameters if index == 0 else b"") + to_annex_b(one.data))
            packet.stream = stream
            packet.time_base = span.format.time_base
            packet.dts, packet.pts, packet.duration = one.dts - base, max(one.pts, one.dts) - base, duration
            packet.is_keyframe = one.keyframe
            output.mux_one(packet)


def _in_order(packets: Sequence[Packet]) -> list[Packet]:
    """From the first keyframe on, without those whose time goes back, as cameras do after a clock step."""
    kept: list[Packet] = []
    for one in packets:
        if (one.dts > kept[-1].dts) if kept else one.keyframe:
            kept.append(one)
    if not kept:
        raise StoreError("the clip cannot be written: its packets have no keyframe")
    return kept


def _annex_b(codec: str, extradata: bytes | None) -> tuple[Callable[[bytes], bytes], bytes]:
    """How to turn packets into start-code form, and the parameter sets to put before the first.

    The muxer takes its header from the first packet; cameras often send these sets in the session description only.
    """
    if codec not in ("h264", "hevc") or not extradata:
        return bytes, b""
    if extradata[0] != 1:
        return bytes, extradata
    with _explained("the clip's parameter sets cannot be read"):
        size, sets = _parameter_sets(codec, extradata)

    def convert(data: bytes) -> bytes:
        units = []
        position = 0
        while position + size <= len(data):
            length = int.from_bytes(data[position : position + size], "big")
            units.append(_START_CODE + data[position + size : position + size + length])
            position += size + length
        return b"".join(units)

    return convert, b"".join(_START_CODE + one for one in sets)


def _parameter_sets(codec: str, record: bytes) -> tuple[int, list[bytes]]:
    """Length-field size and parameter sets of an avcC or hvcC record (ISO/IEC 14496-15). Raises ValueError."""
    sets: list[bytes] = []

    def take(position: int, count: int) -> int:
        for _ in range(count):
            length = int.from_bytes(record[position : position + 2], "big")
            unit = record[position + 2 : position + 2 + length]
            if not length or len(unit) != length:
                raise ValueError("truncated")
            sets.append(unit)
            position += 2 + length
        return position

    if codec == "h264":
        if len(record) < 7:
            raise ValueError("truncated")
        position = take(6, record[5] & 31)
        take(position + 1, record[position] if position < len(record) else 0)
        return (record[4] & 3) + 1, sets
    if len(record) < 23:
        raise ValueError("truncated")
    position = 23
    for _ in range(record[22]):
        position = take(position + 3, int.from_bytes(record[position + 1 : position + 3], "big"))
    return (record[21] & 3) + 1, sets


def encode(
    pictures: Iterable[TimedPicture], target: Target, stopped: threading.Event, max_fps: float = MAX_FPS
) -> None:
    """H.264 of at most `max_fps` and MAX_HEIGHT lines, sized by the first picture. Raises StoreError."""
    with _explained("the clip cannot be encoded"), _written(target) as output:
        stream = None
        start_s = last_s = 0.0
        for at_s, picture in pictures:
            if stopped.is_set():
                raise StoreError(_STOPPED)
            if stream is not None and at_s - last_s < 0.95 / max_fps:
                continue
            image = _decoded(picture)
            if stream is None:
                start_s = at_s
                stream = _encoder(output, image.shape[1], image.shape[0])
            last_s = at_s
            if (image.shape[1], image.shape[0]) != (stream.width, stream.height):
                image = cv2.resize(image, (stream.width, stream.height), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = round((at_s - start_s) * 1000), _MILLISECOND
            output.mux(stream.encode(frame))
        if stream is None:
            raise StoreError("the clip cannot be encoded: it has no pictures")
        output.mux(stream.encode(None))


def _decoded(picture: NDArray[np.uint8] | bytes) -> NDArray[np.uint8]:
    if not isinstance(picture, bytes):
        return picture
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError("a picture is no JPEG")
    return np.asarray(image, np.uint8)


def _encoder(output: av.container.OutputContainer, width: int, height: int) -> av.VideoStream:
    scale = min(1.0, MAX_HEIGHT / height)
    stream = output.add_stream("libx264", rate=10, options={"preset": "veryfast", "crf": "27"})
    # H.264 in 4:2:0 has even sides.
    stream.width, stream.height = (max(2, round(side * scale) // 2 * 2) for side in (width, height))
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = _MILLISECOND
    stream.codec_context.thread_count = 1
    return stream


def transcode(source: Clip, target: Target, stopped: threading.Event) -> None:
    """A clip that browsers do not play, as H.264. Raises StoreError."""
    with _explained("the clip cannot be read"), _opened(source) as container:
        frames = ((frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0))
        encode(((at_s, image) for at_s, image in frames if at_s is not None), target, stopped, TRANSCODE_FPS)


def browser_playable(source: Clip) -> bool:
    """Whether every current browser plays the clip. Raises StoreError when it is no video."""
    with _explained("the clip cannot be read"), _opened(source) as container:
        if not container.streams.video:
            raise StoreError("the clip cannot be read: it holds no video")
        context = container.streams.video[0].codec_context
        return context.name in _BROWSER_CODECS and context.pix_fmt in ("yuv420p", "yuvj420p")
