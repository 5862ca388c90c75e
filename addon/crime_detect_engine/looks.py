"""Owns the looks that wait for a detector: the newest of each camera, every one that was too many counted."""

from __future__ import annotations

from .domain.scene import Look


class Looks:
    """Lives in the event loop. A camera whose look is being worked on waits, so that its order is kept."""

    def __init__(self) -> None:
        self._waiting: dict[str, Look] = {}
        self._in_flight: set[str] = set()
        self.dropped: dict[str, int] = {}

    def put(self, look: Look) -> None:
        waiting = self._waiting.get(look.camera)
        if waiting is not None and waiting.image is not None:
            if look.image is None:
                return  # that nothing moved since is no news to whom the movement is still unknown
            self.dropped[look.camera] = self.dropped.get(look.camera, 0) + 1
        self._waiting[look.camera] = look

    def take(self, cameras: int) -> list[Look]:
        """Of up to `cameras` cameras that are not in flight, those that wait longest first."""
        ready = sorted((one for one in self._waiting.values() if one.camera not in self._in_flight), key=_age)
        for look in ready[:cameras]:
            del self._waiting[look.camera]
            self._in_flight.add(look.camera)
        return ready[:cameras]

    def done(self, camera: str) -> None:
        self._in_flight.discard(camera)

    def forget(self, camera: str) -> None:
        """Privacy, or the camera is gone. What is in flight stays so until `done`."""
        self._waiting.pop(camera, None)
        self.dropped.pop(camera, None)


def _age(look: Look) -> float:
    return look.tick_s
