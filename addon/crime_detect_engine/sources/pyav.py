"""Owns decoding with PyAV: raw frames that stay YUV until somebody looks, and the loop from packets to frames."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from crime_detect_engine.domain.clock import Clock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import Packet, StreamFormat
from crime_detect_engine.domain.types import Image

from .address import redact
from .timing import Moment, StreamTime

OnPacket = Callable[[StreamFormat, Packet], None]

_PLANAR_LUMA = frozenset(
    {"gray", "nv12", "nv21"}
    | {f"yuv{'j' if full else ''}{chroma}p" for full in (0, 1) for chroma in ("410", "411", "420", "422", "440", "444")}
)
LAG_S = 1.0
"""A live stream further behind than this jumps to its newest keyframe."""
LAG_LIMIT_S = 3.0
"""… and further than this drops all until the next keyframe."""
CAUGHT_UP_S = 0.5
WAITED_S = 0.005
"""A read that blocked longer had nothing left to read: what lag remains is the sender's, not ours."""
_scalers = threading.local()


def _scale(frame: Any, width: int, height: int, pixels: str, interpolation: str) -> Any:
    """swscale, its context kept per thread: it is not thread-safe and expensive to build."""
    scaler = getattr(_scalers, "scaler", None)
    if scaler is None:
        scaler = _scalers.scaler = VideoReformatter()
    return scaler.reformat(frame, width, height, pixels, interpolation=interpolation.upper(), threads=1)


class PyavFrame:
    """A RawFrame around a decoded picture, which it keeps by reference; upright whatever the camera's rotation."""

    __slots__ = ("_picture", "_turns", "at", "cut", "stream_s", "tick_s")

    def __init__(self, picture: Any, moment: Moment, at: datetime, *, cut: bool) -> None:
        self._picture = picture
        self._turns = round(picture.rotation / 90) % 4
        self.stream_s = moment.stream_s
        self.tick_s = moment.tick_s
        self.at = at
        self.cut = cut

    @property
    def width(self) -> int:
        return int(self._picture.height if self._turns % 2 else self._picture.width)

    @property
    def height(self) -> int:
        return int(self._picture.width if self._turns % 2 else self._picture.height)

    def luma(self) -> NDArray[np.uint8]:
        """uint8 HxW; a view of the decoder's plane where the format has an 8-bit one, else a grey conversion."""
        picture = self._picture
        if picture.format.name not in _PLANAR_LUMA:
            picture = _scale(picture, picture.width, picture.height, "gray", "bilinear")
        plane = picture.planes[0]
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
        return np.rot90(rows[: picture.height, : picture.width], self._turns)

    def rgb(self, width: int, height: int, interpolation: str) -> Image:
        """RGB uint8 height x width x 3, read-only; `interpolation`: `bilinear`, `area` or `bicubic`."""
        if self._turns % 2:
            width, height = height, width
        image = _scale(self._picture, width, height, "rgb24", interpolation).to_ndarray()
        if self._turns:
            image = np.ascontiguousarray(np.rot90(image, self._turns))
        image.flags.writeable = False
        return image  # type: ignore[no-any-return]


class PyavSource(ABC):
    """What all sources that PyAV reads share. A subclass opens the container and words the failures.

    `corrupt` counts packets and pictures that could not be decoded, `dropped` packets skipped to catch up.
    """

    live = True
    untimed_formats = frozenset({"mpjpeg", "mjpeg", "h264", "hevc", "mjpeg_2000"})
    """Their timestamps are made up by the demuxer; arrival is the better time for live ones."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = redact(name)
        self.corrupt = 0
        self.dropped = 0
        self._clock = clock
        self._time = StreamTime(live=self.live)
        self._interrupted = threading.Event()

    @abstractmethod
    def _open(self) -> Any:
        """An open input container. Raises SourceError or FFmpegError."""

    def _failure(self, error: Exception) -> SourceError:
        """What the error means to people."""
        return SourceError(f"{self.name}: {redact(str(getattr(error, 'strerror', None) or error))}")

    def interrupt(self) -> None:
        """End `frames` soon, from any thread."""
        self._interrupted.set()

    def frames(self, on_packet: OnPacket | None) -> Iterator[PyavFrame]:
        """Connects and yields until the end, `interrupt` (both return) or failure (SourceError, without secrets)."""
        self._interrupted.clear()
        try:
            with self._open() as container:
                yield from self._decode(container, on_packet)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            if not self._interrupted.is_set():
                raise self._failure(error) from None

    def _decode(self, container: Any, on_packet: OnPacket | None) -> Iterator[PyavFrame]:
        """One pass over the container; the first frame carries `cut`."""
        stream = video_stream(container, self.name)
        self._time.restart(1.0 / float(stream.average_rate) if stream.average_rate else None)
        untimed = self.live and container.format.name in self.untimed_formats
        cut = True
        for packet in self._catch_up(container.demux(stream), on_packet):
            try:
                pictures = packet.decode()
            except av.error.FFmpegError:
                self.corrupt += 1
                continue
            for picture in pictures:
                if self._interrupted.is_set():
                    return
                if picture.is_corrupt:
                    self.corrupt += 1
                    continue
                frame = self._frame(picture, None if untimed else picture.time, cut)
                cut = False
                yield frame

    def _frame(self, picture: Any, pts_s: float | None, cut: bool) -> PyavFrame:
        arrival_s, at = self._clock.tick_s(), self._clock.now()
        moment = self._time.advance(pts_s, arrival_s)
        at -= timedelta(seconds=max(0.0, arrival_s - moment.tick_s))
        return PyavFrame(picture, moment, at, cut=cut or moment.cut)

    def _catch_up(self, packets: Iterator[Any], on_packet: OnPacket | None) -> Iterator[Any]:
        """The packets to decode. A live stream that lags reads on without decoding and jumps to its newest keyframe."""
        backlog: list[Any] = []
        blind = False
        for packet in self._read(packets, on_packet):
            if not self.live or not packet.size:
                yield from (*backlog, packet)
                backlog.clear()
                continue
            if packet.is_keyframe:
                self.dropped += len(backlog)
                backlog.clear()
                blind = False
            elif blind:
                self.dropped += 1
                continue
            backlog.append(packet)
            lag_s = self._lag_s(packet.pts, packet, self._clock.tick_s())
            if lag_s > LAG_LIMIT_S and not backlog[0].is_keyframe:
                self.dropped += len(backlog)
                backlog.clear()
                blind = True
            elif lag_s < (CAUGHT_UP_S if len(backlog) > 1 else LAG_S):
                yield from backlog
                backlog.clear()
        self.dropped += len(backlog)

    def _read(self, packets: Iterator[Any], on_packet: OnPacket | None) -> Iterator[Any]:
        """Packets as they arrive, each shown to `on_packet`. One that had to be waited for is the newest there is."""
        form: StreamFormat | None = None
        asked_s = self._clock.tick_s()
        for packet in packets:
            if self._interrupted.is_set():
                return
            arrival_s = self._clock.tick_s()
            if arrival_s - asked_s > WAITED_S and self._lag_s(packet.pts, packet, arrival_s) > LAG_S:
                self._time.forgive_lag()
            if on_packet is not None and packet.size:
                if form is None or packet.is_keyframe:
                    form = stream_format(packet.stream)
                on_packet(form, self._packet(packet, arrival_s))
            yield packet
            asked_s = self._clock.tick_s()

    def _lag_s(self, time: int | None, packet: Any, arrival_s: float) -> float:
        return 0.0 if time is None else self._time.lag_s(float(time * packet.time_base), arrival_s)

    def _packet(self, packet: Any, arrival_s: float) -> Packet:
        time = packet.dts if packet.dts is not None else packet.pts
        lag_s = self._lag_s(time, packet, arrival_s)
        return Packet(
            at=self._clock.now() - timedelta(seconds=lag_s),
            tick_s=arrival_s - lag_s,
            data=bytes(packet),
            pts=packet.pts if packet.pts is not None else time or 0,
            dts=time or 0,
            keyframe=packet.is_keyframe,
        )


def video_stream(container: Any, name: str) -> Any:
    """The first video stream, set to one decoding thread. Raises a permanent SourceError where there is none."""
    if not container.streams.video:
        raise SourceError(f"{name}: no video stream in it", permanent=True)
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise SourceError(f"{name}: no decoder for its video", permanent=True)
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    return stream


def stream_format(stream: Any) -> StreamFormat:
    """What a muxer needs to write the stream's packets again."""
    codec = stream.codec_context
    return StreamFormat(codec.name, codec.width, codec.height, Fraction(stream.time_base), codec.extradata)
