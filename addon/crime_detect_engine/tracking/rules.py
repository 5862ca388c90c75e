"""Owns what happens in zones and at lines: who is in, for how long, who comes back, who crosses; no clock, no policy.

`ZoneRules(zone).step(scene)` and `LineRules(line).step(scene)` for each look in turn; each answers what holds now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from crime_detect_engine.domain.scene import PERSON, Box, Scene, TrackedObject

from .places import CrossingLine, Point, Zone

RUN_SPEED = 1.4
"""Own heights a second: walking is about 0.8, running 1.5 and more."""
RUN_S = 0.9
CROWD_S = 5.0
LEFT_S = 1.5
"""Outside for so long is gone: boxes tremble at the border of a zone."""
SAME_VISIT_S = 10.0
"""A step out and in again is one visit, and its dwell goes on."""
_JUST_SEEN_S = 2.0
CROSSED_S = 3.0
"""How long a crossing is said, so that it makes an incident with a picture."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that holds now: `label` is the incident's class, `rule` what was broken, `objects` by whom."""

    label: str
    rule: str
    confidence: float
    objects: tuple[TrackedObject, ...] = ()
    boxes: tuple[tuple[str, float, Box], ...] = ()
    """(label, confidence, box) of what is no tracked object."""
    detail: str | None = None


@dataclass(slots=True)
class _Visit:
    began_s: float
    inside_s: float
    ran_since_s: float | None = None
    returned: int = 0


@dataclass(slots=True)
class ZoneRules:
    """One zone of one camera."""

    zone: Zone
    _visits: dict[int, _Visit] = field(default_factory=dict)
    _entries: deque[float] = field(default_factory=lambda: deque(maxlen=100))
    _crowded_since_s: float | None = None
    _inside: tuple[TrackedObject, ...] = ()

    @property
    def inside(self) -> tuple[TrackedObject, ...]:
        """Those of the zone's objects that were in it at the last look."""
        return self._inside

    def step(self, scene: Scene) -> list[Finding]:
        """What holds at this look."""
        now_s = scene.tick_s
        inside = [one for one in scene.of(*self.zone.objects) if contains(self.zone.polygon, one.box.foot)]
        for one in inside:
            self._come(one, now_s)
        gone = [key for key, visit in self._visits.items() if now_s - visit.inside_s > SAME_VISIT_S]
        for key in gone:
            del self._visits[key]
        here = {one.id for one in inside}
        lately = [
            one
            for one in scene.of(*self.zone.objects)
            if one.id in self._visits and (one.id in here or now_s - self._visits[one.id].inside_s <= LEFT_S)
        ]
        self._inside = tuple(lately)
        return [*self._intrusion(lately), *self._loitering(lately), *self._crowd(lately, now_s), *self._running(lately)]

    def forget(self) -> None:
        """Another scene, or nobody looked for a while."""
        self._visits.clear()
        self._inside, self._crowded_since_s = (), None

    def _come(self, one: TrackedObject, now_s: float) -> None:
        visit = self._visits.get(one.id)
        if visit is None:
            visit = self._visits[one.id] = _Visit(self._since_s(one, now_s), now_s)
            if one.label == PERSON:
                self._enter(visit, now_s)
        visit.inside_s = now_s
        running = one.speed >= RUN_SPEED
        visit.ran_since_s = (visit.ran_since_s or now_s) if running else None

    def _since_s(self, one: TrackedObject, now_s: float) -> float:
        """Who was inside when it was first seen has been there since then, and not since it was believed."""
        if now_s - one.first_tick_s > _JUST_SEEN_S or not one.path or not contains(self.zone.polygon, one.path[0][1:]):
            return now_s
        return one.first_tick_s

    def _enter(self, visit: _Visit, now_s: float) -> None:
        returns = self.zone.returns
        self._entries.append(now_s)
        if returns is not None:
            visit.returned = sum(now_s - at_s <= returns.within_s for at_s in self._entries)

    def _stays(self, objects: Iterable[TrackedObject], at_least_s: float) -> tuple[TrackedObject, ...]:
        return tuple(one for one in objects if self._stay_s(one) >= at_least_s)

    def _stay_s(self, one: TrackedObject) -> float:
        visit = self._visits[one.id]
        return visit.inside_s - visit.began_s

    def _intrusion(self, here: Sequence[TrackedObject]) -> Iterable[Finding]:
        if self.zone.intrusion_s is not None and (who := self._stays(here, self.zone.intrusion_s)):
            yield Finding("trespassing", "intrusion", _surest(who), who, detail=_said(who, self._stay_s))

    def _loitering(self, here: Sequence[TrackedObject]) -> Iterable[Finding]:
        if self.zone.loitering_s is not None and (who := self._stays(here, self.zone.loitering_s)):
            yield Finding("loitering", "dwell", _surest(who), who, detail=_said(who, self._stay_s))
            return
        returns = self.zone.returns
        if returns is None:
            return
        who = tuple(one for one in here if self._visits[one.id].returned >= returns.times)
        if who:
            times = max(self._visits[one.id].returned for one in who)
            detail = f"{times} entries within {returns.within_s / 60:g} minutes"
            yield Finding("loitering", "returns", _surest(who), who, detail=detail)

    def _crowd(self, here: Sequence[TrackedObject], now_s: float) -> Iterable[Finding]:
        people = tuple(one for one in here if one.label == PERSON)
        if self.zone.crowd is None or len(people) < self.zone.crowd:
            self._crowded_since_s = None
            return
        if self._crowded_since_s is None:
            self._crowded_since_s = now_s
        if now_s - self._crowded_since_s >= CROWD_S:
            confidence = sorted((one.confidence for one in people), reverse=True)[self.zone.crowd - 1]
            yield Finding("crowd", "crowd", confidence, people, detail=f"{len(people)} persons")

    def _running(self, here: Sequence[TrackedObject]) -> Iterable[Finding]:
        if not self.zone.running:
            return
        who = []
        for one in here:
            visit = self._visits[one.id]
            ran = visit.ran_since_s is not None and visit.inside_s - visit.ran_since_s >= RUN_S
            if one.label == PERSON and ran:
                who.append(one)
        if who:
            fastest = max(one.speed for one in who)
            detail = f"{fastest:.1f} body heights a second"
            yield Finding("running", "running", _surest(who), tuple(who), detail=detail)


@dataclass(slots=True)
class LineRules:
    """One line of one camera: crossed when the way of somebody's feet meets it."""

    line: CrossingLine
    _feet: dict[int, Point] = field(default_factory=dict)
    _crossed: dict[int, tuple[float, str]] = field(default_factory=dict)
    _last: dict[int, TrackedObject] = field(default_factory=dict)

    def step(self, scene: Scene) -> list[Finding]:
        """Crossings of the last seconds."""
        now_s = scene.tick_s
        seen = {one.id: one for one in scene.of(*self.line.objects)}
        for key, one in seen.items():
            before, foot = self._feet.get(key), one.box.foot
            if one.last_tick_s < now_s:
                continue  # hidden: where the feet are is not known
            self._feet[key] = foot
            way = None if before is None else crossing(self.line, before, foot)
            if way is not None and self.line.direction in ("both", way):
                self._crossed[key] = (now_s, way)
            if key in self._crossed:
                self._last[key] = one
        for key in [key for key in self._feet if key not in seen]:
            del self._feet[key]
        for key in [key for key, (at_s, _) in self._crossed.items() if now_s - at_s > CROSSED_S]:
            del self._crossed[key]
            self._last.pop(key, None)
        who = tuple(self._last[key] for key in self._crossed)
        if not who:
            return []
        ways = sorted({way.replace("_", " ") for _, way in self._crossed.values()})
        return [Finding("line_crossing", "line", _surest(who), who, detail=" and ".join(ways))]

    def forget(self) -> None:
        """Another scene, or nobody looked for a while."""
        self._feet.clear()
        self._crossed.clear()
        self._last.clear()


def contains(polygon: Sequence[Point], point: Point) -> bool:
    """Whether a point lies inside: an odd number of edges to its right."""
    x, y = point
    # A box that ends at the border of the picture stands in what reaches that border.
    x, y = min(max(x, 1e-6), 1 - 1e-6), min(max(y, 1e-6), 1 - 1e-6)
    odd = False
    for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
        if (y0 > y) != (y1 > y) and x < (x1 - x0) * (y - y0) / (y1 - y0) + x0:
            odd = not odd
    return odd


def crossing(line: CrossingLine, before: Point, now: Point) -> str | None:
    """`left_to_right` or `right_to_left` when the way from `before` to `now` meets the line."""
    first, last = _side(line.start, line.end, before), _side(line.start, line.end, now)
    if first * last > 0 or first == last:
        return None
    if _side(before, now, line.start) * _side(before, now, line.end) > 0:
        return None
    return "left_to_right" if last > first else "right_to_left"


def _side(start: Point, end: Point, point: Point) -> float:
    """Positive right of the way from start to end, as somebody sees it who walks it; y grows downwards."""
    return (end[0] - start[0]) * (point[1] - start[1]) - (end[1] - start[1]) * (point[0] - start[0])


def _surest(objects: Iterable[TrackedObject]) -> float:
    return max(one.confidence for one in objects)


def _said(who: Sequence[TrackedObject], stay_s: Callable[[TrackedObject], float]) -> str:
    longest_s = max(map(stay_s, who))
    named = who[0].label if len(who) == 1 else f"{len(who)} objects"
    return f"{named} for {longest_s:.0f} s"
