"""Owns one object that Frigate follows, over time: what it said last, the way it came, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot

from crime_detect_engine.domain.scene import TrackedObject

from .frigate_messages import Sighting

PATH_SPACING_S = 1.0
PATH_POINTS = 600
_LONGEST_S = 86_400.0
_SMOOTHING = 0.4
_LEAST_STEP_S = 1.0
_LONGEST_STEP_S = 12.0
"""From point to point: nobody's speed is told by where they were before that."""
_SPEED_LASTS_S = 6.0
"""Frigate speaks of what moves every five seconds or so."""


class FrigateThing:
    """`number` is its id within this engine. Times of Frigate's clock are only compared with one another: how long
    ago something was is counted back from when it was heard, so its clock may be wrong."""

    def __init__(self, number: int, sighting: Sighting, tick_s: float) -> None:
        self.number = number
        self.sighting = sighting
        self.listed = False
        """Whether Frigate's list of events has shown it: then it has ended once it is not there any more."""
        self.heard_tick_s = tick_s
        self._confidence = sighting.score
        self._first_tick_s = tick_s - min(_LONGEST_S, sighting.at_s - sighting.start_s)
        self._identity: str | None = None
        self._attributes: dict[str, str | float] = {}
        self._path: list[tuple[float, float, float]] = []
        self._walk(sighting, tick_s, after_s=float("-inf"))
        self._learn_from(sighting)

    def see(self, sighting: Sighting, tick_s: float) -> None:
        """Takes what Frigate says of it now."""
        before = self.sighting
        self.heard(sighting, tick_s)
        if sighting.at_s < before.at_s:
            return
        self.sighting = sighting
        self._confidence += _SMOOTHING * (sighting.score - self._confidence)
        if sighting.at_s > before.at_s or sighting.box != before.box:
            self._walk(sighting, tick_s, after_s=before.at_s)

    def heard(self, sighting: Sighting, tick_s: float) -> None:
        """It is still there, wherever; what it is called is learnt."""
        self.heard_tick_s = tick_s
        self._learn_from(sighting)

    def learn(self, identity: str | None, attributes: Mapping[str, str | float]) -> None:
        self._identity = identity or self._identity
        self._attributes |= attributes

    def shown(self, tick_s: float, aspect: float) -> TrackedObject:
        """As it is at `tick_s`: there since Frigate has followed it, until Frigate says that it has ended.

        `aspect`: width over height of the picture.
        """
        path = list(self._path)
        if tick_s > path[-1][0]:
            path.append((tick_s, *self.sighting.box.foot))
        return TrackedObject(
            id=self.number,
            label=self.sighting.label,
            confidence=self._confidence,
            box=self.sighting.box,
            speed=self._speed(tick_s, aspect),
            first_tick_s=min(self._first_tick_s, tick_s),
            last_tick_s=tick_s,
            path=tuple(path),
            identity=self._identity,
            attributes={**self._attributes, "frigate_id": self.sighting.id},
        )

    def _speed(self, tick_s: float, aspect: float) -> float:
        """Own heights a second, between the last two places that are apart enough in time."""
        if self.sighting.stationary or len(self._path) < 2 or tick_s - self._path[-1][0] > _SPEED_LASTS_S:
            return 0.0
        now_s, x, y = self._path[-1]
        for then_s, from_x, from_y in reversed(self._path[:-1]):
            if now_s - then_s >= _LEAST_STEP_S:
                if now_s - then_s > _LONGEST_STEP_S:
                    return 0.0
                return hypot((x - from_x) * aspect, y - from_y) / (now_s - then_s) / self.sighting.box.height
        return 0.0

    def _walk(self, sighting: Sighting, tick_s: float, after_s: float) -> None:
        """Adds the points of Frigate's path since `after_s`, then where it is; thinned to one a second."""
        for point_s, x, y in sighting.path:
            if max(after_s, sighting.at_s - _LONGEST_S) < point_s < sighting.at_s:
                self._add(tick_s - (sighting.at_s - point_s), x, y)
        self._add(tick_s, *sighting.box.foot)
        del self._path[:-PATH_POINTS]

    def _add(self, tick_s: float, x: float, y: float) -> None:
        path = self._path
        if path and tick_s < path[-1][0]:  # heard late, so what came before seemed to be later
            return
        if len(path) > 1 and path[-1][0] - path[-2][0] < PATH_SPACING_S:
            path.pop()
        path.append((tick_s, x, y))

    def _learn_from(self, sighting: Sighting) -> None:
        said: dict[str, str | float] = {}
        if sighting.plate is not None:
            said["plate"] = sighting.plate
        if sighting.plate_score is not None and sighting.plate is not None:
            said["plate_score"] = sighting.plate_score
        self.learn(sighting.identity, said)
