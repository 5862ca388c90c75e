"""Looks that wait: the newest counts, a camera keeps its order, and stillness never hides a movement."""

from __future__ import annotations

import numpy as np
from crime_detect_engine.domain.scene import Look
from crime_detect_engine.looks import Looks

from tests.fakes import NOON, FakePicture


def look(tick_s: float, camera: str = "cam", *, moved: bool = True) -> Look:
    return Look(camera, NOON, tick_s, np.zeros((4, 4, 3), np.uint8) if moved else None, FakePicture())


def test_the_newest_picture_wins_and_what_was_too_many_is_counted() -> None:
    looks = Looks()
    for tick_s in (1.0, 2.0, 3.0):
        looks.put(look(tick_s))
    assert [one.tick_s for one in looks.take(8)] == [3.0]
    assert looks.dropped == {"cam": 2}


def test_that_nothing_moved_since_does_not_push_out_a_movement() -> None:
    looks = Looks()
    looks.put(look(1.0))
    looks.put(look(2.0, moved=False))
    assert [one.tick_s for one in looks.take(8)] == [1.0]
    assert looks.dropped == {}


def test_a_camera_whose_look_is_worked_on_waits_and_others_do_not() -> None:
    looks = Looks()
    looks.put(look(1.0))
    assert looks.take(8)
    looks.put(look(2.0))
    looks.put(look(2.5, "gate"))
    assert [one.camera for one in looks.take(8)] == ["gate"]
    looks.done("cam")
    assert [one.tick_s for one in looks.take(8)] == [2.0]


def test_those_that_wait_longest_come_first() -> None:
    looks = Looks()
    for tick_s, camera in ((3.0, "a"), (1.0, "b"), (2.0, "c")):
        looks.put(look(tick_s, camera))
    assert [one.camera for one in looks.take(2)] == ["b", "c"]


def test_a_camera_that_is_gone_leaves_nothing() -> None:
    looks = Looks()
    looks.put(look(1.0))
    looks.forget("cam")
    assert looks.take(8) == []
