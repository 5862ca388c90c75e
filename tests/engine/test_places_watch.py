"""Zones of a running camera: things left and taken are told where they lie, and never a person or a parked car."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.config.settings import ZoneConfig
from crime_detect_engine.decision.schedule import ScheduleWindow
from crime_detect_engine.domain.scene import Box, Scene, TrackedObject
from crime_detect_engine.places_watch import PlacesWatch
from crime_detect_engine.tracking.leftovers import StaticObject
from crime_detect_engine.tracking.places import Zone
from crime_detect_engine.tracking.rules import Finding

from tests.fakes import NOON

HALL = Zone("hall", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)), left_object_s=60.0, taken_object_s=30.0)
BAG = Box(0.4, 0.7, 0.5, 0.8)


def watch(*zones: ZoneConfig) -> PlacesWatch:
    made = PlacesWatch(ZoneInfo("UTC"))
    made.configure(CameraConfig("cam", "rtsp://10.0.0.5/s", "Cam", zones=zones))
    return made


def scene(tick_s: float, *objects: TrackedObject) -> Scene:
    return Scene("cam", NOON + timedelta(seconds=tick_s), tick_s, objects)


def thing(kind: str = "left", box: Box = BAG, since_s: float = 0.0) -> StaticObject:
    return StaticObject(kind, box, since_s, 0.9)


def held(places: PlacesWatch, at: Scene, *things: StaticObject) -> list[Finding]:
    return [finding for _, found in places.step(at, things) for finding in found]


@pytest.mark.parametrize(("kind", "label", "wait_s"), [("left", "object_left", 60.0), ("taken", "object_taken", 30.0)])
def test_a_thing_is_told_once_it_has_stood_for_as_long_as_asked(kind: str, label: str, wait_s: float) -> None:
    places = watch(ZoneConfig(HALL))
    assert held(places, scene(wait_s - 1), thing(kind)) == []
    (finding,) = held(places, scene(wait_s), thing(kind))
    assert (finding.label, finding.boxes) == (label, (("object", 0.9, BAG),))


def test_what_lies_elsewhere_or_is_followed_already_is_no_thing() -> None:
    places = watch(ZoneConfig(HALL))
    assert held(places, scene(90.0), thing(box=Box(0.4, 0.1, 0.5, 0.3))) == []
    for label in ("person", "car"):
        seen = TrackedObject(1, label, 0.9, Box(0.39, 0.68, 0.51, 0.81), 0.0, 0.0, 90.0)
        assert held(places, scene(90.0, seen), thing()) == []


def test_a_zone_that_asks_for_one_kind_does_not_tell_the_other() -> None:
    places = watch(ZoneConfig(Zone("hall", HALL.polygon, left_object_s=10.0)))
    assert [one.label for one in held(places, scene(90.0), thing("left"), thing("taken"))] == ["object_left"]


def test_how_long_to_wait_is_asked_of_every_zone() -> None:
    assert watch(ZoneConfig(Zone("yard", HALL.polygon, intrusion_s=1.0))).leftovers is None
    options = watch(ZoneConfig(HALL)).leftovers
    assert options is not None
    assert options.after_s == 30.0
    assert options.absorb_s > 2 * 30.0


def test_outside_its_hours_a_zone_says_nothing_and_goes_on_counting() -> None:
    evening = ScheduleWindow(start=12 * 60 + 1, end=13 * 60)
    yard = Zone("yard", HALL.polygon, loitering_s=30.0)
    places = watch(ZoneConfig(yard, (evening,)))
    found: list[tuple[float, Any]] = []
    for tick_s in range(0, 70):
        one = TrackedObject(1, "person", 0.9, Box(0.4, 0.3, 0.5, 0.8), 0.0, 0.0, float(tick_s))
        found += [(tick_s, finding.label) for finding in held(places, scene(float(tick_s), one))]
    assert found[0] == (60, "loitering"), "NOON is 12:00; the zone's hours begin a minute later"
