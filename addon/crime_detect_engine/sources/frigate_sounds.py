"""Owns what Frigate hears on its cameras: labels like `scream`, while it hears them and for some seconds after."""

from __future__ import annotations

from collections.abc import Collection

_LASTS_S = 10.0
_LONGEST_S = 600.0
"""Frigate says when a sound is over; where that was missed it is over by then."""
_MOST = 50


class FrigateSounds:
    """Bounded: of a camera with more sounds than are believable the oldest is forgotten."""

    def __init__(self) -> None:
        self._sounds: dict[str, dict[str, tuple[bool, float]]] = {}
        """By camera and label: whether it is heard, and since when it is or is not."""

    def hear(self, camera: str, label: str, on: bool, tick_s: float) -> None:
        """A sound begins or is over; `off` for one that never began is nothing."""
        sounds = self._sounds.setdefault(camera, {})
        if sounds.get(label, (False, 0.0))[0] == on:
            return
        sounds[label] = (on, tick_s)
        if len(sounds) > _MOST:
            del sounds[min(sounds, key=lambda one: sounds[one][1])]

    def hear_only(self, camera: str, labels: Collection[str], tick_s: float) -> None:
        """All that is heard on a camera now."""
        for label in {*self._sounds.get(camera, {}), *labels}:
            self.hear(camera, label, label in labels, tick_s)

    def of(self, camera: str, tick_s: float) -> tuple[str, ...]:
        """What is heard, or was heard in the last seconds."""
        sounds = sorted(self._sounds.get(camera, {}).items())
        return tuple(label for label, (on, since_s) in sounds if tick_s - since_s <= (_LONGEST_S if on else _LASTS_S))

    def clear(self) -> None:
        self._sounds.clear()
