"""Owns one synthetic scene: the place, the people in it, the light, the noise and the words burned in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from crime_detect_engine.domain.types import NORMAL

from . import caption
from .canvas import Canvas
from .figures import Tint, shadow, skeleton, strokes
from .paint import Picture, darken, draw
from .places import PLACES
from .script import TICK_S, Pace, Script
from .view import View

FIGHTING = "fighting"
_NOISES = 12


def _view(place: str, size: tuple[int, int], rng: np.random.Generator) -> View:
    stage = PLACES[place]
    height_m, horizon = stage.camera_height_m + rng.uniform(-0.15, 0.3), stage.horizon + rng.uniform(-0.02, 0.02)
    return View.of_size(*size, float(height_m), float(horizon))


def _script(place: str, seed: int, view: View, pace: Pace | None) -> Script:
    return Script(view, PLACES[place].depth_m, np.random.default_rng((seed, 2)), pace or Pace())


def fights(
    place: str, seed: int, seconds: float, size: tuple[int, int] = (640, 360), pace: Pace | None = None
) -> list[tuple[float, float]]:
    """Start and end in seconds of every fight in the story of a `Scene`, without drawing it."""
    script = _script(place, seed, _view(place, size, np.random.default_rng((seed, 1))), pace)
    found: list[tuple[float, float]] = []
    for tick in range(1, round(seconds / TICK_S) + 1):
        script.advance(tick * TICK_S)
        if script.fighting and (not found or found[-1][1] < (tick - 1) * TICK_S - 1e-6):
            found.append((tick * TICK_S, tick * TICK_S))
        elif script.fighting:
            found[-1] = (found[-1][0], tick * TICK_S)
    return found


class Scene:
    """A place with people. The same place, seed, size and times give the same pictures."""

    def __init__(
        self,
        place: str,
        seed: int,
        size: tuple[int, int] = (640, 360),
        *,
        night: bool = False,
        pace: Pace | None = None,
    ) -> None:
        """`size` is width, height; `place` one of PLACES, else KeyError."""
        stage = PLACES[place]
        looks = np.random.default_rng((seed, 1))
        self._view = _view(place, size, looks)
        self._night = night
        self._sunny = stage.outdoors and not night
        self._slant = (float(looks.uniform(0.35, 0.8) * looks.choice((-1, 1))), float(looks.uniform(0.1, 0.4)))
        self._tint = Tint(night)
        canvas = Canvas(self._view, looks)
        stage.paint(canvas)
        self._backgrounds = self._with_noise(self._lit(canvas.finish()), looks)
        self._grain = np.random.default_rng((seed, 3))
        self._script = _script(place, seed, self._view, pace)

    def _lit(self, background: Picture) -> Picture:
        """At night: grey, bright where the camera's own infrared light falls, dark in the distance."""
        if not self._night:
            return background
        height, width = background.shape[:2]
        grey = background.astype(np.float32) @ np.array((0.3, 0.5, 0.2), np.float32)
        ys = (np.arange(height, dtype=np.float32)[:, None] / height - 0.72) / 0.62
        xs = (np.arange(width, dtype=np.float32)[None, :] / width - 0.5) / 0.62
        beam = np.clip(1.1 - 0.8 * xs**2 - 0.9 * ys**2, 0.16, 1)
        dark = np.clip(grey * beam * np.float32(0.88), 0, 255).astype(np.uint8)
        return np.repeat(dark[:, :, None], 3, axis=2)

    def _with_noise(self, background: Picture, rng: np.random.Generator) -> list[Picture]:
        """The same background with different grain: a camera's noise without paying for it at each frame."""
        strength = 3.0 if self._night else 1.4
        noisy = []
        for _ in range(_NOISES):
            grain = rng.normal(0, strength, background.shape[:2]).astype(np.float32)[:, :, None]
            noisy.append(np.clip(background + grain, 0, 255).astype(np.uint8))
        return noisy

    @property
    def label(self) -> str:
        """What happens in the picture last asked for."""
        return FIGHTING if self._script.fighting else NORMAL

    def picture(self, story_s: float, at: datetime) -> Picture:
        """RGB uint8 HxWx3 of the story at `story_s` seconds (which never go back), with the time `at` burned in."""
        self._script.advance(story_s)
        image = self._backgrounds[int(self._grain.integers(_NOISES))].copy()
        people = [
            (actor.look, skeleton(actor.pose, actor.look, actor.x, actor.z, actor.heading))
            for actor in self._script.actors
        ]
        for _, points in people:
            softness = self._view.focal_px / max(float(points[0, 2]), 1.0) * (0.05 if self._sunny else 0.16)
            slant = self._slant if self._sunny else None
            darken(image, shadow(points, self._view, slant), 0.42 if self._sunny else 0.3, softness)
        drawn = [stroke for look, points in people for stroke in strokes(points, look, self._view, self._tint)]
        for stroke in sorted(drawn, key=lambda stroke: -stroke.depth_m):
            draw(image, stroke)
        self._write(image, at)
        return image

    def _write(self, image: Picture, at: datetime) -> None:
        height, width = image.shape[:2]
        scale = max(height // 180, 1)
        margin = 4 * scale
        caption.burn(image, caption.TEXT, margin, margin, scale)
        clock = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        caption.burn(image, clock, width - caption.width_px(clock, scale) - margin, margin, scale)


def render(
    place: str,
    seed: int,
    seconds: float,
    fps: float = 15.0,
    size: tuple[int, int] = (640, 360),
    *,
    night: bool = False,
    pace: Pace | None = None,
) -> Iterator[tuple[Picture, str]]:
    """Pictures RGB uint8 HxWx3 with their true labels, as fast as they can be drawn: for training and tests."""
    scene = Scene(place, seed, size, night=night, pace=pace)
    start = datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(seconds=seed % 86400)
    for index in range(round(seconds * fps)):
        story_s = index / fps
        image = scene.picture(story_s, start + timedelta(seconds=story_s))
        yield image, scene.label
