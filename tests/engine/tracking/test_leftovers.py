from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from crime_detect_engine.domain.scene import Box
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.sources.synthetic.scene import Scene
from crime_detect_engine.tracking.leftovers import LeftoverOptions, StaticObject, StaticObjects

Picture = Any
WIDTH, HEIGHT = 416, 234
BAG = Box(200 / WIDTH, 180 / HEIGHT, 236 / WIDTH, 210 / HEIGHT)
GRAIN = np.random.default_rng(1).normal(0, 1.5, (7, HEIGHT, WIDTH, 3)).astype(np.float32)
PERSON = Box(0.44, 0.3, 0.6, 0.95)


@pytest.fixture(scope="module", params=["shop", "yard"])
def place(request: pytest.FixtureRequest) -> Picture:
    """An empty place."""
    return Scene(request.param, 3, (WIDTH, HEIGHT))._backgrounds[0]


def with_bag(picture: Picture) -> Picture:
    picture = picture.copy()
    shade = np.linspace(1.2, 0.7, 30)[:, None, None]
    picture[180:210, 200:236] = np.clip(np.array([150, 40, 50]) * shade, 0, 255)
    picture[186:189, 200:236] = 30
    return cv2.GaussianBlur(picture, (0, 0), 0.6)


def with_person(picture: Picture, step: int) -> Picture:
    picture = picture.copy()
    left = 190 + round(6 * np.sin(step))
    picture[75:220, left : left + 55] = cv2.resize(
        np.random.default_rng(3).integers(0, 120, (8, 4, 3), np.uint8), (55, 145)
    )
    return picture


class Camera:
    def __init__(self, options: LeftoverOptions | None = None) -> None:
        self.things = StaticObjects(options)
        self.tick_s = 0.0

    def show(
        self, draw: Callable[[int], Picture], seconds: float, *covered: Box, cut: bool = False
    ) -> tuple[StaticObject, ...]:
        """Two pictures a second; `draw(step)`."""
        found: tuple[StaticObject, ...] = ()
        for step in range(round(seconds * 2)):
            shown = np.clip(draw(step) + GRAIN[step % len(GRAIN)], 0, 255).astype(np.uint8)
            found = self.things.observe(shown, self.tick_s, cut=cut and step == 0, covered=covered)
            self.tick_s += 0.5
        return found


def test_a_bag_that_stays_is_left_and_is_no_more_when_it_is_fetched(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda _: place, 15.0)
    assert camera.show(lambda step: with_person(with_bag(place), step), 20.0, PERSON) == ()
    gone_s = camera.tick_s
    assert camera.show(lambda _: with_bag(place), 8.0) == ()
    (bag,) = camera.show(lambda _: with_bag(place), 6.0)
    assert bag.kind == "left"
    assert bag.box.iou(BAG) > 0.5
    assert bag.since_tick_s == pytest.approx(gone_s, abs=1.5)
    assert bag.confidence > 0.6
    assert camera.show(lambda _: place, 5.0) == ()


def test_what_was_there_and_is_gone_is_taken(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda _: with_bag(place), 15.0)
    camera.show(lambda step: with_person(with_bag(place), step), 3.0, PERSON)
    (bag,) = camera.show(lambda _: place, 15.0)
    assert bag.kind == "taken"
    assert bag.box.iou(BAG) > 0.5


def test_who_passes_before_a_bag_neither_ends_it_nor_makes_it_younger(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda _: place, 15.0)
    (before,) = camera.show(lambda _: with_bag(place), 15.0)
    camera.show(lambda step: with_person(with_bag(place), step), 6.0, PERSON)
    (after,) = camera.show(lambda _: with_bag(place), 2.0)
    assert after.kind == "left"
    assert after.since_tick_s == before.since_tick_s


def test_somebody_who_stands_for_long_is_no_thing_and_leaves_none_behind(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda _: place, 15.0)
    assert camera.show(lambda _: with_person(place, 0), 60.0, PERSON) == ()
    assert camera.show(lambda _: place, 20.0) == ()


def test_somebody_who_was_there_from_the_start_leaves_no_gap(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda step: with_person(place, step), 1.0)
    camera.show(lambda step: with_person(place, step), 20.0, PERSON)
    assert camera.show(lambda _: place, 25.0) == ()


def test_what_drives_off_in_the_first_seconds_was_no_part_of_the_place(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda _: with_bag(place), 4.0)
    assert camera.show(lambda _: place, 30.0) == ()


@pytest.mark.parametrize(
    "light",
    [
        lambda picture, _: picture * 0.5,
        lambda picture, _: np.clip(picture * 1.4, 0, 255),
        lambda picture, step: picture * (0.8 + 0.2 * np.sin(step / 3)),
    ],
    ids=["lamp off", "lamp on", "clouds"],
)
def test_light_leaves_nothing(place: Picture, light: Callable[[Picture, int], Picture]) -> None:
    camera = Camera()
    camera.show(lambda _: place, 15.0)
    for start in range(0, 60, 2):
        assert camera.show(lambda step: light(place, start + step), 1.0) == ()  # noqa: B023 - called at once


def test_a_shadow_that_stays_is_no_thing(place: Picture) -> None:
    def shaded(_: int) -> Picture:
        soft = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.ellipse(soft, (218, 195), (40, 14), 10, 0, 360, 1.0, -1)
        return place * (1 - 0.4 * cv2.GaussianBlur(soft, (0, 0), 3)[:, :, None])

    camera = Camera()
    camera.show(lambda _: place, 15.0)
    assert camera.show(shaded, 30.0) == ()


def test_rain_and_small_things_are_left_out(place: Picture) -> None:
    def rain(step: int) -> Picture:
        picture = place.copy()
        drops = np.random.default_rng(step + 900)
        for _ in range(150):
            x, y = int(drops.integers(WIDTH)), int(drops.integers(HEIGHT))
            cv2.line(picture, (x, y), (x + 2, y + 14), (215, 215, 220), 1)
        picture[200:204, 50:55] = 255
        return picture

    camera = Camera()
    camera.show(lambda _: place, 15.0)
    for _ in range(30):
        assert camera.show(rain, 1.0) == ()


def test_a_cut_begins_anew(place: Picture) -> None:
    camera = Camera()
    camera.show(lambda _: place, 15.0)
    assert camera.show(lambda _: with_bag(place), 15.0)
    assert camera.show(lambda _: with_bag(place), 30.0, cut=True) == ()


def test_what_stays_long_enough_belongs_to_the_place_and_can_be_taken(place: Picture) -> None:
    camera = Camera(LeftoverOptions(absorb_s=30.0))
    camera.show(lambda _: place, 15.0)
    assert camera.show(lambda _: with_bag(place), 20.0)[0].kind == "left"
    assert camera.show(lambda _: with_bag(place), 30.0) == ()
    assert camera.show(lambda _: place, 15.0)[0].kind == "taken"


@pytest.mark.clips
def test_an_empty_real_room_with_a_bag(clips: Path) -> None:
    """The first seconds before anybody comes, and the last of the clip."""
    rooms = []
    for raw in FileSource(clips / "normal_footage" / "one-by-one-person-detection.mp4").frames():
        rooms.append(raw.rgb(WIDTH, HEIGHT, "area"))
        if len(rooms) == 8:
            break
    camera = Camera()
    assert camera.show(lambda step: rooms[step % 8], 20.0) == ()
    (bag,) = camera.show(lambda step: with_bag(rooms[step % 8]), 15.0)
    assert bag.kind == "left"
    assert bag.box.iou(BAG) > 0.4
