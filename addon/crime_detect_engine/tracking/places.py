"""Owns the zones and lines that people draw on a picture, and what is watched for there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from crime_detect_engine.domain.polygons import encloses
from crime_detect_engine.domain.scene import ANIMALS, CARRIED, PERSON, VEHICLES
from crime_detect_engine.domain.units import format_duration, parse_duration

Point = tuple[float, float]
OBJECTS = (PERSON, *VEHICLES, *ANIMALS, *CARRIED)
DIRECTIONS = ("both", "left_to_right", "right_to_left")
MAX_POINTS = 200
_SHORTEST = 0.01


@dataclass(frozen=True, slots=True)
class Returns:
    """Somebody comes back: so many entries of the zone within so many seconds."""

    times: int = 3
    within_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Zone:
    """An area of the picture, entered with the feet. None and False watch for nothing of that kind."""

    name: str
    polygon: tuple[Point, ...]
    objects: tuple[str, ...] = (PERSON,)
    intrusion_s: float | None = None
    """Seconds inside that are an intrusion."""
    loitering_s: float | None = None
    returns: Returns | None = None
    crowd: int | None = None
    """That many persons at once."""
    running: bool = False
    left_object_s: float | None = None
    taken_object_s: float | None = None

    @classmethod
    def read(cls, name: str, given: Mapping[str, Any]) -> Zone:
        """`given` as ZONE_KEYS leaves it. Raises Invalid for rules that the zone's objects cannot break."""
        zone = cls(name, **{_ZONE_FIELDS.get(key, key): value for key, value in given.items()})
        if PERSON not in zone.objects and (zone.crowd or zone.running or zone.returns):
            raise vol.Invalid("crowd, running and returns are about persons; add person to objects", path=["objects"])
        return zone

    def written(self) -> dict[str, Any]:
        """As in the configuration file; what is not watched for is false."""
        return {
            "polygon": [list(point) for point in self.polygon],
            "objects": list(self.objects),
            "intrusion": _written(self.intrusion_s),
            "loitering": _written(self.loitering_s),
            "returns": self.returns is not None
            and {"times": self.returns.times, "within": format_duration(self.returns.within_s)},
            "crowd": self.crowd or False,
            "running": self.running,
            "left_object": _written(self.left_object_s),
            "taken_object": _written(self.taken_object_s),
        }


@dataclass(frozen=True, slots=True)
class CrossingLine:
    """From `start` to `end`, 0..1. `left_to_right` as somebody sees it who stands at start and looks at end."""

    name: str
    start: Point
    end: Point
    direction: str = "both"
    objects: tuple[str, ...] = (PERSON,)

    @classmethod
    def read(cls, name: str, given: Mapping[str, Any]) -> CrossingLine:
        """`given` as LINE_KEYS leaves it. Raises Invalid for a line without length."""
        start, end = given["from"], given["to"]
        if max(abs(start[0] - end[0]), abs(start[1] - end[1])) < _SHORTEST:
            raise vol.Invalid("from and to are the same place; a line needs some length", path=["to"])
        return cls(name, start, end, given.get("direction", "both"), given.get("objects", (PERSON,)))

    def written(self) -> dict[str, Any]:
        """As in the configuration file."""
        return {
            "from": list(self.start),
            "to": list(self.end),
            "direction": self.direction,
            "objects": list(self.objects),
        }


def _written(seconds: float | None) -> str | bool:
    return False if seconds is None else format_duration(seconds)


def _point(value: object) -> Point:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise vol.Invalid("expected a point like [0.2, 0.3]")
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and 0 <= v <= 1 for v in value):
        raise vol.Invalid("expected x and y from 0 to 1, relative to the picture")
    return float(value[0]), float(value[1])


def _end(value: object) -> Point:
    """Of a line. What stands below a key `from` or `to` comes as text: elsewhere these are numbers to call."""
    try:
        return _point([float(v) if isinstance(v, str) else v for v in value] if isinstance(value, list) else value)
    except ValueError:
        raise vol.Invalid("expected a point like [0.2, 0.3]") from None


def _polygon(value: object) -> tuple[Point, ...]:
    if not isinstance(value, list) or not 3 <= len(value) <= MAX_POINTS:
        raise vol.Invalid(f"expected 3 to {MAX_POINTS} points, like [[0, 0], [0.2, 0], [0.2, 0.3]]")
    points = []
    for index, point in enumerate(value):
        try:
            points.append(_point(point))
        except vol.Invalid as error:
            raise vol.Invalid(error.error_message, path=[index]) from None
    if not encloses(points):
        raise vol.Invalid("these points enclose nothing")
    return tuple(points)


def _objects(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    unknown = [name for name in names if name not in OBJECTS]
    if not names or unknown:
        raise vol.Invalid(f"expected a list of {', '.join(OBJECTS)}")
    return tuple(dict.fromkeys(names))


def _seconds(default_s: float, low_s: float = 0.5, high_s: float = 86400.0) -> Any:
    """A duration; true is the default, false nothing."""

    def check(value: object) -> float | None:
        if value is None or value is False:
            return None
        if value is True:
            return default_s
        try:
            seconds = parse_duration(value)
        except ValueError:
            seconds = -1.0
        if not low_s <= seconds <= high_s:
            raise vol.Invalid(f"expected true, false or a duration from {low_s:g}s to {high_s / 3600:g}h, like 60s")
        return seconds

    return check


def _count(low: int, high: int) -> Any:
    def check(value: object) -> int | None:
        if value is None or value is False:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise vol.Invalid(f"expected a whole number from {low} to {high}, or false")
        return value

    return check


def _flag(value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return bool(value)


def _returns(value: object) -> Returns | None:
    if value is None or value is False:
        return None
    if value is True:
        return Returns()
    given = vol.Schema({"times": _count(2, 20), "within": _seconds(600.0, 10.0, 6 * 3600.0)})(value)
    return Returns(given.get("times") or 3, given.get("within") or 600.0)


def _direction(value: object) -> str:
    if value not in DIRECTIONS:
        raise vol.Invalid(f"expected {', '.join(DIRECTIONS)}")
    return str(value)


ZONE_KEYS: Mapping[Any, Any] = {
    vol.Required("polygon"): _polygon,
    "objects": _objects,
    "intrusion": _seconds(1.0),
    "loitering": _seconds(60.0, 2.0),
    "returns": _returns,
    "crowd": _count(2, 100),
    "running": _flag,
    "left_object": _seconds(60.0, 10.0),
    "taken_object": _seconds(30.0, 10.0),
}
LINE_KEYS: Mapping[Any, Any] = {
    vol.Required("from"): _end,
    vol.Required("to"): _end,
    "direction": _direction,
    "objects": _objects,
}
_ZONE_FIELDS = {
    "intrusion": "intrusion_s",
    "loitering": "loitering_s",
    "left_object": "left_object_s",
    "taken_object": "taken_object_s",
}
