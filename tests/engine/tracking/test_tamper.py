from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import voluptuous as vol
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.sources.synthetic.scene import render
from crime_detect_engine.tracking.tamper import SCHEMA, TamperOptions, TamperState, TamperWatch

Picture = Any
Change = Callable[..., Picture]
LEARNED_S = 20.0


@pytest.fixture(scope="module")
def street() -> list[Picture]:
    """Forty seconds of a street with people, two pictures a second."""
    return [picture for picture, _ in render("street", 4, 40.0, 2.0, (416, 234))]


@pytest.fixture(scope="module")
def shop() -> list[Picture]:
    return [picture for picture, _ in render("shop", 5, 40.0, 2.0, (416, 234))]


class Camera:
    """Shows pictures to a watch, two a second from second 0 on; `finish` is what the engine or camera adds to each."""

    def __init__(self, options: TamperOptions | None = None, finish: Change | None = None) -> None:
        self.finish = finish or (lambda picture: picture)
        self.watch = TamperWatch(options)
        self.tick_s = 0.0

    def show(self, pictures: list[Picture], seconds: float, change: Change | None = None) -> TamperState:
        """`change(picture, seconds since the start of this)`."""
        state = self.watch.state
        for step in range(round(seconds * 2)):
            picture = pictures[round(self.tick_s * 2) % len(pictures)]
            shown = picture if change is None else change(picture.astype(np.float32), step / 2)
            shown = np.clip(shown + np.random.default_rng(step).normal(0, 1.5, picture.shape), 0, 255).astype(np.uint8)
            state = self.watch.observe(self.finish(shown), self.tick_s, cut=False)
            self.tick_s += 0.5
        return state


def hand(picture: Picture, t_s: float) -> Picture:
    if t_s < 0.5:
        picture[:, :150] = 90
        return picture
    shade = np.linspace(70, 120, picture.shape[1])[None, :, None]
    return np.broadcast_to(shade, picture.shape)


def paint(picture: Picture, t_s: float) -> Picture:
    drawn = np.random.default_rng(3)
    wet = np.zeros(picture.shape[:2], np.float32)
    for _ in range(round(min(1.0, t_s / 6) * 70)):
        cv2.circle(wet, (int(drawn.integers(416)), int(drawn.integers(234))), int(drawn.integers(25, 60)), 1.0, -1)
    wet = cv2.GaussianBlur(wet, (0, 0), 4)[:, :, None]
    return picture * (1 - wet) + wet * np.array([180, 30, 40])


def torch(picture: Picture, t_s: float) -> Picture:
    return picture * 0.7 + min(1.0, t_s) * 250


def blurred(picture: Picture, t_s: float) -> Picture:
    return cv2.GaussianBlur(picture, (0, 0), 0.5 + min(t_s, 3) * 1.5)


def turned(picture: Picture, t_s: float) -> Picture:
    return np.roll(picture, round(-120 * min(1.0, t_s / 1.5)), axis=1)


@pytest.mark.parametrize(
    ("kind", "deed"),
    [("covered", hand), ("sprayed", paint), ("blinded", torch), ("defocused", blurred), ("moved", turned)],
)
def test_each_kind_of_tampering_is_told_after_seconds_and_is_over_when_the_view_is_back(
    street: list[Picture], kind: str, deed: Callable[..., Picture]
) -> None:
    camera = Camera()
    assert camera.show(street, LEARNED_S).kind is None
    assert camera.show(street, 3.0, deed).kind is None
    assert camera.watch.suspicious
    state = camera.show(street, 17.0, lambda picture, t_s: deed(picture, t_s + 3.0))
    assert state.kind == kind
    assert LEARNED_S <= state.since_tick_s <= LEARNED_S + 8
    assert 0.5 < state.confidence <= 1
    assert camera.show(street, 6.0).kind is None
    assert not camera.watch.suspicious


def dark(gain: float) -> Callable[..., Picture]:
    return lambda picture, _: picture * gain


def grey(picture: Picture, t_s: float) -> Picture:
    """As by infrared light: paint that is dark by day is light now."""
    luma = picture @ np.array([1.1, 0.1, -0.2])
    return np.repeat(np.clip(luma, 0, 255)[:, :, None], 3, axis=2)


def rain(picture: Picture, t_s: float) -> Picture:
    drops = np.random.default_rng(round(t_s * 2) + 50)
    for _ in range(250):
        x, y = int(drops.integers(416)), int(drops.integers(234))
        cv2.line(picture, (x, y), (x + 3, y + 18), (210, 210, 215), 1)
    return picture


def headlights(picture: Picture, t_s: float) -> Picture:
    away = np.abs(np.arange(416) - (t_s % 6) * 100)[None, :, None]
    return picture * 0.3 + 300 * np.exp(-((away / 60) ** 2))


def shaken(picture: Picture, t_s: float) -> Picture:
    return np.roll(picture, (round(t_s * 2) % 3 - 1) * 5, axis=1)


def somebody_near(picture: Picture, t_s: float) -> Picture:
    left = round(60 + 25 * np.sin(t_s))
    cloth = np.random.default_rng(9).integers(60, 140, (30, 36, 3)).astype(np.float32)
    picture[:, left : left + 270] = cv2.resize(cloth, (270, 234))
    return picture


@pytest.mark.parametrize(
    "change",
    [dark(0.3), dark(0.12), lambda picture, _: picture * 1.6, grey, rain, headlights, shaken, somebody_near],
    ids=["lamp off", "nearly dark", "lamp on", "infrared", "rain", "headlights", "shake", "somebody near"],
)
def test_light_weather_and_people_are_no_tampering(street: list[Picture], change: Callable[..., Picture]) -> None:
    camera = Camera()
    camera.show(street, LEARNED_S)
    for _ in range(30):
        assert camera.show(street, 1.0, lambda picture, _: change(picture, camera.tick_s - LEARNED_S)).kind is None
    assert camera.show(street, 10.0).kind is None


def test_a_fall_of_night_is_no_tampering(street: list[Picture]) -> None:
    camera = Camera()
    camera.show(street, LEARNED_S)
    assert camera.show(street, 150.0, lambda picture, t_s: picture * np.exp(-t_s / 25)).kind is None


def test_a_black_picture_is_told_later_and_only_if_wanted(street: list[Picture]) -> None:
    for options, told in ((TamperOptions(dark_after_s=30.0), "covered"), (TamperOptions(dark_after_s=None), None)):
        camera = Camera(options)
        camera.show(street, LEARNED_S)
        assert camera.show(street, 20.0, dark(0.0)).kind is None
        assert camera.show(street, 15.0, dark(0.0)).kind == told


def test_somebody_for_a_moment_before_the_lens_is_no_tampering(street: list[Picture]) -> None:
    camera = Camera()
    camera.show(street, LEARNED_S)
    assert camera.show(street, 3.0, hand).kind is None
    assert camera.show(street, 20.0).kind is None


def test_a_turned_camera_is_normal_after_a_while_or_when_a_person_says_so(
    street: list[Picture], shop: list[Picture]
) -> None:
    camera = Camera(TamperOptions(accept_s=60.0))
    camera.show(street, LEARNED_S)
    assert camera.show(shop, 30.0).kind == "moved"
    assert camera.show(shop, 60.0).kind is None
    assert camera.show(street, 30.0).kind == "moved"
    camera.watch.accept()
    assert camera.watch.state.kind is None
    assert camera.show(street, 40.0).kind is None
    assert camera.show(street, 15.0, hand).kind == "covered"


def test_what_passes_while_the_view_is_learned_is_no_part_of_it() -> None:
    """A yard of hardly any texture, and a van that stands in it for the first four seconds."""
    yard = cv2.resize(np.random.default_rng(6).integers(95, 125, (5, 8, 3), np.uint8), (416, 234))
    yard[::40] = 200
    van = yard.copy()
    van[60:200, 60:360] = cv2.resize(np.random.default_rng(8).integers(0, 255, (14, 30, 3), np.uint8), (300, 140))
    camera = Camera()
    camera.show([van], 4.0)
    for _ in range(40):
        assert camera.show([yard], 1.0).kind is None
    assert camera.show([yard], 12.0, hand).kind == "covered"


def test_infrared_is_learned_apart_and_covering_is_told_by_night(street: list[Picture]) -> None:
    camera = Camera()
    camera.show(street, LEARNED_S)
    assert camera.show(street, 30.0, grey).kind is None
    assert camera.show(street, 15.0, lambda picture, t_s: grey(hand(picture, t_s), t_s)).kind == "covered"
    assert camera.show(street, 5.0, grey).kind is None
    assert camera.show(street, 10.0).kind is None


def test_masks_and_the_camera_s_own_clock_do_not_stand_for_the_view(street: list[Picture]) -> None:
    def masked(picture: Picture) -> Picture:
        picture[60:120, 40:140] = 0
        picture[0:14] = 0
        return cv2.putText(picture, "2026-11-21 20:00 YARD", (5, 11), cv2.FONT_HERSHEY_PLAIN, 0.9, (250, 250, 250))

    camera = Camera(finish=masked)
    camera.show(street, LEARNED_S)
    assert camera.show(street, 15.0, hand).kind == "covered"


def test_a_view_without_texture_is_only_watched_for_glare() -> None:
    plain = [np.full((234, 416, 3), 120, np.uint8)]
    camera = Camera()
    camera.show(plain, LEARNED_S)
    assert camera.show(plain, 20.0, lambda picture, _: picture - 60).kind is None
    assert camera.show(plain, 10.0, lambda picture, _: picture + 200).kind == "blinded"


@pytest.mark.parametrize("size", [(416, 416), (234, 416), (416, 128), (120, 96)])
def test_any_shape_of_picture_is_watched(street: list[Picture], size: tuple[int, int]) -> None:
    pictures = [cv2.resize(picture, size) for picture in street[:50]]
    camera = Camera()
    assert camera.show(pictures, LEARNED_S).kind is None
    assert camera.show(pictures, 15.0, lambda picture, _: picture * 0 + 120).kind == "covered"


def test_another_resolution_is_learned_anew(street: list[Picture]) -> None:
    camera = Camera()
    camera.show(street, LEARNED_S)
    assert camera.show([cv2.resize(street[0], (416, 312))], 30.0).kind is None


def test_a_watch_that_is_off_tells_nothing(street: list[Picture]) -> None:
    camera = Camera(TamperOptions(enabled=False))
    camera.show(street, LEARNED_S)
    assert camera.show(street, 20.0, hand).kind is None


def test_settings_are_read_and_refused_in_words() -> None:
    assert SCHEMA({}) == TamperOptions()
    given = {"enabled": False, "after": "10s", "dark_after": False, "accept_after": "1h"}
    assert SCHEMA(given) == TamperOptions(False, 10.0, None, 3600.0)
    with pytest.raises(vol.Invalid, match="from 2s to 5min"):
        SCHEMA({"after": "1h"})
    with pytest.raises(vol.Invalid, match="true or false"):
        SCHEMA({"enabled": "maybe"})


@pytest.mark.clips
@pytest.mark.parametrize("name", ["one-by-one-person-detection", "person-bicycle-car-detection"])
def test_real_footage_raises_nothing_and_a_hand_over_it_is_told(clips: Path, name: str) -> None:
    pictures, due_s = [], 0.0
    for raw in FileSource(clips / "normal_footage" / f"{name}.mp4").frames():
        if raw.stream_s >= due_s:
            pictures.append(raw.rgb(416, 234, "area"))
            due_s += 0.5
    camera = Camera()
    for _ in pictures:
        assert camera.show(pictures, 0.5).kind is None
    assert camera.show(pictures, 12.0, hand).kind == "covered"
