"""Owns the zones and lines of one camera while it runs: who is in which, and which rules hold at a look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from .config import CameraConfig
from .decision.schedule import ScheduleWindow, is_open
from .domain.scene import PERSON, VEHICLES, Scene, TrackedObject
from .tracking.leftovers import LEFT, LeftoverOptions, StaticObject
from .tracking.places import Zone
from .tracking.rules import Finding, LineRules, ZoneRules, contains

_SAME_THING = 0.3
"""What a followed vehicle or person covers so far is no thing that was left."""


@dataclass(slots=True)
class _Place:
    """A zone or a line with its rules and when they hold."""

    rules: ZoneRules | LineRules
    schedule: tuple[ScheduleWindow, ...]


class PlacesWatch:
    """`configure` first; then `step` for each look in turn."""

    def __init__(self, timezone: ZoneInfo) -> None:
        self._timezone = timezone
        self._places: dict[str, _Place] = {}

    def configure(self, camera: CameraConfig) -> frozenset[str]:
        """Who is in a zone that stays as it was goes on being in it. Returns the names."""
        before, self._places = self._places, {}
        for zone in camera.zones:
            old = before.get(zone.zone.name)
            kept = old.rules if old and isinstance(old.rules, ZoneRules) and old.rules.zone == zone.zone else None
            self._places[zone.zone.name] = _Place(kept or ZoneRules(zone.zone), zone.schedule)
        for line in camera.lines:
            self._places[line.line.name] = _Place(LineRules(line.line), line.schedule)
        return frozenset(self._places)

    @property
    def objects(self) -> frozenset[str]:
        """The labels that any zone or line is about."""
        places = [p.rules.zone if isinstance(p.rules, ZoneRules) else p.rules.line for p in self._places.values()]
        return frozenset(label for place in places for label in place.objects)

    @property
    def leftovers(self) -> LeftoverOptions | None:
        """How to watch for things left and taken; None where no zone asks for it."""
        waits_s = [s for _, one in self.zones() for s in (one.zone.left_object_s, one.zone.taken_object_s) if s]
        return LeftoverOptions(after_s=min(waits_s), absorb_s=max(900.0, 2 * max(waits_s))) if waits_s else None

    def zones(self) -> Iterator[tuple[str, ZoneRules]]:
        for name, place in self._places.items():
            if isinstance(place.rules, ZoneRules):
                yield name, place.rules

    def of(self, one: TrackedObject) -> list[str]:
        """The zones that somebody is in."""
        return [name for name, zone in self.zones() if any(inside.id == one.id for inside in zone.inside)]

    def forget(self) -> None:
        for place in self._places.values():
            place.rules.forget()

    def step(self, scene: Scene, things: Sequence[StaticObject]) -> Iterable[tuple[str, Sequence[Finding]]]:
        """What holds at each place; nothing where the schedule is closed, though time inside goes on counting."""
        for name, place in self._places.items():
            held = place.rules.step(scene)
            if isinstance(place.rules, ZoneRules):
                held += _of_things(place.rules.zone, scene, things)
            yield name, held if self._is_open(place, scene.at) else ()

    def view(self) -> dict[str, dict[str, Any]]:
        """Of a camera's state."""
        return {name: _zone_view(zone.inside) for name, zone in self.zones()}

    def _is_open(self, place: _Place, at: datetime) -> bool:
        return is_open(place.schedule, at, self._timezone)


def _of_things(zone: Zone, scene: Scene, things: Sequence[StaticObject]) -> list[Finding]:
    found = []
    for kind, label, wait_s in (
        (LEFT, "object_left", zone.left_object_s),
        ("taken", "object_taken", zone.taken_object_s),
    ):
        own = [
            one
            for one in things
            if wait_s is not None
            and one.kind == kind
            and scene.tick_s - one.since_tick_s >= wait_s
            and contains(zone.polygon, one.box.foot)
            and not any(one.box.iou(seen.box) > _SAME_THING for seen in scene.of(PERSON, *VEHICLES))
        ]
        if own:
            longest_s = max(scene.tick_s - one.since_tick_s for one in own)
            boxes = tuple(("object", one.confidence, one.box) for one in own)
            sure = max(one.confidence for one in own)
            found.append(Finding(label, label, sure, boxes=boxes, detail=f"for {longest_s:.0f} s"))
    return found


def _zone_view(inside: Sequence[TrackedObject]) -> dict[str, Any]:
    counts = Counter(one.label for one in inside)
    return {"persons": counts[PERSON], "objects": dict(sorted(counts.items())), "occupied": bool(inside)}
