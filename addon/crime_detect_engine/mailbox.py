"""Owns the frames that wait for inference: newest wins, per camera, and every drop is counted."""

from __future__ import annotations

from collections import deque

from .domain.types import Frame

DEPTH = 4
"""Frames a camera may have waiting: networks deliver in bursts; at 8 frames/s this allows half a second of delay."""


class Mailbox:
    """Lives in the event loop. A camera whose frames are being worked on waits, so that its order is kept."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._depth = depth
        self._waiting: dict[str, deque[Frame]] = {}
        self._in_flight: set[str] = set()
        self.dropped: dict[str, int] = {}

    def put(self, frame: Frame) -> None:
        waiting = self._waiting.setdefault(frame.camera, deque())
        if len(waiting) == self._depth:
            waiting.popleft()
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
            taken[camera] = list(self._waiting[camera])
            self._waiting[camera].clear()
            self._in_flight.add(camera)
        return taken

    def done(self, camera: str) -> None:
        self._in_flight.discard(camera)

    def forget(self, camera: str) -> None:
        self._waiting.pop(camera, None)
        self._in_flight.discard(camera)
        self.dropped.pop(camera, None)
