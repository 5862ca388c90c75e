"""Owns where pictures come from: which address is read by which source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crime_detect_engine.domain.clock import Clock, SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import Source

from .address import redact, scheme_of
from .file import FileSource
from .frigate import FrigateDiscovery, FrigateSource
from .pyav import PyavSource
from .rtsp import PushSource, RtspSource
from .synthetic import SyntheticSource
from .web_stream import WebSource
from .webcam import WebcamSource

__all__ = ["SOURCES", "Surroundings", "build_source", "keeps_packets", "redact"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a source may need besides its address."""

    clock: Clock
    discovery: FrigateDiscovery | None


def _frigate(address: str, around: Surroundings) -> Source:
    if around.discovery is None:
        raise SourceError(f"{address}: the configuration has no frigate section", permanent=True)
    return FrigateSource(address.partition(":")[2], around.discovery, around.clock)


def _loop(address: str, around: Surroundings) -> Source:
    return FileSource(address.partition(":")[2], clock=around.clock, realtime=True, loop=True)


SOURCES: dict[str, Callable[[str, Surroundings], Source]] = {
    "rtsp": lambda address, around: RtspSource(address, around.clock),
    "rtsps": lambda address, around: RtspSource(address, around.clock),
    "rtmp": lambda address, around: PushSource(address, around.clock),
    "rtmps": lambda address, around: PushSource(address, around.clock),
    "srt": lambda address, around: PushSource(address, around.clock),
    "http": lambda address, around: WebSource(address, around.clock),
    "https": lambda address, around: WebSource(address, around.clock),
    "webcam": lambda address, around: WebcamSource(address, around.clock),
    "frigate": _frigate,
    "loop": _loop,
    "synthetic": lambda address, around: SyntheticSource.of_address(address, clock=around.clock),
}
"""`loop:PATH` is a file that starts again at its end; an address without a scheme is the path of a file."""


def build_source(
    address: str, *, clock: Clock | None = None, discovery: FrigateDiscovery | None = None, realtime: bool = True
) -> Source:
    """The source that reads `address`. `realtime` is for files: at their own pace, or as fast as they are consumed.

    Raises a permanent SourceError for a scheme that is not in SOURCES (`exec:`, `concat:`, `pipe:`, `file:` …).
    """
    around = Surroundings(clock or SystemClock(), discovery)
    scheme = scheme_of(address)
    if scheme is None:
        if not address or "\0" in address:
            raise SourceError("the address is empty or contains a NUL", permanent=True)
        return FileSource(address, clock=around.clock, realtime=realtime)
    builder = SOURCES.get(scheme)
    if builder is None:
        hint = "; for a file give its path" if scheme == "file" else ""
        known = ", ".join(SOURCES)
        raise SourceError(f"{scheme}: is not allowed as a source{hint}. Known: {known}, or a path", permanent=True)
    return builder(address, around)


def keeps_packets(source: Source) -> bool:
    """True where clips can be cut from the source's own packets without encoding again."""
    return isinstance(source, PyavSource)
