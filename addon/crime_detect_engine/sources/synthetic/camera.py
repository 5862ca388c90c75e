"""Owns the synthetic camera as a source: its address, its pace, and its pictures as decoded video frames."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

import av
import voluptuous as vol
from av.video.reformatter import VideoReformatter

from crime_detect_engine.domain.clock import Clock, SystemClock
from crime_detect_engine.domain.errors import SourceError
from crime_detect_engine.domain.ports import Packet, StreamFormat
from crime_detect_engine.sources.pyav import PyavFrame
from crime_detect_engine.sources.timing import Moment

from .places import PLACES
from .scene import Scene

SCHEME = "synthetic"
_BY_SEED = ("shop", "yard", "street")
_LATE_S = 1.0
"""A camera that falls further behind (a busy machine, a suspended one) goes on from there."""


@dataclass(frozen=True, slots=True)
class SyntheticOptions:
    """What the address says; the same seed is the same story. Without a place (``) the seed chooses one."""

    seed: int = 1
    place: str = ""
    night: bool = False
    fps: float = 15.0
    width: int = 640
    height: int = 360

    @property
    def scene_place(self) -> str:
        return self.place or _BY_SEED[self.seed % len(_BY_SEED)]


def _size(value: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", value)
    if not match or not (160 <= int(match[1]) <= 1920 and 120 <= int(match[2]) <= 1080):
        raise vol.Invalid("expected WIDTHxHEIGHT from 160x120 to 1920x1080")
    if int(match[1]) % 2 or int(match[2]) % 2:
        raise vol.Invalid("width and height must be even")
    return int(match[1]), int(match[2])


def _build(query: dict[str, object]) -> SyntheticOptions:
    values = dict(query)
    size = values.pop("size", None)
    if isinstance(size, tuple):
        values |= {"width": size[0], "height": size[1]}
    return SyntheticOptions(**values)  # type: ignore[arg-type]


SCHEMA = vol.All(
    vol.Schema(
        {
            vol.Optional("seed"): vol.All(vol.Coerce(int), vol.Range(min=0, max=2**31 - 1)),
            vol.Optional("place"): vol.In(sorted(PLACES)),
            vol.Optional("night"): vol.Boolean(),
            vol.Optional("fps"): vol.All(vol.Coerce(float), vol.Range(min=1, max=30)),
            vol.Optional("size"): _size,
        }
    ),
    _build,
)


def parse_address(address: str) -> SyntheticOptions:
    """Reads `synthetic:`, `synthetic:SEED` or `synthetic:PLACE?seed=3&night=1&fps=10&size=1280x720`.

    Raises a permanent SourceError that names what is wrong.
    """
    scheme, _, rest = address.partition(":")
    subject, _, query = rest.partition("?")
    try:
        if scheme.lower() != SCHEME:
            raise vol.Invalid(f"expected {SCHEME}:")
        values = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        if subject:
            values["seed" if subject.isdecimal() else "place"] = subject
        options: SyntheticOptions = SCHEMA(values)
    except (vol.Invalid, ValueError) as error:
        usage = "synthetic:, synthetic:SEED or synthetic:PLACE?seed=N&night=1&fps=15&size=640x360"
        raise SourceError(
            f"{address}: {error}; allowed are {usage} with a place of {', '.join(PLACES)}", permanent=True
        ) from None
    return options


class SyntheticSource:
    """A camera that nobody has to own. It plays its story and says nothing of what happens in it.

    A second `frames` goes on with the story. `realtime=False` gives frames as fast as they are consumed, `tick_s`
    then equals `stream_s`.
    """

    live = True

    def __init__(self, options: SyntheticOptions, *, clock: Clock | None = None, realtime: bool = True) -> None:
        self.name = f"{SCHEME}:{options.place or options.seed}"
        self._options = options
        self._clock = clock or SystemClock()
        self._realtime = realtime
        self._interrupted = threading.Event()
        self._scene: Scene | None = None
        self._index = 0

    @classmethod
    def of_address(cls, address: str, *, clock: Clock | None = None, realtime: bool = True) -> SyntheticSource:
        """Raises a permanent SourceError for an address that `parse_address` refuses."""
        return cls(parse_address(address), clock=clock, realtime=realtime)

    def interrupt(self) -> None:
        """End `frames` soon, from any thread."""
        self._interrupted.set()

    def frames(self, on_packet: Callable[[StreamFormat, Packet], None] | None = None) -> Iterator[PyavFrame]:  # noqa: ARG002
        """Endless until `interrupt`. `on_packet` is never called: there are no packets."""
        self._interrupted.clear()
        scene = self._open()
        reformatter = VideoReformatter()
        fps, cut = self._options.fps, True
        start_s = self._clock.tick_s() - self._index / fps
        while not self._interrupted.is_set():
            stream_s = self._index / fps
            self._index += 1
            tick_s = stream_s
            if self._realtime:
                wait_s = start_s + stream_s - self._clock.tick_s()
                if wait_s < -_LATE_S:
                    start_s -= wait_s
                elif wait_s > 0 and self._interrupted.wait(wait_s):
                    return
                tick_s = self._clock.tick_s()
            at = self._clock.now()
            picture = av.VideoFrame.from_ndarray(scene.picture(stream_s, at), format="rgb24")
            decoded = reformatter.reformat(picture, format="yuv420p", threads=1)
            yield PyavFrame(decoded, Moment(stream_s, tick_s, cut), at, cut=cut)
            cut = False

    def _open(self) -> Scene:
        if self._scene is None:
            options = self._options
            size = (options.width, options.height)
            self._scene = Scene(options.scene_place, options.seed, size, night=options.night)
        return self._scene
