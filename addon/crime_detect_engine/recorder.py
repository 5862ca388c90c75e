"""Owns the pictures and packets of one camera that an incident may need: pre-roll, best picture, clip so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from .domain.ports import Packet, PacketSpan
from .domain.types import Frame, Image, Picture
from .store.privacy import Blur

PRE_ROLL_S = 5.0
PICTURE_SPACING_S = 0.4
PICTURES = 6
MAX_CLIP_S = 300.0
MAX_CLIP_BYTES = 64 * 10**6
FRAME_RING_S = 20.0
MAX_FRAME_HEIGHT = 720
RING_S = 30.0
"""What the packet ring keeps: a clip may begin so long before its incident, at a keyframe."""
NOBODY = Blur()


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One masked picture, already a JPEG: the ring of a camera whose packets may not be kept."""

    at: datetime
    tick_s: float
    jpeg: bytes


@dataclass(slots=True)
class _Clip:
    start_tick_s: float
    spans: list[PacketSpan] = field(default_factory=list)
    frames: list[StoredFrame] = field(default_factory=list)
    last_tick_s: float = float("-inf")
    full: bool = False
    blur: Blur = NOBODY


@dataclass(frozen=True, slots=True)
class ClipMaterial:
    """What a clip is made of: packets to remux, or JPEGs to encode (masked cameras, sources without packets).

    Both are as the camera sent them; `blur` is whom the clip must hide.
    """

    span: PacketSpan | None
    frames: tuple[StoredFrame, ...]
    blur: Blur = NOBODY

    @property
    def bytes(self) -> int:
        packets = self.span.packets if self.span else ()
        return sum(len(one.data) for one in packets) + sum(len(one.jpeg) for one in self.frames)


class Recorder:
    """Frames come from the capture thread, everything else from the event loop.

    `encode` makes a JPEG of an RGB image; `span` reads the capture's packet ring, None where packets are not kept.
    `blur` is whom the camera hides now. All that is kept here is unblurred, and nothing of it ever lies on a disk.
    """

    def __init__(
        self,
        encode: Callable[[Image], bytes],
        span: Callable[[float, float], PacketSpan | None] | None,
        blur: Callable[[], Blur] = Blur,
    ) -> None:
        self._encode = encode
        self._span = span
        self.blur = blur
        self._blurred, self._blurred_s = NOBODY, float("-inf")
        """Whom the camera hid when it last hid anybody, and when that was."""
        self._lock = Lock()
        self._pictures: deque[tuple[float, Picture]] = deque(maxlen=PICTURES)
        self._ring: deque[StoredFrame] = deque()
        self._clips: dict[str, _Clip] = {}
        self._closed = False

    def add(self, frame: Frame) -> None:
        stored = None
        if self._span is None:
            stored = StoredFrame(frame.at, frame.tick_s, self._encode(frame.picture.rgb(MAX_FRAME_HEIGHT)))
        with self._lock:
            if self._closed:
                return
            self._note_blur(frame.tick_s)
            if not self._pictures or frame.tick_s - self._pictures[-1][0] >= PICTURE_SPACING_S:
                self._pictures.append((frame.tick_s, frame.picture))
            if stored is not None:
                self._ring.append(stored)
                while self._ring[0].tick_s < frame.tick_s - FRAME_RING_S:
                    self._ring.popleft()

    def close(self) -> None:
        """Privacy: forgets every picture, also the one that is still on its way; open clips keep what they had."""
        with self._lock:
            self._closed = True
            self._pictures.clear()
            self._ring.clear()

    def open(self) -> None:
        with self._lock:
            self._closed = False

    def newest(self) -> Picture | None:
        with self._lock:
            return self._pictures[-1][1] if self._pictures else None

    def picture_at(self, tick_s: float) -> Picture | None:
        """The picture nearest to a moment."""
        with self._lock:
            pictures = list(self._pictures)
        return min(pictures, key=lambda one: abs(one[0] - tick_s))[1] if pictures else None

    def begin(self, incident_id: str, start_tick_s: float) -> None:
        clip = self._clips[incident_id] = _Clip(start_tick_s - PRE_ROLL_S, blur=self.blur())
        with self._lock:
            if self._blurred_s >= clip.start_tick_s - RING_S:
                clip.blur = clip.blur.joined(self._blurred)

    def extend(self, now_tick_s: float) -> None:
        """Takes what came since the last call into every open clip, before the rings forget it."""
        for clip in self._clips.values():
            self._extend(clip, now_tick_s)

    def finish(self, incident_id: str, end_tick_s: float) -> ClipMaterial | None:
        """What the clip is made of; None for an incident that never began here or has no pictures."""
        clip = self._clips.pop(incident_id, None)
        if clip is None:
            return None
        self._extend(clip, end_tick_s)
        span = _join(clip.spans)
        return ClipMaterial(span, tuple(clip.frames), clip.blur) if span or clip.frames else None

    def _note_blur(self, tick_s: float) -> None:
        """Whoever was hidden stays so: pictures of then are forgotten when the camera begins to show more."""
        blur = self.blur()
        if blur.joined(self._blurred) != blur and self._pictures and self._pictures[-1][0] <= self._blurred_s:
            self._pictures.clear()
        if blur.on:
            self._blurred, self._blurred_s = blur, tick_s

    def _extend(self, clip: _Clip, until_tick_s: float) -> None:
        clip.blur = clip.blur.joined(self.blur())
        start_s = max(clip.start_tick_s, clip.last_tick_s)
        clip.full = clip.full or until_tick_s - clip.start_tick_s > MAX_CLIP_S or _bytes(clip) > MAX_CLIP_BYTES
        if clip.full or until_tick_s <= start_s:
            return
        if self._span is None:
            with self._lock:
                new = [one for one in self._ring if start_s < one.tick_s <= until_tick_s]
            clip.frames += new
            if new:
                clip.last_tick_s = new[-1].tick_s
            return
        found = self._span(start_s, until_tick_s)
        if found is None:
            return
        packets = [one for one in found.packets if one.tick_s > clip.last_tick_s]
        if packets:
            clip.spans.append(PacketSpan(found.format, packets))
            clip.last_tick_s = packets[-1].tick_s


def _bytes(clip: _Clip) -> int:
    packets = sum(len(packet.data) for span in clip.spans for packet in span.packets)
    return packets + sum(len(frame.jpeg) for frame in clip.frames)


def _continues(before: PacketSpan, after: PacketSpan) -> bool:
    return before.format == after.format and after.packets[0].dts > before.packets[-1].dts


def _join(spans: list[PacketSpan]) -> PacketSpan | None:
    """The longest run of spans that one file can hold: a reconnect brings another format, or starts its time anew."""
    runs: list[list[PacketSpan]] = []
    for span in spans:
        if runs and _continues(runs[-1][-1], span):
            runs[-1].append(span)
        else:
            runs.append([span])
    if not runs:
        return None
    best = max(runs, key=lambda run: sum(len(span.packets) for span in run))
    packets: list[Packet] = [packet for span in best for packet in span.packets]
    return PacketSpan(best[0].format, packets)
