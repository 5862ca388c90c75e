"""What holds in zones and at lines: visits, dwell, returns, crowds, running, crossings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from crime_detect_engine.domain.scene import Box, Scene, TrackedObject
from crime_detect_engine.tracking.places import CrossingLine, Returns, Zone
from crime_detect_engine.tracking.rules import Finding, LineRules, ZoneRules, contains, crossing

AT = datetime(2026, 11, 21, 3, tzinfo=UTC)
YARD = ((0.3, 0.3), (0.7, 0.3), (0.7, 1.0), (0.3, 1.0))
STEP_S = 0.5
INSIDE, OUTSIDE = (0.5, 0.8), (0.1, 0.8)


def somebody(track: int, foot: tuple[float, float], tick_s: float, **given: Any) -> TrackedObject:
    x, y = foot
    values = {"label": "person", "confidence": 0.8, "speed": 0.5, **given}
    return TrackedObject(
        id=track, box=Box(x - 0.05, y - 0.3, x + 0.05, y), first_tick_s=0.0, last_tick_s=tick_s, **values
    )


def scene(number: int, *people: tuple[int, tuple[float, float]], **given: Any) -> Scene:
    tick_s = number * STEP_S
    return Scene("cam", AT, tick_s, tuple(somebody(track, foot, tick_s, **given) for track, foot in people))


def play(rules: ZoneRules | LineRules, scenes: Sequence[Scene]) -> list[list[Finding]]:
    return [rules.step(one) for one in scenes]


def held(found: Sequence[Sequence[Finding]], label: str) -> list[float]:
    """Seconds at which a finding of that class held."""
    return [n * STEP_S for n, findings in enumerate(found) if any(one.label == label for one in findings)]


def test_an_intrusion_needs_the_feet_inside_for_as_long_as_asked() -> None:
    rules = ZoneRules(Zone("yard", YARD, intrusion_s=1.0))
    found = play(rules, [scene(n, (1, OUTSIDE if n < 2 else INSIDE)) for n in range(8)])
    assert held(found, "trespassing") == [2.0, 2.5, 3.0, 3.5]
    finding = found[-1][0]
    assert (finding.rule, finding.objects[0].id, finding.confidence) == ("intrusion", 1, 0.8)


def test_a_head_inside_and_feet_outside_is_no_intrusion() -> None:
    rules = ZoneRules(Zone("sky", ((0, 0), (1, 0), (1, 0.6), (0, 0.6)), intrusion_s=0.5))
    assert not any(play(rules, [scene(n, (1, (0.5, 0.7))) for n in range(6)]))


def test_feet_at_the_lower_edge_of_the_picture_stand_in_what_reaches_it() -> None:
    assert contains(YARD, (0.5, 1.0))
    assert not contains(YARD, (0.9, 1.0))


def test_only_the_objects_of_the_zone_count() -> None:
    rules = ZoneRules(Zone("yard", YARD, intrusion_s=0.5))
    assert not any(play(rules, [scene(n, (1, INSIDE), label="car") for n in range(6)]))
    cars = ZoneRules(Zone("yard", YARD, objects=("car",), intrusion_s=0.5))
    assert held(play(cars, [scene(n, (1, INSIDE), label="car") for n in range(4)]), "trespassing")


def test_loitering_counts_the_whole_visit_also_after_a_step_out() -> None:
    rules = ZoneRules(Zone("yard", YARD, loitering_s=10.0))
    where = [INSIDE if not 8 <= n < 14 else OUTSIDE for n in range(30)]
    found = play(rules, [scene(n, (1, foot)) for n, foot in enumerate(where)])
    assert held(found, "loitering")[0] == 10.0


def test_who_walks_through_again_and_again_does_not_dwell_but_returns() -> None:
    zone = Zone("yard", YARD, loitering_s=30.0, returns=Returns(3, 120.0))
    rules, found = ZoneRules(zone), []
    for n in range(150):  # in for 5 s, away for 20 s, each time another track
        visit, part = divmod(n, 50)
        found.append(rules.step(scene(n, (visit + 1, INSIDE if part < 10 else OUTSIDE))))
    assert held(found, "loitering")[0] == 100 * STEP_S
    (finding,) = found[100]
    assert (finding.rule, finding.detail) == ("returns", "3 entries within 2 minutes")


def test_returns_that_are_too_far_apart_are_none() -> None:
    rules = ZoneRules(Zone("yard", YARD, returns=Returns(2, 20.0)))
    scenes = [scene(n, (n // 100, INSIDE if n % 100 < 4 else OUTSIDE)) for n in range(300)]
    assert not any(play(rules, scenes))


def test_a_crowd_needs_its_number_for_some_seconds() -> None:
    rules = ZoneRules(Zone("yard", YARD, crowd=3))
    three = [(1, INSIDE), (2, (0.4, 0.8)), (3, (0.6, 0.8))]
    found = play(rules, [scene(n, *(three if n >= 4 else three[:2])) for n in range(20)])
    assert held(found, "crowd")[0] == 4 * STEP_S + 5.0
    assert found[-1][0].detail == "3 persons"


def test_running_is_said_of_who_keeps_running() -> None:
    rules = ZoneRules(Zone("yard", YARD, running=True))
    speeds = [0.5, 2.0, 0.5, 2.0, 2.0, 2.0, 2.0]
    found = [rules.step(scene(n, (1, INSIDE), speed=speed)) for n, speed in enumerate(speeds)]
    assert held(found, "running") == [2.5, 3.0]


def test_a_line_is_crossed_once_in_the_direction_that_was_asked_for() -> None:
    gate = CrossingLine("gate", (0.0, 0.5), (1.0, 0.5), "left_to_right")
    down = [scene(n, (1, (0.5, 0.3 + 0.1 * n))) for n in range(5)]
    up = [scene(n, (1, (0.5, 0.7 - 0.1 * n))) for n in range(5)]
    assert held(play(LineRules(gate), down), "line_crossing")
    assert not any(play(LineRules(gate), up))
    both = LineRules(CrossingLine("gate", (0.0, 0.5), (1.0, 0.5)))
    assert held(play(both, up), "line_crossing")


def test_a_crossing_is_said_for_some_seconds_and_then_over() -> None:
    rules = LineRules(CrossingLine("gate", (0.0, 0.5), (1.0, 0.5)))
    found = play(rules, [scene(n, (1, (0.5, 0.3 if n < 4 else 0.7))) for n in range(20)])
    assert held(found, "line_crossing") == [n * STEP_S for n in range(4, 11)]


def test_who_passes_beside_the_end_of_a_line_does_not_cross_it() -> None:
    short = CrossingLine("gate", (0.4, 0.5), (0.6, 0.5))
    assert crossing(short, (0.8, 0.3), (0.8, 0.7)) is None
    assert crossing(short, (0.5, 0.3), (0.5, 0.7)) == "left_to_right"


def test_two_tracks_on_both_sides_are_no_crossing() -> None:
    rules = LineRules(CrossingLine("gate", (0.0, 0.5), (1.0, 0.5)))
    assert not any(play(rules, [scene(n, (1, (0.5, 0.3)), (2, (0.5, 0.7))) for n in range(6)]))


@pytest.mark.parametrize("zone", [Zone("yard", YARD), Zone("yard", YARD, objects=("car",))])
def test_a_zone_that_watches_for_nothing_finds_nothing_but_knows_who_is_in(zone: Zone) -> None:
    rules = ZoneRules(zone)
    assert not any(play(rules, [scene(n, (1, INSIDE), label=zone.objects[0]) for n in range(9)]))
    assert [one.id for one in rules.inside] == [1]
