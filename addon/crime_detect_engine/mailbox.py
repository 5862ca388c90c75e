"""Owns the frames that wait for inference: newest wins, per camera, and every drop is counted."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from .domain.types import Frame

DEPTH = 4
"""Frames a camera may have waiting: networks deliver in bursts; at 8 frames/s this allows half a second of delay."""


class Mailbox:
    """Lives in the event loop. A camera whose frames are being worked on waits, so that its order is kept."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._waiting: dict[str, deque[Frame]] = {}
        self._in_flight: set[str] = set()
        self._broken: set[str] = set()
        self.dropped: dict[str, int] = {}

    def put(self, frame: Frame) -> None:
        waiting = self._waiting.setdefault(frame.camera, deque())
        if len(waiting) == self._depth:
            if waiting.popleft().cut:
                self.break_off(frame.camera)
            self.dropped[frame.camera] = self.dropped.get(frame.camera, 0) + 1
        waiting.append(frame)

    def take(self, cameras: int) -> dict[str, list[Frame]]:
        """Frames of up to `cameras` cameras that are not in flight, those that wait longest first."""
        ready = [
            (waiting[0].tick_s, camera)
            for camera, waiting in self._waiting.items()
            if waiting and camera not in self._in_flight
        ]
        taken = {}
        for _, camera in sorted(ready)[:cameras]:
            frames = list(self._waiting[camera])
            if camera in self._broken:
                self._broken.discard(camera)
                frames[0] = replace(frames[0], cut=True)
            taken[camera] = frames
            self._waiting[camera].clear()
            self._in_flight.add(camera)
        return taken

    def done(self, camera: str) -> None:
        self._in_flight.discard(camera)

    def break_off(self, camera: str) -> None:
        """The frame that tells of a cut is lost: the next one taken says so instead, or a window would cross it."""
        self._broken.add(camera)

    def clear(self, camera: str) -> None:
        """Throws away what waits. What is in flight stays so until `done`: nobody else may touch its window."""
        self._waiting.pop(camera, None)
        self.break_off(camera)

    def forget(self, camera: str) -> None:
        """The camera is gone."""
        self._waiting.pop(camera, None)
        self._broken.discard(camera)
        self.dropped.pop(camera, None)
