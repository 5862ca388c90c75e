"""Owns following things from look to look: a Kalman filter a track, boxes matched in two rounds as ByteTrack does.

At two looks a second the boxes of somebody who walks past do not overlap, so boxes are matched by how far the foot
and the size are from where the filter expects them, in heights of the object, and not by overlap alone.

Source of the two rounds: Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from crime_detect_engine.domain.scene import VEHICLES, Box, Detection, TrackedObject

from .appearance import Appearance, alike

PATH_SPACING_S = 1.0
PATH_POINTS = 600
"""Ten minutes of somebody who never leaves."""
_MOVED = 0.25
"""Heights of its box that something went from where it was first seen: more than boxes tremble."""
_FOREGROUND = 0.04
_CARRIED_LOOKS = 2
"""Missed for longer, what moves in the box is somebody else."""
_ALIKE = 0.6
_RENEWED = 0.3
_STANDING = 0.15
"""Own heights a second."""
_KNOWN_HITS = 10
_TWICE = 0.6
"""A second box that covers so much of a followed one is the same thing again."""
_GROUPS = dict.fromkeys(VEHICLES, "vehicle")
"""A detector that says car and then truck has seen one thing."""


@dataclass(frozen=True, slots=True)
class TrackerOptions:
    """`confidence` starts a track, `weak` continues one; `hits` looks confirm it; `patience_s` bridges occlusions."""

    confidence: float = 0.4
    weak: float = 0.15
    hits: int = 2
    patience_s: float = 4.0
    stay_s: float = 10.0
    """How long somebody who stood still is held while hidden: a person does not vanish on the spot."""


class _Motion:
    """Constant velocity of the foot (x, y) and of the height, all in heights of the picture; width is smoothed."""

    def __init__(self, x: float, y: float, height: float) -> None:
        self._filter = cv2.KalmanFilter(6, 3)
        self._filter.measurementMatrix = np.eye(3, 6, dtype=np.float32)
        self._filter.statePost = np.array([[x], [y], [height], [0], [0], [0]], np.float32)
        known, unknown = (0.05 * height) ** 2, (1.5 * height) ** 2
        self._filter.errorCovPost = np.diag([known, known, known, unknown, unknown, known]).astype(np.float32)

    def predict(self, elapsed_s: float) -> tuple[float, float, float]:
        """Moves on by `elapsed_s`; where the foot and the height are expected."""
        step = np.eye(6, dtype=np.float32)
        step[0, 3] = step[1, 4] = step[2, 5] = elapsed_s
        self._filter.transitionMatrix = step
        height = max(0.01, float(self._filter.statePost[2, 0]))
        # People turn and stop: their speed may change by about their own height a second in a second.
        place, speed = (0.5 * height * elapsed_s**2) ** 2, (1.0 * height * elapsed_s) ** 2
        self._filter.processNoiseCov = np.diag([place, place, 0.1 * place, speed, speed, 0.02 * speed]).astype(
            np.float32
        )
        x, y, expected, *_ = (float(value) for value in self._filter.predict()[:, 0])
        return x, y, max(0.01, expected)

    def correct(self, x: float, y: float, height: float) -> None:
        noise = (0.08 * height) ** 2
        self._filter.measurementNoiseCov = np.diag([noise, noise, noise]).astype(np.float32)
        self._filter.correct(np.array([[x], [y], [height]], np.float32))

    def rest(self) -> None:
        """Hidden for long: it is not carried on in a straight line for ever."""
        self._filter.statePost[3:] *= 0.7

    @property
    def velocity(self) -> tuple[float, float]:
        """Heights of the picture a second."""
        return float(self._filter.statePost[3, 0]), float(self._filter.statePost[4, 0])

    @property
    def spread(self) -> float:
        """Standard deviation of the expected foot, in heights of the picture."""
        return float(np.sqrt(self._filter.errorCovPre[0, 0] + self._filter.errorCovPre[1, 1]))


@dataclass(slots=True)
class _Track:
    id: int
    label: str
    box: Box
    confidence: float
    motion: _Motion
    first_tick_s: float
    last_tick_s: float
    hits: int = 1
    missed: int = 0
    expected: tuple[float, float, float] = (0.0, 0.0, 0.0)
    path: list[tuple[float, float, float]] = field(default_factory=list)
    confirmed: bool = False
    appearance: Appearance | None = None
    alive: bool = False
    stood: bool = False
    """Did not walk when it was last seen."""
    votes: dict[str, float] = field(default_factory=dict)


class Tracker:
    """One camera. `update` for each look with a detector, `hold` for one at which nothing had moved.

    `aspect` is width over height of the picture: distances are measured in heights of the picture.
    """

    def __init__(self, options: TrackerOptions = TrackerOptions()) -> None:
        self.options = options
        self._tracks: list[_Track] = []
        self._next_id = 1
        self._tick_s: float | None = None
        self._aspect = 16 / 9
        self._stirred: Callable[[Box], float] | None = None
        self._looks: Callable[[Box], Appearance] | None = None

    def update(
        self,
        detections: Sequence[Detection],
        tick_s: float,
        aspect: float = 16 / 9,
        stirred: Callable[[Box], float] | None = None,
        looks: Callable[[Box], Appearance] | None = None,
        flow: Callable[[Box], tuple[float, float] | None] | None = None,
    ) -> None:
        """Takes what a detector found at `tick_s`.

        `stirred`: how much of a box is foreground. With it, what never moved and never was foreground is a poster, a
        statue or a coat on its hook, and shown to nobody until it stirs. `looks`: how what is in a box looks. With it,
        who was hidden comes back only as somebody who looks alike. `flow`: how what is in a box moved since the last
        look, to carry on who was missed.
        """
        self._stirred, self._looks, self._aspect = stirred, looks, aspect
        elapsed_s = 0.0 if self._tick_s is None else max(0.0, tick_s - self._tick_s)
        self._tick_s = tick_s
        for track in self._tracks:
            track.expected = track.motion.predict(max(elapsed_s, 1e-3))
        sure = [one for one in detections if one.confidence >= self.options.confidence]
        weak = [one for one in detections if self.options.weak <= one.confidence < self.options.confidence]
        left, unmatched = self._match(self._tracks, sure, tick_s, aspect, reach=1.0)
        left, _ = self._match(left, weak, tick_s, aspect, reach=0.6)
        for track in left:
            track.missed += 1
            track.motion.rest()
            went = flow(track.box) if flow is not None and track.confirmed and track.missed <= _CARRIED_LOOKS else None
            if went is not None:
                track.box = _shifted(track.box, *went)
        self._tracks = [track for track in self._tracks if self._lives(track, tick_s)]
        seen = [track for track in self._tracks if not track.missed]
        for one in unmatched:
            if not any(_same(one, track) and one.box.iou(track.box) > _TWICE for track in seen):
                self._begin(one, tick_s, aspect)
        for track in self._tracks:
            track.alive = track.alive or (not track.missed and self._stirs(track, aspect))

    def hold(self, tick_s: float) -> None:
        """Nothing moved since the last look: who was there is still there."""
        for track in self._tracks:
            if not track.missed:
                track.last_tick_s = tick_s
                _walk(track, tick_s)
        self._tracks = [track for track in self._tracks if self._lives(track, tick_s)]
        self._tick_s = tick_s

    def clear(self) -> None:
        """Another scene, or nobody looks any more."""
        self._tracks, self._tick_s = [], None

    @property
    def busy(self) -> bool:
        """Whether anything is followed, believed or not."""
        return bool(self._tracks)

    def objects(self) -> tuple[TrackedObject, ...]:
        """Those that are confirmed and alive, seen or hidden for a short time, oldest first."""
        return tuple(_shown(track) for track in self._tracks if track.confirmed and track.alive)

    def _lives(self, track: _Track, tick_s: float) -> bool:
        hidden_s = tick_s - track.last_tick_s
        if not track.confirmed:
            return track.missed < 2
        if track.missed and (_at_the_edge(track.box) or not 0.0 < track.expected[0] < self._aspect):
            return hidden_s <= min(1.5, self.options.patience_s)
        stays = track.stood and track.hits >= _KNOWN_HITS
        return hidden_s <= (self.options.stay_s if stays else self.options.patience_s)

    def _match(
        self, tracks: Sequence[_Track], found: Sequence[Detection], tick_s: float, aspect: float, reach: float
    ) -> tuple[list[_Track], list[Detection]]:
        """Nearest first; what is left of both."""
        pairs = []
        for t, track in enumerate(tracks):
            for d, one in enumerate(found):
                cost = _distance(track, one, aspect, tick_s) if _same(one, track) else None
                if cost is not None and cost <= reach and (cost := cost + self._other(track, one)) <= reach:
                    pairs.append((cost, t, d))
        used_t: set[int] = set()
        used_d: set[int] = set()
        for _, t, d in sorted(pairs):
            if t not in used_t and d not in used_d:
                used_t.add(t)
                used_d.add(d)
                self._see(tracks[t], found[d], tick_s, aspect)
        left = [track for t, track in enumerate(tracks) if t not in used_t]
        return left, [one for d, one in enumerate(found) if d not in used_d]

    def _other(self, track: _Track, one: Detection) -> float:
        """What it adds that a box looks different: little from look to look, much after somebody was hidden."""
        if self._looks is None or track.appearance is None:
            return 0.0
        likeness = alike(track.appearance, self._looks(one.box))
        if track.missed and likeness < _ALIKE:
            return float("inf")
        return 0.3 * (1.0 - likeness)

    def _see(self, track: _Track, one: Detection, tick_s: float, aspect: float) -> None:
        x, y = one.box.foot
        track.motion.correct(x * aspect, y, one.box.height)
        track.box, track.last_tick_s, track.missed = one.box, tick_s, 0
        track.hits += 1
        track.stood = _speed(track) < _STANDING
        track.confidence += 0.4 * (one.confidence - track.confidence)
        track.votes[one.label] = track.votes.get(one.label, 0.0) + one.confidence
        track.label = max(track.votes, key=lambda label: track.votes[label])
        track.confirmed = track.confirmed or (track.hits >= self.options.hits and track.confidence >= self.options.weak)
        if self._looks is not None and one.confidence >= self.options.confidence:
            now = self._looks(one.box)
            kept = now if track.appearance is None else track.appearance + _RENEWED * (now - track.appearance)
            track.appearance = (kept / max(1e-6, float(np.linalg.norm(kept)))).astype(np.float32)
        _walk(track, tick_s)

    def _stirs(self, track: _Track, aspect: float) -> bool:
        """It moved, or it is foreground and nobody else's passing makes it so."""
        if self._stirred is None:
            return True
        (x, y), (_, first_x, first_y) = track.box.foot, track.path[0]
        if float(np.hypot((x - first_x) * aspect, y - first_y)) > _MOVED * track.box.height:
            return True
        others = (one.box for one in self._tracks if one is not track and not one.missed)
        passing = sum(track.box.overlap(box) for box in others) / max(1e-6, track.box.area)
        return self._stirred(track.box) - passing >= _FOREGROUND

    def _begin(self, one: Detection, tick_s: float, aspect: float) -> None:
        x, y = one.box.foot
        motion = _Motion(x * aspect, y, one.box.height)
        track = _Track(self._next_id, one.label, one.box, one.confidence, motion, tick_s, tick_s)
        track.votes[one.label] = one.confidence
        track.path.append((tick_s, x, y))
        track.confirmed = self.options.hits <= 1
        self._next_id += 1
        self._tracks.append(track)


def _same(one: Detection, track: _Track) -> bool:
    return _GROUPS.get(one.label, one.label) == _GROUPS.get(track.label, track.label)


def _distance(track: _Track, one: Detection, aspect: float, tick_s: float) -> float | None:
    """0 where it was expected, 1 at the limit of what is believed; None beyond."""
    x, y, height = track.expected
    foot_x, foot_y = one.box.foot
    ratio = one.box.height / height
    if not 0.4 < ratio < 2.5:
        return None
    away = float(np.hypot(foot_x * aspect - x, foot_y - y))
    limit = min(0.5 * height + 2.0 * track.motion.spread, 1.6 * height + 0.4 * height * (tick_s - track.last_tick_s))
    return away / limit + 0.3 * abs(float(np.log(ratio))) - 0.3 * one.box.iou(track.box)


def _walk(track: _Track, tick_s: float) -> None:
    """Adds to the path, thinned to one point a second; the last one is always now."""
    if len(track.path) > 1 and track.path[-1][0] - track.path[-2][0] < PATH_SPACING_S:
        track.path.pop()
    track.path.append((tick_s, *track.box.foot))
    del track.path[:-PATH_POINTS]


def _shifted(box: Box, x: float, y: float) -> Box:
    return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)


def _speed(track: _Track) -> float:
    """Own heights a second."""
    return float(np.hypot(*track.motion.velocity)) / max(0.01, track.box.height)


def _at_the_edge(box: Box) -> bool:
    return box.left < 0.02 or box.right > 0.98 or box.bottom > 0.99 or box.top < 0.005


def _shown(track: _Track) -> TrackedObject:
    return TrackedObject(
        id=track.id,
        label=track.label,
        confidence=track.confidence,
        box=track.box,
        speed=_speed(track),
        first_tick_s=track.first_tick_s,
        last_tick_s=track.last_tick_s,
        path=tuple(track.path),
    )
