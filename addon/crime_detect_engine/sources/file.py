"""Owns files as sources: videos and photos, read once, looped, or at the pace they were recorded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import av.error

from crime_detect_engine.domain.clock import Clock, SystemClock
from crime_detect_engine.domain.errors import SourceError

from .pyav import OnPacket, PyavFrame, PyavSource, video_stream

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,m4v,mjpeg,dv,mxf,"
    "jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif"
)
_MOST_PIXELS = 64_000_000
"""Of one picture: a small file can unpack to gigabytes, already while its format is found out."""
_DECODER = {"max_pixels": str(_MOST_PIXELS)}
_OPTIONS = {"format_whitelist": _FORMATS, "protocol_whitelist": "none", **_DECODER}
_LATE_S = 1.0
"""A paced file that falls further behind (a busy machine, a suspended one) goes on from there."""


class _Content:
    """A file of which FFmpeg sees the bytes but not the name, so that only its content decides what it is."""

    def __init__(self, path: Path) -> None:
        file = path.open("rb")
        self.read, self.seek, self.tell, self.close = file.read, file.seek, file.tell, file.close


class FileSource(PyavSource):
    """A video or photo on disk.

    `realtime=False` reads as fast as it is consumed and `tick_s` equals `stream_s` from 0 on: `analyze` and training
    read exactly so. `realtime=True` is a camera for demos and tests: frames come when they are due. `loop` starts
    again at the end, for ever; each start is a cut. `live` is False: a clean end is not retried.
    """

    live = False

    def __init__(
        self, path: str | Path, *, clock: Clock | None = None, loop: bool = False, realtime: bool = False
    ) -> None:
        super().__init__(Path(path).name, clock or SystemClock())
        self._path = Path(path)
        self._loop = loop
        self._realtime = realtime
        self._start: tuple[datetime, float] | None = None

    def frames(self, on_packet: OnPacket | None = None) -> Iterator[PyavFrame]:
        """All frames in presentation order. Raises SourceError (permanent) with what is wrong with the file."""
        while True:
            count = 0
            for frame in super().frames(on_packet):
                count += 1
                yield frame
            if self._interrupted.is_set():
                return
            if count == 0:
                raise SourceError("not a video: no picture in it could be decoded", permanent=True)
            if not self._loop:
                return

    def _open(self) -> Any:
        return open_file(self._path)

    def _failure(self, error: Exception) -> SourceError:
        return _file_error(self._path, error)

    def _frame(self, picture: Any, pts_s: float | None, cut: bool) -> PyavFrame:
        if self._start is None:
            self._start = (self._clock.now(), self._clock.tick_s() if self._realtime else 0.0)
        moment = self._time.advance(pts_s, 0.0)
        if self._realtime:
            wait_s = self._start[1] + moment.stream_s - self._clock.tick_s()
            if wait_s > 0:
                self._interrupted.wait(wait_s)
            elif wait_s < -_LATE_S:
                self._start = (self._start[0] - timedelta(seconds=wait_s), self._start[1] - wait_s)
        moment = replace(moment, tick_s=self._start[1] + moment.stream_s)
        return PyavFrame(picture, moment, self._start[0] + timedelta(seconds=moment.stream_s), cut=cut or moment.cut)


def open_file(path: Path) -> Any:
    """An open PyAV container that can reach nothing but this file. Raises a permanent SourceError."""
    try:
        if path.is_dir():
            raise SourceError("a folder, not a file", permanent=True)
        if path.stat().st_size == 0:
            raise SourceError("empty file", permanent=True)
        container = av.open(_Content(path), options=_OPTIONS)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise _file_error(path, error) from None
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = _DECODER
            if not stream.codec_context.width and container.format.name.endswith("_pipe"):
                container.close()
                raise SourceError(f"damaged, or larger than {_MOST_PIXELS // 10**6} megapixels", permanent=True)
    return container


def probe_duration(path: Path) -> float:
    """Seconds of video, 0.0 for a photo. Raises a permanent SourceError like reading would."""
    with open_file(path) as container:
        stream = video_stream(container, "not a video")
        if container.format.name.endswith("_pipe"):
            return 0.0
        if stream.duration:
            return float(stream.duration * stream.time_base)
        if container.duration:
            return float(container.duration / av.time_base)
        times = [float(p.pts * p.time_base) for p in container.demux(stream) if p.pts is not None]
        return max(times) - min(times) if times else 0.0


def _file_error(path: Path, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError("no such file", permanent=True)
    if isinstance(error, PermissionError):
        return SourceError("no permission to read the file", permanent=True)
    if isinstance(error, (av.error.InvalidDataError, av.error.ArgumentError)) or not isinstance(error, OSError):
        return SourceError(f"not a video: {_flaw(path)}", permanent=True)
    return SourceError(f"cannot be read: {error.strerror or type(error).__name__}", permanent=True)


def _flaw(path: Path) -> str:
    """Why FFmpeg found no video: an MP4 without its index is a recording that was cut off."""
    kinds: list[bytes] = []
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8 and (not kinds or kinds[0] == b"ftyp"):
            size = int.from_bytes(head[:4], "big")
            kinds.append(head[4:])
            if size == 1:
                size = int.from_bytes(file.read(8), "big") - 8
            if size < 8:
                break
            file.seek(size - 8, io.SEEK_CUR)
    if kinds[:1] != [b"ftyp"]:
        return "no known video or picture format"
    return "its index is damaged or cut off" if b"moov" in kinds else "moov atom not found"
