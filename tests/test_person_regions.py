"""Owns the test of regions that follow persons (models/persons.py): where persons are, not wherever it moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.scene import Box, Detection
from crime_detect_engine.domain.types import Region

from tests.rig.scripts import load_script

LEFT = Box(0.1, 0.4, 0.2, 0.7)


@pytest.fixture
def persons() -> Any:
    return load_script("models/persons.py")


class Finds:
    """A detector that finds the same in every picture."""

    def __init__(self, *found: Detection) -> None:
        self.found = list(found)

    def detect(self, images: Sequence[Any]) -> list[list[Detection]]:
        return [self.found for _ in images]


def follow(persons: Any, weigh: Any, *found: Detection) -> Region:
    """Where it looks after some pictures in which a little moves at the left and much at the right."""
    region = persons.PersonRegion(Finds(*found), weigh)
    random = np.random.default_rng(0)
    before = np.full((80, 80, 3), 90, np.uint8)
    for _ in range(12):
        now = np.full((80, 80, 3), 90, np.uint8)
        now[36:52, 8:16] = random.integers(60, 120, (16, 8, 3))
        now[20:60, 56:76] = random.integers(0, 255, (40, 20, 3))
        square: Region = region.follow(now, before)
        before = now
    return square


def detection(label: str, confidence: float) -> Detection:
    return Detection(label, confidence, LEFT)


@pytest.mark.parametrize("weigh", ["standing", "moving", "meeting"])
def test_it_looks_where_a_person_is(persons: Any, weigh: str) -> None:
    square = follow(persons, getattr(persons, weigh), detection("person", 0.5))
    assert square.left + square.side < 0.6


@pytest.mark.parametrize("found", [(), (detection("car", 0.9),), (detection("person", 0.2),)])
def test_without_a_person_it_looks_where_it_moves(persons: Any, found: tuple[Detection, ...]) -> None:
    square = follow(persons, persons.moving, *found)
    assert square.left + square.side / 2 > 0.6


def test_places_of_several_persons_count_more_and_boxes_stay_in_the_picture(persons: Any) -> None:
    covered = persons.persons_map([LEFT, Box(0.15, 0.4, 0.3, 0.7), Box(0.9, 0.9, 1.0, 1.0)], 10)
    assert covered.max() == 2
    assert covered[5, 1] == 2
    assert covered[9, 9] == 1
    assert covered[0, 5] == 0
