"""Owns drawn hard negatives: what looks like a fight to a model of movement and is none; drawn, not filmed.

`python models/datasets/hard_negatives.py OUT` writes OUT/<kind>/*.mp4 and OUT/procedural.json, which says that they
are drawn. The same numbers give the same clips. `crime-detect evaluate … --stress --hard-negatives OUT` plays them.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from crime_detect_engine.sources.synthetic import motion
from crime_detect_engine.sources.synthetic.canvas import Canvas
from crime_detect_engine.sources.synthetic.figures import Look, Pose, Tint, shadow, skeleton, strokes
from crime_detect_engine.sources.synthetic.paint import Capsule, darken, draw
from crime_detect_engine.sources.synthetic.places import PLACES
from crime_detect_engine.sources.synthetic.view import View
from demo import FPS, SIZE, write

SECONDS = 20.0
VARIANTS = 3
Picture = np.ndarray
Body = tuple[Look, Pose, float, float, float]
"""Look, pose, x and z in metres, heading."""


class Stage:
    """A place without people, its camera's grain, and the people that a kind puts into it."""

    def __init__(self, place: str, seed: int, *, night: bool = False, size: tuple[int, int] = SIZE) -> None:
        self.random = np.random.default_rng((seed, 7))
        self.night = night
        stage = PLACES[place]
        self.view = View.of_size(*size, stage.camera_height_m, stage.horizon)
        canvas = Canvas(self.view, np.random.default_rng((seed, 1)))
        stage.paint(canvas)
        self.day = canvas.finish()
        self.background = infrared(self.day) if night else self.day
        self.depth_m = sum(stage.depth_m) / 2

    def picture(self, people: Sequence[Body] = (), background: Picture | None = None) -> Picture:
        image = (self.background if background is None else background).copy()
        drawn: list[Capsule] = []
        for look, pose, x, z, heading in people:
            points = skeleton(pose, look, x, z, heading)
            darken(image, shadow(points, self.view, None), 0.3, self.view.focal_px / z * 0.16)
            drawn += strokes(points, look, self.view, Tint(self.night))
        for stroke in sorted(drawn, key=lambda stroke: -stroke.depth_m):
            draw(image, stroke)
        return image

    def grain(self, image: Picture, levels: float = 1.5) -> Picture:
        noise = self.random.standard_normal(image.shape[:2], np.float32)[:, :, None] * np.float32(levels)
        return np.clip(image + noise, 0, 255).astype(np.uint8)

    def looks(self, count: int, height_m: float | None = None) -> list[Look]:
        found = [Look.random(self.random) for _ in range(count)]
        return [replace(look, height_m=height_m) if height_m else look for look in found]

    def walker(self) -> Callable[[float], Body]:
        """Somebody who walks to and fro."""
        (look,), reach = self.looks(1), self.view.half_width_m(self.depth_m) * 0.7

        def body(t: float) -> Body:
            way = (t * 1.3 / reach) % 4
            x = reach * (1 - abs(way - 2))
            return look, motion.gait(t * 6.2, 1.3), x, self.depth_m, 0.0 if way < 2 else math.pi

        return body


Draw = Callable[[float], Picture]


def infrared(image: Picture) -> Picture:
    """By the camera's own light: grey, bright in the middle."""
    height, width = image.shape[:2]
    grey = image.astype(np.float32) @ np.array((0.3, 0.5, 0.2), np.float32)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    beam = np.clip(1.05 - 0.8 * ((xs / width - 0.5) / 0.6) ** 2 - 0.8 * ((ys / height - 0.7) / 0.65) ** 2, 0.15, 1)
    return np.repeat(np.clip(grey * beam * 0.9, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def rain(stage: Stage) -> Draw:
    height, width = stage.day.shape[:2]
    count = 260
    drops = stage.random.random((count, 3)).astype(np.float32)
    walker = stage.walker()

    def at(t: float) -> Picture:
        image = stage.picture([walker(t)])
        for x, y, near in drops:
            top = ((y + t * (1.6 + 1.5 * near)) % 1.2 - 0.1) * height
            left = ((x + 0.05 * t) % 1.0) * width
            length = 6 + 22 * near
            draw(image, Capsule(left, top, left - 0.12 * length, top + length, 0.5, 0.5, (205, 210, 216), 0.0))
        return image

    return at


def headlights(stage: Stage) -> Draw:
    height, width = stage.day.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)

    def at(t: float) -> Picture:
        way = (t % 5.0) / 3.5 - 0.15
        light = np.zeros((height, width), np.float32)
        for offset in (-0.06, 0.06):
            x, y = (way + offset) * width, (0.62 + 0.1 * way) * height
            light += np.exp(-(((xs - x) / (0.09 * width)) ** 2) - ((ys - y) / (0.2 * height)) ** 2)
        return np.clip(stage.background * (1 + 2.5 * light[:, :, None]) + 90 * light[:, :, None], 0, 255).astype(
            np.uint8
        )

    return at


def infrared_switch(stage: Stage) -> Draw:
    """Day, night and day again every few seconds, as at dusk; each switch is a cut, no incident."""
    walker, dark = stage.walker(), infrared(stage.day)

    def at(t: float) -> Picture:
        image = stage.picture([walker(t)])
        if int(t / 6) % 2 == 0:
            return image
        seen = stage.picture([walker(t)], dark)
        return np.repeat((seen @ np.array((0.3, 0.5, 0.2))).astype(np.uint8)[:, :, None], 3, axis=2)

    return at


def pet(stage: Stage) -> Draw:
    """A dog that tears about, and somebody who crouches and strokes it when it comes."""
    (owner,) = stage.looks(1)
    z, reach = stage.depth_m, stage.view.half_width_m(stage.depth_m) * 0.8

    def at(t: float) -> Picture:
        image = stage.picture([(owner, motion.crouch(t), 0.4, z, 0.0)])
        x = reach * math.sin(1.9 * t)
        ahead = math.copysign(1.0, math.cos(1.9 * t))
        bound = 0.12 * abs(math.sin(9 * t))
        joints = [(0.0, 0.32), (0.45, 0.36), (0.58, 0.46), (-0.12, 0.5 + 0.06 * math.sin(20 * t))]
        feet = [(0.05 + 0.16 * math.sin(18 * t + k), 0.02) for k in (0, 1.2)]
        feet += [(0.42 + 0.16 * math.sin(18 * t + k), 0.02) for k in (2.4, 3.6)]
        world = np.array([[x + ahead * a, b + bound, z - 0.4] for a, b in (*joints, *feet)], np.float32)
        pixels, scale = stage.view.project(world)
        metre = float(scale[0])
        for a, b, radius in (
            (0, 1, 0.12),
            (1, 2, 0.09),
            (0, 3, 0.03),
            (0, 4, 0.035),
            (0, 5, 0.035),
            (1, 6, 0.035),
            (1, 7, 0.035),
        ):
            (ax, ay), (bx, by) = pixels[a], pixels[b]
            draw(image, Capsule(ax, ay, bx, by, radius * metre, radius * metre, (96, 66, 40), z))
        return image

    return at


def hugging(stage: Stage) -> Draw:
    """Two who run up to each other, hug and sway, and part."""
    first, second = stage.looks(2)
    z = stage.depth_m

    def at(t: float) -> Picture:
        way = t % 8.0
        gap = 0.22 + max(0.0, 2.0 - way, way - 6.0) * 1.1
        near = gap < 0.3
        poses = [motion.hug(t + k) if near else motion.gait(7 * t + k, 2.4) for k in (0, 1.3)]
        turn = 0.25 * math.sin(1.8 * t) if near else 0.0
        return stage.picture(
            [(first, poses[0], -gap + turn * 0.1, z, turn), (second, poses[1], gap + turn * 0.1, z, math.pi + turn)]
        )

    return at


def dancing(stage: Stage) -> Draw:
    """Four in two pairs: quick turns, arms up, hips swinging, in time with a beat."""
    people = stage.looks(4)

    def at(t: float) -> Picture:
        beat = math.tau * 1.9 * t
        bodies: list[Body] = []
        for k, look in enumerate(people):
            swing = math.sin(beat + k)
            pose = Pose(
                lean=0.1 * swing, side=0.2 * swing, twist=0.5 * math.sin(beat / 2 + k), hip_l=0.3 * swing,
                hip_r=-0.3 * swing, knee_l=0.4 + 0.3 * swing, knee_r=0.4 - 0.3 * swing, arm_l=1.6 + 1.0 * swing,
                arm_r=1.6 - 1.0 * swing, out_l=0.5, out_r=0.5, elbow_l=0.9, elbow_r=0.9, hop_m=0.06 * abs(swing),
            )  # fmt: skip
            angle = 1.4 * t + math.pi * (k % 2)
            middle = -1.1 if k < 2 else 1.1
            x, z = middle + 0.5 * math.cos(angle), stage.depth_m + 0.4 * math.sin(angle)
            bodies.append((look, pose, x, z, angle + math.pi))
        return stage.picture(bodies)

    return at


def children(stage: Stage) -> Draw:
    """Five who chase each other in circles."""
    people = [replace(look, girth=0.8) for look in stage.looks(5, 1.15)]

    def at(t: float) -> Picture:
        bodies: list[Body] = []
        for k, look in enumerate(people):
            angle = (2.1 + 0.2 * k) * t + 1.26 * k
            x, z = 1.5 * math.cos(angle), stage.depth_m + 1.0 * math.sin(angle)
            bodies.append((look, motion.gait(11 * t + k, 3.2), x, z, angle + math.pi / 2))
        return stage.picture(bodies)

    return at


def sport(stage: Stage) -> Draw:
    """Two who do star jumps and two who run and throw a ball."""
    people = stage.looks(4)
    z = stage.depth_m

    def at(t: float) -> Picture:
        x = 1.8 * math.sin(1.1 * t)
        bodies: list[Body] = [
            (people[0], motion.exercise(t), -2.2, z + 0.8, -1.57),
            (people[1], motion.exercise(t + 0.4), 2.2, z + 0.8, -1.57),
            (people[2], motion.gait(9 * t, 3.0), x, z, 0.0 if math.cos(1.1 * t) > 0 else math.pi),
            (people[3], motion.wave(t)._replace(arm_l=2.4 * abs(math.sin(2 * t))), -x, z - 0.8, 0.0),
        ]
        image = stage.picture(bodies)
        ball = np.array([[x * math.cos(2.2 * t), 1.2 + 0.9 * abs(math.sin(2.2 * t)), z - 0.4]], np.float32)
        pixels, scale = stage.view.project(ball)
        bx, by = pixels[0]
        draw(image, Capsule(bx, by, bx, by, 0.13 * float(scale[0]), 0.13 * float(scale[0]), (210, 120, 40), z))
        return image

    return at


def tree_in_wind(stage: Stage) -> Draw:
    """Gusts that bend everything above the ground; nobody is there."""
    height, width = stage.day.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width]
    free = np.clip(1 - ys / (0.55 * height), 0, 1)

    def at(t: float) -> Picture:
        gust = (0.6 + 0.4 * math.sin(0.7 * t)) * np.sin(4.5 * t + xs / 45 + ys / 60)
        shift = np.rint(free * gust * 9).astype(int)
        return stage.background[ys, np.clip(xs + shift, 0, width - 1)]

    return at


def camera_shake(stage: Stage) -> Draw:
    """A mast in the wind: the whole picture moves by some pixels while somebody walks by."""
    walker = stage.walker()

    def at(t: float) -> Picture:
        image = stage.picture([walker(t)])
        dx = round(4 * math.sin(13 * t) + 2 * math.sin(31 * t))
        dy = round(3 * math.sin(17 * t + 1))
        return np.roll(image, (dy, dx), (0, 1))

    return at


KINDS: Mapping[str, tuple[Callable[[Stage], Draw], bool]] = {
    "rain": (rain, False), "headlights": (headlights, True), "infrared_switch": (infrared_switch, False),
    "pet": (pet, False), "hugging": (hugging, False), "dancing": (dancing, False), "children": (children, False),
    "sport": (sport, False), "tree_in_wind": (tree_in_wind, False), "camera_shake": (camera_shake, False),
}  # fmt: skip
"""How a kind is drawn, and whether it is night."""


def pictures(
    kind: str, seed: int, seconds: float = SECONDS, fps: float = FPS, size: tuple[int, int] = SIZE
) -> Iterator[Picture]:
    """RGB uint8 HxWx3; the same numbers give the same pictures."""
    paint, night = KINDS[kind]
    places = ("yard", "street") if kind in ("rain", "headlights", "tree_in_wind") else tuple(sorted(PLACES))
    stage = Stage(places[seed % len(places)], seed, night=night, size=size)
    drawn = paint(stage)
    for index in range(round(seconds * fps)):
        yield stage.grain(drawn(index / fps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--variants", type=int, default=VARIANTS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    for kind in KINDS:
        folder: Path = options.out / kind
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(options.variants):
            write(folder / f"{kind}_{seed}.mp4", list(pictures(kind, seed, options.seconds)))
    about = {"kinds": list(KINDS), "how": "drawn by models/datasets/hard_negatives.py, not filmed"}
    (options.out / "procedural.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
