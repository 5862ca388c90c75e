"""Zones on real footage against what somebody saw: each person found, followed as one, told when and only when true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.config import CameraConfig
from crime_detect_engine.config.settings import LineConfig, ZoneConfig
from crime_detect_engine.domain.scene import PERSON
from crime_detect_engine.domain.types import Rules
from crime_detect_engine.observing import Observed, observe_file
from crime_detect_engine.tracking.places import CrossingLine, Zone
from crime_detect_engine.tracking.tamper import TamperOptions
from crime_detect_engine.vision.checkpoint import find_checkpoint
from crime_detect_engine.vision.detectors import DEFAULT_NAME, load_detector

TRUTH = json.loads((Path(__file__).parent.parent / "fixtures" / "truth" / "visits.json").read_text())["clips"]
BLUR_S = 1.6
"""Truth is half a second off, a person needs two looks to be believed, looks are half a second apart."""
Observe = Callable[[dict[str, Any]], Observed]


@pytest.fixture(scope="module")
def observe(clips: Path) -> Observe:
    pytest.importorskip("openvino")
    detector = load_detector(DEFAULT_NAME, "cpu", (clips / "detectors",))
    spec = find_checkpoint("fight-mobilenet_v2-lstm", ()).spec
    seen: dict[str, Observed] = {}

    def run(truth: dict[str, Any]) -> Observed:
        path = truth["path"]
        if path not in seen:
            polygon = tuple((x, y) for x, y in truth["zone"])
            wait = {"intrusion_s": truth["intrusion_s"], "loitering_s": truth["loitering_s"]}
            zone = Zone("zone", polygon, running=True, crowd=2, **wait)
            lines = ()
            if "line" in truth:
                ends = (tuple(truth["line"][key]) for key in ("from", "to"))
                lines = (LineConfig(CrossingLine("line", *ends)),)
            camera = CameraConfig(
                "cam", path, "Cam", rules=Rules(cooldown_s=0.0), zones=(ZoneConfig(zone),), lines=lines,
                tamper=TamperOptions(enabled=False),
            )  # fmt: skip
            seen[path] = observe_file(clips / path, camera, detector, spec)
        return seen[path]

    return run


PEOPLE, CARS, BOTTLES = TRUTH


def told(observed: Observed, label: str) -> list[tuple[float, float]]:
    return [(one.began_s, one.ended_s) for one in observed.told if one.label == label]


def test_each_person_is_followed_with_one_id_from_in_to_out(observe: Observe) -> None:
    scenes = observe(PEOPLE).scenes
    first_tick_s = scenes[0].tick_s
    for visit in PEOPLE["visits"]:
        inside = [
            {one.id for one in scene.of(PERSON)}
            for scene in scenes
            if visit["enters_s"] + BLUR_S < scene.tick_s - first_tick_s < visit["leaves_s"] - 0.5
        ]
        assert all(len(ids) == 1 for ids in inside), visit["who"]
        assert len(set.union(*inside)) == 1, visit["who"]
    people = {one.id for scene in scenes for one in scene.of(PERSON)}
    assert len(people) == len(PEOPLE["visits"])


def test_each_visit_is_an_intrusion_and_nothing_else_is(observe: Observe) -> None:
    found = told(observe(PEOPLE), "trespassing")
    assert len(found) == len(PEOPLE["visits"])
    for (began_s, ended_s), visit in zip(found, PEOPLE["visits"], strict=True):
        assert -0.5 <= began_s - visit["enters_s"] - PEOPLE["intrusion_s"] <= BLUR_S, visit["who"]
        assert 0 <= ended_s - visit["leaves_s"] <= 5.0, visit["who"]


def test_only_who_stays_long_loiters(observe: Observe) -> None:
    found = [began_s for began_s, _ in told(observe(PEOPLE), "loitering")]
    who = [visit for visit in PEOPLE["visits"] if visit["loiters"]]
    assert len(found) == len(who)
    for began_s, visit in zip(found, who, strict=True):
        assert -0.5 <= began_s - visit["enters_s"] - PEOPLE["loitering_s"] <= BLUR_S, visit["who"]


def test_each_person_crosses_the_line_once_on_the_way_out(observe: Observe) -> None:
    found = [began_s for began_s, _ in told(observe(PEOPLE), "line_crossing")]
    assert len(found) == len(PEOPLE["visits"])
    for began_s, visit in zip(found, PEOPLE["visits"], strict=True):
        assert abs(began_s - visit["crosses_s"]) <= 1.0, visit["who"]


def test_cars_raise_nothing(observe: Observe) -> None:
    assert observe(CARS).told == []


def test_bottles_raise_nothing_unless_a_hand_reaches_in(observe: Observe) -> None:
    """An arm is a person: what comes of it is no false alarm, and no part of this test."""
    alone = [
        one
        for one in observe(BOTTLES).told
        if not any(begins_s <= one.began_s <= ends_s + BLUR_S for begins_s, ends_s in BOTTLES["hands"])
    ]
    assert alone == []


def test_nobody_runs_and_there_is_no_crowd(observe: Observe) -> None:
    assert not [one for one in observe(PEOPLE).told if one.label in ("running", "crowd")]
