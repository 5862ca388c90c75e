"""Zones and lines: what may be written, and what is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol
from crime_detect_engine.tracking.places import LINE_KEYS, ZONE_KEYS, CrossingLine, Returns, Zone

SQUARE = [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]


def zone(**given: Any) -> Zone:
    return Zone.read("yard", vol.Schema(ZONE_KEYS)({"polygon": SQUARE, **given}))


def line(**given: Any) -> CrossingLine:
    return CrossingLine.read("gate", vol.Schema(LINE_KEYS)({"from": [0, 0.5], "to": [1, 0.5], **given}))


def test_a_zone_as_the_contract_writes_it() -> None:
    read = zone(intrusion=True, loitering="60s")
    assert (read.intrusion_s, read.loitering_s, read.objects) == (1.0, 60.0, ("person",))
    assert (read.crowd, read.running, read.returns) == (None, False, None)


def test_true_takes_the_usual_time_and_false_watches_for_nothing() -> None:
    assert zone(loitering=True, left_object=True).loitering_s == 60.0
    assert zone(loitering=False, intrusion=False).intrusion_s is None
    assert zone(returns={"times": 2, "within": "5m"}).returns == Returns(2, 300.0)


def test_what_is_written_reads_as_the_same_zone() -> None:
    read = zone(intrusion="2s", returns=True, crowd=4, objects=["person", "car"], running=True, taken_object="90s")
    again = {key: value for key, value in read.written().items() if value is not False}
    assert zone(**again) == read
    gate = line(direction="left_to_right")
    assert line(**gate.written()) == gate


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"polygon": [[0, 0], [1, 1]]}, "3 to 200 points"),
        ({"polygon": [[0, 0], [1, 1], [0.5, 0.5]]}, "enclose nothing"),
        ({"polygon": [[0, 0], [1.2, 0], [1, 1]]}, "0 to 1"),
        ({"objects": ["ghost"]}, "expected a list of person"),
        ({"loitering": "soon"}, "duration"),
        ({"crowd": 1}, "whole number from 2"),
        ({"running": "fast"}, "true or false"),
        ({"objects": ["car"], "crowd": 3}, "about persons"),
    ],
)
def test_a_wrong_zone_says_what_is_allowed(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(vol.Invalid, match=said):
        zone(**wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"to": [0, 0.5]}, "same place"), ({"direction": "up"}, "left_to_right"), ({"from": 3}, "point")],
)
def test_a_wrong_line_says_what_is_allowed(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(vol.Invalid, match=said):
        line(**wrong)
