"""Owns what makes a picture worse: the conditions of the robustness figures, applied to a camera's own frames."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from crime_detect_engine.domain.ports import RawFrame
from crime_detect_engine.domain.types import Image
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.sources.pictures import through_h264

from .frames import Changed, full_picture, pictures_of

Random = np.random.Generator
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, slots=True)
class Condition:
    """`apply(frames, seed)`: the same frames as a worse camera or line would give them; deterministic."""

    about: str
    apply: Callable[[Iterable[RawFrame], int], Iterator[RawFrame]]


def frames_of(path: Path, condition: str) -> Iterator[RawFrame]:
    """The frames of a file under a condition of CONDITIONS; the file's name decides the chance in it."""
    return CONDITIONS[condition].apply(FileSource(path).frames(), zlib.crc32(path.name.encode()))


def _each(change: Callable[[Image, Random], Image], frames: Iterable[RawFrame], seed: int) -> Iterator[RawFrame]:
    for index, raw in enumerate(frames):
        yield Changed(raw, partial(_changed, change, np.random.default_rng((seed, index))))


def _changed(change: Callable[[Image, Random], Image], random: Random, raw: RawFrame) -> Image:
    return change(full_picture(raw), random)


def dark(picture: Image, random: Random) -> Image:
    """A quarter of the light, and the sensor's noise, which does not shrink with it."""
    return _picture(picture * np.float32(0.25) + _grain(picture, random, 4.0))


def noisy(picture: Image, random: Random) -> Image:
    return _picture(picture + _grain(picture, random, 20.0))


def _grain(picture: Image, random: Random, levels: float) -> Any:
    return random.standard_normal(picture.shape, np.float32) * np.float32(levels)


def grey(picture: Image, random: Random) -> Image:  # noqa: ARG001 - one shape for all
    return np.repeat(_picture(picture @ _LUMA)[:, :, None], 3, axis=2)


def blurred(picture: Image, random: Random) -> Image:  # noqa: ARG001
    """Gaussian with a deviation of 1/180 of the height: two pixels at 360 lines."""
    deviation = picture.shape[0] / 180
    reach = max(1, round(2.5 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2).astype(np.float32)
    weights /= weights.sum()
    soft = picture.astype(np.float32)
    for axis in (0, 1):
        edges = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(soft, edges, mode="edge")
        length = soft.shape[axis]
        pieces = (np.take(padded, range(n, n + length), axis=axis) * w for n, w in enumerate(weights))
        soft = sum(pieces, np.zeros_like(soft))
    return _picture(soft)


def _picture(values: Any) -> Image:
    image: Image = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return image


def _compressed(frames: Iterable[RawFrame], seed: int, quality: int = 35) -> Iterator[RawFrame]:  # noqa: ARG001
    return through_h264(pictures_of(frames), quality)


def _dropped(share: float, frames: Iterable[RawFrame], seed: int) -> Iterator[RawFrame]:
    """Each frame is lost with this chance, the first never."""
    random = np.random.default_rng((seed, round(share * 100)))
    for index, raw in enumerate(frames):
        if random.random() >= share or index == 0:
            yield raw


def _smaller(factor: int, frames: Iterable[RawFrame], seed: int) -> Iterator[RawFrame]:  # noqa: ARG001
    for raw in frames:
        yield Changed(raw, lambda raw: raw.rgb(max(16, raw.width // factor), max(16, raw.height // factor), "area"))


def _clean(frames: Iterable[RawFrame], seed: int) -> Iterator[RawFrame]:  # noqa: ARG001
    yield from frames


CONDITIONS: Mapping[str, Condition] = {
    "clean": Condition("as recorded", _clean),
    "low_light": Condition("a quarter of the light, noise of 4 grey levels", partial(_each, dark)),
    "noise": Condition("noise of 20 grey levels on every pixel", partial(_each, noisy)),
    "blur": Condition("out of focus by 1/180 of the height", partial(_each, blurred)),
    "h264_35": Condition("encoded again as H.264 at constant rate factor 35", _compressed),
    "dropped_10": Condition("10 % of the frames lost at random", partial(_dropped, 0.1)),
    "dropped_30": Condition("30 % of the frames lost at random", partial(_dropped, 0.3)),
    "dropped_50": Condition("50 % of the frames lost at random", partial(_dropped, 0.5)),
    "grey": Condition("without colour, as a camera by infrared light", partial(_each, grey)),
    "half_size": Condition("half the width and height before sampling", partial(_smaller, 2)),
    "quarter_size": Condition("a quarter of the width and height before sampling", partial(_smaller, 4)),
}
"""The first is what the others are compared with."""
