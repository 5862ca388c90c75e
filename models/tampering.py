"""Owns what is done to a camera's view in the measurement of tampering: drawn into real pictures, same seed, same
picture. Each effect is called with seconds since its start; negative seconds never reach it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Random = np.random.Generator
Effect = Callable[[Picture, float], Picture]
LONG = 416


_GRAIN = np.random.default_rng(1).standard_normal((1 << 21,), np.float32)


def clipped(values: Any) -> Picture:
    found: Picture = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return found


def grain(picture: Any, random: Random, levels: float) -> Picture:
    size = int(np.prod(picture.shape))
    start = int(random.integers(len(_GRAIN) - size))
    return clipped(picture + _GRAIN[start : start + size].reshape(picture.shape) * np.float32(levels))


def field(random: Random, shape: tuple[int, ...], cells: int) -> Floats:
    """Smooth noise 0..1."""
    coarse = random.random((cells, cells, 1 if len(shape) == 2 else shape[2])).astype(np.float32)
    found = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return found.reshape(shape)


def _ramp(t_s: float, length_s: float) -> float:
    return min(1.0, max(0.0, t_s / length_s))


# --- tampering ----------------------------------------------------------------------------------------------------


def cover(random: Random, shape: tuple[int, ...], low: float, high: float, leak: float) -> Effect:
    """A hand, bag or cloth, out of focus for being so near, that comes from one side in under a second and trembles."""
    colour = random.uniform(low, high) * random.uniform(0.8, 1.2, 3).astype(np.float32)
    cloth = colour * (0.8 + 0.4 * field(random, shape, 4))
    rows, columns = shape[:2]
    leaking = (np.linspace(0, 1, columns, dtype=np.float32) ** 6)[None, :, None] * np.float32(leak)
    side, quick_s = random.integers(4), random.uniform(0.4, 1.0)
    slope = random.uniform(-0.3, 0.3)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    along = (x / columns, 1 - x / columns, y / rows, 1 - y / rows)[side] + slope * (
        y / rows if side < 2 else x / columns
    )

    def apply(picture: Picture, t_s: float) -> Picture:
        edge = -0.4 + 1.9 * _ramp(t_s, quick_s)
        alpha = np.clip((edge - along) / 0.08, 0, 1)[:, :, None]
        trembling = 1 + 0.03 * math.sin(t_s * 7)
        return grain(picture * (1 - alpha) + alpha * (cloth * trembling + leaking), random, 1.5)

    return apply


def spray(random: Random, shape: tuple[int, ...], coverage: float, length_s: float) -> Effect:
    """Blobs of paint with soft, speckled rims that add up over seconds."""
    rows, columns = shape[:2]
    paint = random.uniform(20, 235, 3).astype(np.float32)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    wet = np.zeros((rows, columns), np.float32)
    layers = []
    while (wet > 0.7).mean() < coverage and len(layers) < 300:
        at_x, at_y, size = random.uniform(0, columns), random.uniform(0, rows), random.uniform(0.08, 0.2) * columns
        blob = np.clip(1.6 - np.hypot(x - at_x, y - at_y) / size, 0, 1)
        speckled = blob * np.clip(
            0.8 + 0.4 * random.standard_normal((rows, columns)).astype(np.float32) * (blob < 0.8), 0, 1
        )
        wet = np.maximum(wet, wet + (1 - wet) * 0.75 * cv2.GaussianBlur(speckled, (0, 0), 1.5))
        layers.append(wet)
    shade = paint * (0.9 + 0.2 * field(random, shape, 5))

    def apply(picture: Picture, t_s: float) -> Picture:
        alpha = layers[min(len(layers) - 1, int(_ramp(t_s, length_s) * (len(layers) - 1)))][:, :, None]
        return grain(picture * (1 - alpha) + alpha * shade, random, 1.5)

    return apply


def glare(random: Random, shape: tuple[int, ...], tint: Sequence[float], power: float) -> Effect:
    """A torch or laser held at the lens: a spot with a veil that saturates most of the picture, flickering."""
    rows, columns = shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    distance = np.hypot(x - random.uniform(0.3, 0.7) * columns, y - random.uniform(0.3, 0.7) * rows) / columns
    veil = (np.exp(-((distance / 0.3) ** 2)) * power + power * 0.15)[:, :, None] * np.array(tint, np.float32)

    def apply(picture: Picture, t_s: float) -> Picture:
        return grain(picture * 0.8 + veil * _ramp(t_s, 1.0) * random.uniform(0.92, 1.0), random, 1.5)

    return apply


def defocus(random: Random, sigma: float) -> Effect:
    def apply(picture: Picture, t_s: float) -> Picture:
        now = sigma * _ramp(t_s, 3.0)
        return grain(cv2.GaussianBlur(picture, (0, 0), now) if now > 0.3 else picture, random, 1.0)

    return apply


def turn(random: Random, angle: float, zoom: float, x: float, y: float) -> Effect:
    """The whole recorded picture is seen through a window of 62 %; this one turns, zooms and pans."""
    sign = random.choice([-1.0, 1.0], 3)

    def apply(picture: Picture, t_s: float) -> Picture:
        done = _ramp(t_s, 1.5)
        return window(picture, done * angle * sign[0], 1 + done * (zoom - 1), done * x * sign[1], done * y * sign[2])

    return apply


def window(picture: Picture, angle: float = 0.0, zoom: float = 1.0, x: float = 0.0, y: float = 0.0) -> Picture:
    rows, columns = picture.shape[:2]
    share = 0.62
    wide, high = round(columns * share), round(rows * share)
    scale = LONG / max(wide, high)
    matrix = cv2.getRotationMatrix2D((columns / 2 + x * wide, rows / 2 + y * high), angle, scale * zoom)
    out = (round(wide * scale), round(high * scale))
    matrix[:, 2] += (out[0] / 2 - columns / 2 - x * wide, out[1] / 2 - rows / 2 - y * high)
    found: Picture = cv2.warpAffine(picture, matrix, out, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    return found


# --- what is no tampering -----------------------------------------------------------------------------------------


def dimmed(random: Random, gain: float, length_s: float, noise: float) -> Effect:
    def apply(picture: Picture, t_s: float) -> Picture:
        share = math.exp(math.log(gain) * _ramp(t_s, length_s))
        return grain(picture * np.float32(share), random, 1.0 + noise * (1 - share))

    return apply


def infrared(random: Random, shape: tuple[int, ...]) -> Effect:
    """Grey, lit from the camera, with other contrasts than daylight: paint that is dark to us is often light here."""
    rows, columns = shape[:2]
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    lamp = 0.35 + 0.9 * np.exp(-((np.hypot(x / columns - 0.5, y / rows - 0.5) / 0.45) ** 2))
    weights = np.array([random.uniform(0.6, 1.0), random.uniform(-0.2, 0.3), random.uniform(-0.2, 0.2)], np.float32)
    weights /= weights.sum()

    def apply(picture: Picture, t_s: float) -> Picture:
        seen = np.clip(picture.astype(np.float32) @ weights, 0, 255)
        dark = 0.1 if t_s < 1.0 else 1.0
        return np.repeat(grain(seen * lamp * dark, random, 3.0)[:, :, None], 3, 2)

    return apply


def falling(random: Random, drops: int, length: float, thick: int, veil: float) -> Effect:
    """Rain (long streaks) or snow (thick dots); the picture pales behind it."""

    def apply(picture: Picture, t_s: float) -> Picture:
        rows, columns = picture.shape[:2]
        share = _ramp(t_s, 5.0)
        layer = np.zeros((rows, columns), np.float32)
        slant = random.uniform(-0.2, 0.2)
        for _ in range(round(drops * share)):
            x, y, size = random.uniform(0, columns), random.uniform(0, rows), length * random.uniform(0.5, 1.5) * rows
            cv2.line(layer, (int(x), int(y)), (int(x + slant * size), int(y + size)), random.uniform(0.3, 0.8), thick)
        layer = cv2.GaussianBlur(layer, (0, 0), 0.8)[:, :, None]
        pale = picture + share * veil * (190 - picture.astype(np.float32))
        return grain(pale * (1 - layer) + 220 * layer, random, 1.5)

    return apply


def headlights(random: Random) -> Effect:
    """A dark street, and every eight seconds a car that shines into the lens for three."""

    def apply(picture: Picture, t_s: float) -> Picture:
        rows, columns = picture.shape[:2]
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        at = (t_s % 8.0) / 3.0
        light = np.zeros((rows, columns), np.float32)
        if at < 1:
            for lamp in (-0.05, 0.05):
                away = np.hypot(x / columns - (-0.1 + 1.2 * at + lamp), y / columns - 0.3)
                light += 400 * np.exp(-((away / 0.06) ** 2)) + 120 * np.exp(-((away / 0.3) ** 2))
        return grain(picture * np.float32(0.3) + light[:, :, None], random, 3.0)

    return apply


def exposure(random: Random) -> Effect:
    def apply(picture: Picture, t_s: float) -> Picture:
        return grain(picture * np.float32(2.0 ** (0.9 * math.sin(t_s / 2.5))), random, 1.5)

    return apply


def shaken(random: Random, share: float) -> Effect:
    def apply(picture: Picture, t_s: float) -> Picture:  # noqa: ARG001 - one shape for all
        x, y = random.uniform(-share, share, 2) * picture.shape[1]
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
        size = (picture.shape[1], picture.shape[0])
        found: Picture = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT)
        return found

    return apply


def near(random: Random, shape: tuple[int, ...], share: float, stays_s: float) -> Effect:
    """Somebody in a patterned jacket close to the camera, who fills `share` of the width and does not stand still."""
    rows, columns = shape[:2]
    cloth = random.uniform(30, 200, 3).astype(np.float32) * (0.6 + 0.8 * field(random, shape, 9))
    cloth += 12 * field(random, shape, 60)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    start = random.choice([-1.0, 1.0])

    def apply(picture: Picture, t_s: float) -> Picture:
        away = 1 - _ramp(t_s, 1.5) + _ramp(t_s - stays_s, 1.5)
        middle = 0.5 + start * away * 1.2 + 0.04 * math.sin(t_s * 1.3) + 0.02 * math.sin(t_s * 3.1)
        across = np.abs(x / columns - middle) / (share / 2)
        reach = np.where(y / rows < 0.25, 0.55, 1.0)
        alpha = np.clip((reach - across) / 0.05, 0, 1)[:, :, None]
        swaying = np.roll(cloth, (round(3 * math.sin(t_s)), round((middle - 0.5) * columns)), (0, 1))
        return grain(picture * (1 - alpha) + swaying * alpha, random, 1.5)

    return apply


def compressed(quality: int) -> Effect:
    def apply(picture: Picture, t_s: float) -> Picture:
        now = quality if int(t_s) % 4 else 60
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, now])
        found: Picture = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])
        return found

    return apply


def fog(random: Random, share: float) -> Effect:
    def apply(picture: Picture, t_s: float) -> Picture:
        return grain(picture + share * _ramp(t_s, 60.0) * (185 - picture.astype(np.float32)), random, 1.5)

    return apply


@dataclass(frozen=True, slots=True)
class Deed:
    """`kind` is what should be told, None nothing. `make(random, shape)`; `lasts_s` of it; through a window or not."""

    about: str
    kind: str | None
    make: Callable[[Random, tuple[int, ...]], Effect]
    lasts_s: float = 35.0
    windowed: bool = False
    dark_before: bool = False


DEEDS: Mapping[str, Deed] = {
    "cover_dark": Deed("a dark cloth in 0.4–1 s", "covered", lambda r, s: cover(r, s, 8, 28, 12)),
    "cover_hand": Deed("a hand, light leaking in on one side", "covered", lambda r, s: cover(r, s, 50, 150, 50)),
    "cover_bag": Deed("a light bag", "covered", lambda r, s: cover(r, s, 150, 215, 20)),
    "spray_quick": Deed("paint on 97 % within 4 s", "sprayed", lambda r, s: spray(r, s, 0.97, 4.0)),
    "spray_slow": Deed("paint on 97 % within 10 s", "sprayed", lambda r, s: spray(r, s, 0.97, 10.0)),
    "spray_partly": Deed("paint on 80 % within 6 s", "sprayed", lambda r, s: spray(r, s, 0.8, 6.0)),
    "torch": Deed("a torch at the lens", "blinded", lambda r, s: glare(r, s, (1.0, 1.0, 0.9), 900)),
    "laser": Deed("a green laser at the lens", "blinded", lambda r, s: glare(r, s, (0.15, 1.0, 0.2), 1100)),
    "defocus_3": Deed("blur to a deviation of 3 of 416 pixels", "defocused", lambda r, _: defocus(r, 3.0)),
    "defocus_5": Deed("blur to a deviation of 5", "defocused", lambda r, _: defocus(r, 5.0)),
    "defocus_12": Deed("blur to a deviation of 12", "defocused", lambda r, _: defocus(r, 12.0)),
    "turned_a_little": Deed(
        "panned by 12 % of the view", "moved", lambda r, _: turn(r, 0, 1, 0.12, 0.03), windowed=True
    ),
    "turned": Deed("panned by 30 % and 15 %", "moved", lambda r, _: turn(r, 0, 1, 0.3, 0.15), windowed=True),
    "twisted": Deed("rotated by 25 degrees", "moved", lambda r, _: turn(r, 25, 1, 0.05, 0.05), windowed=True),
    "zoomed": Deed("zoomed in by 1.6", "moved", lambda r, _: turn(r, 0, 1.6, 0.05, 0.05), windowed=True),
    "frozen": Deed("the same picture again and again", "frozen", lambda *_: lambda picture, _: picture, 60),
    "dusk": Deed("light to 4 % in two minutes", None, lambda r, _: dimmed(r, 0.04, 120, 3), 140),
    "lamp_off": Deed("light to 25 % at once", None, lambda r, _: dimmed(r, 0.25, 0.2, 3)),
    "lamp_off_dim": Deed("light to 8 % at once", None, lambda r, _: dimmed(r, 0.08, 0.2, 3)),
    "lamp_off_black": Deed("light to 1 % at once, nothing to see", None, lambda r, _: dimmed(r, 0.01, 0.2, 2)),
    "lamp_on": Deed("from 15 % to full light at once", None, lambda r, _: grain_only(r), dark_before=True),
    "infrared": Deed("infrared after a second in the dark", None, infrared),
    "rain": Deed("rain, 120 streaks", None, lambda r, _: falling(r, 120, 0.06, 1, 0.1)),
    "downpour": Deed("600 streaks, pale", None, lambda r, _: falling(r, 600, 0.09, 1, 0.35)),
    "snow": Deed("300 flakes, pale", None, lambda r, _: falling(r, 300, 0.006, 3, 0.25)),
    "headlights": Deed("a dark street and cars", None, lambda r, _: headlights(r)),
    "exposure": Deed("gain up and down by 1.9", None, lambda r, _: exposure(r)),
    "shake": Deed("±1.2 % at random", None, lambda r, _: shaken(r, 0.012)),
    "near_person": Deed("somebody fills 70 % for 25 s", None, lambda r, s: near(r, s, 0.7, 25)),
    "passing_van": Deed("fills all of the width for 3 s", None, lambda r, s: near(r, s, 1.5, 3)),
    "compression": Deed("JPEG of quality 12", None, lambda *_: compressed(12)),
    "fog": Deed("contrast to 45 % in a minute", None, lambda r, _: fog(r, 0.55), 80),
    "untouched": Deed("nothing", None, lambda *_: lambda picture, _: picture),
}


def grain_only(random: Random) -> Effect:
    return lambda picture, _: grain(picture, random, 1.5)
