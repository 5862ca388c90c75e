"""Owns the people of the synthetic scenes: their looks, their skeleton, and the strokes that draw them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .paint import Capsule, Colour
from .view import Array, View

JOINTS = (
    "pelvis", "neck", "head", "crown", "hip_l", "hip_r", "knee_l", "knee_r", "ankle_l", "ankle_r", "toe_l", "toe_r",
    "shoulder_l", "shoulder_r", "elbow_l", "elbow_r", "wrist_l", "wrist_r", "hand_l", "hand_r",
)  # fmt: skip
_J = {name: index for index, name in enumerate(JOINTS)}

_SKINS: tuple[Colour, ...] = ((236, 194, 164), (214, 160, 122), (176, 122, 88), (126, 84, 60), (92, 62, 48))
_HAIRS: tuple[Colour, ...] = ((38, 30, 26), (62, 44, 32), (110, 76, 44), (168, 132, 84), (150, 148, 146))
_TOPS: tuple[Colour, ...] = (
    (178, 44, 48), (40, 88, 158), (226, 222, 212), (44, 48, 56), (70, 122, 84), (214, 164, 52),
    (122, 74, 134), (206, 108, 60), (86, 148, 176), (148, 152, 158), (92, 66, 52), (196, 120, 142),
)  # fmt: skip
_TROUSERS: tuple[Colour, ...] = ((46, 58, 88), (38, 40, 46), (96, 88, 74), (130, 118, 96), (62, 72, 64), (84, 90, 104))


@dataclass(frozen=True, slots=True)
class Look:
    """One person's measures and colours. `long_sleeves` decides the colour of the forearms."""

    height_m: float
    girth: float
    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    shoes: Colour
    long_sleeves: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> Look:
        def pick(colours: tuple[Colour, ...]) -> Colour:
            base = colours[int(rng.integers(len(colours)))]
            shade = rng.uniform(0.88, 1.1)
            return (base[0] * shade, base[1] * shade, base[2] * shade)

        return cls(
            height_m=float(rng.normal(1.74, 0.07)),
            girth=float(rng.uniform(0.92, 1.18)),
            skin=pick(_SKINS),
            hair=pick(_HAIRS),
            top=pick(_TOPS),
            trousers=pick(_TROUSERS),
            shoes=pick(((36, 34, 36), (220, 218, 214), (86, 60, 44))),
            long_sleeves=bool(rng.random() < 0.6),
        )


class Pose(NamedTuple):
    """Joint angles in radians. Positive swings a limb forward; `fall` tips the whole body forward, `side` leftward."""

    lean: float = 0.0
    side: float = 0.0
    twist: float = 0.0
    fall: float = 0.0
    nod: float = 0.0
    hip_l: float = 0.0
    hip_r: float = 0.0
    knee_l: float = 0.05
    knee_r: float = 0.05
    arm_l: float = 0.0
    arm_r: float = 0.0
    out_l: float = 0.12
    out_r: float = 0.12
    elbow_l: float = 0.2
    elbow_r: float = 0.2
    straddle: float = 0.04
    hop_m: float = 0.0

    def toward(self, target: Pose, share: float) -> Pose:
        return Pose(*(now + (then - now) * share for now, then in zip(self, target, strict=True)))


def skeleton(pose: Pose, look: Look, x: float, z: float, heading: float) -> Array:
    """World positions [20, 3] of `JOINTS`. The lowest joint stands on the ground, whatever the pose."""
    unit = look.height_m / 1.75
    thigh, shin, torso = 0.43 * unit, 0.43 * unit, 0.52 * unit
    points = np.zeros((len(JOINTS), 3), np.float32)  # forward, up, right of the pelvis
    spine = (math.sin(pose.lean) * math.cos(pose.side), math.cos(pose.lean) * math.cos(pose.side), -math.sin(pose.side))
    across = (-math.sin(pose.twist), 0.0, math.cos(pose.twist))
    nod = pose.lean + pose.nod
    neck = tuple(torso * part for part in spine)
    points[_J["neck"]] = neck
    face = (math.sin(nod), math.cos(nod), -math.sin(pose.side))
    points[_J["head"]] = [n + 0.19 * unit * f for n, f in zip(neck, face, strict=True)]
    points[_J["crown"]] = [n + 0.225 * unit * f for n, f in zip(neck, face, strict=True)]
    points[_J["crown"]][0] -= 0.035 * unit
    sides = (
        ("_l", -1.0, pose.hip_l, pose.knee_l, pose.arm_l, pose.out_l, pose.elbow_l),
        ("_r", 1.0, pose.hip_r, pose.knee_r, pose.arm_r, pose.out_r, pose.elbow_r),
    )
    for name, sign, hip, knee, arm, out, elbow in sides:
        _leg(points, name, sign, (hip, knee, pose.straddle), (thigh, shin, unit))
        shoulder = [n * 0.9 + 0.185 * unit * sign * a for n, a in zip(neck, across, strict=True)]
        _arm(points, name, sign, shoulder, (arm, out, elbow, pose.twist), unit)
    return _place(points, pose, x, z, heading)


def _leg(
    points: Array, name: str, sign: float, angles: tuple[float, float, float], lengths: tuple[float, float, float]
) -> None:
    (hip, knee, straddle), (thigh, shin, unit) = angles, lengths
    lower = hip - max(knee, 0.0)
    start = np.array([0.0, 0.0, 0.09 * unit * sign], np.float32)
    bend = start + np.array([math.sin(hip) * thigh, -math.cos(hip) * thigh, sign * straddle * thigh], np.float32)
    ankle = bend + np.array([math.sin(lower) * shin, -math.cos(lower) * shin, sign * straddle * shin], np.float32)
    flat = lower * 0.6
    points[_J["hip" + name]] = start
    points[_J["knee" + name]] = bend
    points[_J["ankle" + name]] = ankle
    points[_J["toe" + name]] = ankle + np.array([math.cos(flat) * 0.15, math.sin(flat) * 0.15 - 0.04, 0], np.float32)


def _arm(
    points: Array,
    name: str,
    sign: float,
    shoulder: list[float],
    angles: tuple[float, float, float, float],
    unit: float,
) -> None:
    arm, out, elbow, twist = angles
    cos_t, sin_t = math.cos(twist), math.sin(twist)

    def ray(pitch: float, spread: float) -> Array:
        forward, right = math.sin(pitch) * math.cos(spread), sign * math.sin(spread)
        up = -math.cos(pitch) * math.cos(spread)
        return np.array([forward * cos_t - right * sin_t, up, forward * sin_t + right * cos_t], np.float32)

    start = np.array(shoulder, np.float32)
    bend = start + ray(arm, out) * 0.29 * unit
    lower = ray(arm + max(elbow, 0.0), out * 0.55)
    points[_J["shoulder" + name]] = start
    points[_J["elbow" + name]] = bend
    points[_J["wrist" + name]] = bend + lower * 0.24 * unit
    points[_J["hand" + name]] = bend + lower * 0.31 * unit


def _place(points: Array, pose: Pose, x: float, z: float, heading: float) -> Array:
    cos_f, sin_f = math.cos(pose.fall), math.sin(pose.fall)
    forward = points[:, 0] * cos_f + points[:, 1] * sin_f
    up = points[:, 1] * cos_f - points[:, 0] * sin_f
    up = up - (float(up.min()) - 0.045) + pose.hop_m
    cos_h, sin_h = math.cos(heading), math.sin(heading)
    world = np.empty_like(points)
    world[:, 0] = x + forward * cos_h + points[:, 2] * sin_h
    world[:, 1] = up
    world[:, 2] = z + forward * sin_h - points[:, 2] * cos_h
    return world


# from, to, radius in metres at both ends, colour, bias that keeps cloth over skin
_PARTS = (
    ("ankle_l", "toe_l", 0.05, 0.042, "shoes", 0.0),
    ("ankle_r", "toe_r", 0.05, 0.042, "shoes", 0.0),
    ("knee_l", "ankle_l", 0.066, 0.048, "trousers", 0.0),
    ("knee_r", "ankle_r", 0.066, 0.048, "trousers", 0.0),
    ("hip_l", "knee_l", 0.092, 0.07, "trousers", 0.0),
    ("hip_r", "knee_r", 0.092, 0.07, "trousers", 0.0),
    ("neck", "head", 0.055, 0.055, "skin", 0.0),
    ("shoulder_l", "elbow_l", 0.066, 0.052, "top", 0.0),
    ("shoulder_r", "elbow_r", 0.066, 0.052, "top", 0.0),
    ("elbow_l", "wrist_l", 0.047, 0.038, "sleeve", 0.0),
    ("elbow_r", "wrist_r", 0.047, 0.038, "sleeve", 0.0),
    ("wrist_l", "hand_l", 0.038, 0.04, "skin", 0.0),
    ("wrist_r", "hand_r", 0.038, 0.04, "skin", 0.0),
    ("head", "head", 0.102, 0.096, "skin", 0.0),
    ("crown", "crown", 0.108, 0.108, "hair", 0.0),
)


def strokes(points: Array, look: Look, view: View, tint: Tint) -> list[Capsule]:
    """The strokes of one person, to be sorted by depth together with everybody else's."""
    pixels, scale = view.project(points)
    per_metre = float(scale[0])
    grow = per_metre * look.girth
    colours = {
        "skin": look.skin, "hair": look.hair, "top": look.top, "trousers": look.trousers, "shoes": look.shoes,
        "sleeve": look.top if look.long_sleeves else look.skin,
    }  # fmt: skip
    paint = {name: tint(colour, float(points[0, 2])) for name, colour in colours.items()}
    drawn = []
    for start, end, radius_a, radius_b, colour, bias in _PARTS:
        a, b = _J[start], _J[end]
        size = per_metre if start in ("head", "crown") else grow
        depth = float(points[a, 2] + points[b, 2]) / 2 + bias
        drawn.append(_stroke(pixels[a], pixels[b], radius_a * size, radius_b * size, paint[colour], depth))
    drawn.extend(_trunk(points, pixels, grow, paint))
    return drawn


def _stroke(a: Array, b: Array, radius_a: float, radius_b: float, colour: Colour, depth: float) -> Capsule:
    return Capsule(float(a[0]), float(a[1]), float(b[0]), float(b[1]), radius_a, radius_b, colour, depth)


def _trunk(points: Array, pixels: Array, grow: float, paint: dict[str, Colour]) -> list[Capsule]:
    """Chest and hips: as broad as the shoulders look from here, so a turned body is narrower."""
    left, right = pixels[_J["shoulder_l"]], pixels[_J["shoulder_r"]]
    broad = min(float(abs(left[0] - right[0])) / (0.37 * grow), 1.0)
    pelvis, neck = pixels[_J["pelvis"]], pixels[_J["neck"]]
    chest = pelvis + (neck - pelvis) * np.float32(0.72)
    waist = pelvis + (neck - pelvis) * np.float32(0.1)
    depth = float(points[_J["pelvis"], 2] + points[_J["neck"], 2]) / 2
    top_radius, waist_radius = (0.118 + 0.062 * broad) * grow, (0.106 + 0.038 * broad) * grow
    return [
        _stroke(pixels[_J["hip_l"]], pixels[_J["hip_r"]], 0.1 * grow, 0.1 * grow, paint["trousers"], depth + 0.002),
        _stroke(waist, chest, waist_radius, top_radius, paint["top"], depth),
    ]


def shadow(points: Array, view: View, slant: tuple[float, float] | None) -> list[Capsule]:
    """What the figure darkens: its projection along the light (`slant`: metres x, z a metre of height), else a blob."""
    if slant is None:
        feet = [_J[name] for name in ("ankle_l", "ankle_r", "pelvis")]
        ground = points[feet].copy()
        ground[:, 1] = 0.0
        pairs: tuple[tuple[int, int, float], ...] = ((0, 2, 0.13), (1, 2, 0.13))
    else:
        names = ("ankle_l", "knee_l", "ankle_r", "knee_r", "pelvis", "neck", "head", "elbow_l", "elbow_r")
        ground = points[[_J[name] for name in names]].copy()
        ground[:, 0] += ground[:, 1] * np.float32(slant[0])
        ground[:, 2] += ground[:, 1] * np.float32(slant[1])
        ground[:, 1] = 0.0
        pairs = (
            (0, 1, 0.06), (1, 4, 0.07), (2, 3, 0.06), (3, 4, 0.07), (4, 5, 0.14), (5, 6, 0.1), (5, 7, 0.05),
            (5, 8, 0.05),
        )  # fmt: skip
    pixels, scale = view.project(ground)
    return [
        _stroke(pixels[a], pixels[b], r * float(scale[a]), r * float(scale[b]), (0, 0, 0), 0.0) for a, b, r in pairs
    ]


@dataclass(frozen=True, slots=True)
class Tint:
    """The light on figures: their colour by day, their grey in the camera's own infrared light at night."""

    night: bool

    def __call__(self, colour: Colour, depth_m: float) -> Colour:
        if not self.night:
            return colour
        reach = min(max(1.55 - 0.08 * depth_m, 0.3), 1.15)
        # Cloth reflects infrared more evenly than it does light.
        grey = (100 + 0.5 * (0.3 * colour[0] + 0.5 * colour[1] + 0.2 * colour[2])) * reach
        return (grey, grey, grey)
