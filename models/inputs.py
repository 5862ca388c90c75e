"""Owns the inputs that `compare.py inputs` holds against each other: what was tried before one became the product's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import WHOLE, Image, ModelSpec
from crime_detect_engine.learning.comparison.rows import cpu_ms
from crime_detect_engine.learning.cutting import Clip, Cutting, Piece
from crime_detect_engine.learning.datasets import Footage
from crime_detect_engine.sampling.views import MotionRegion, PeakRegion, clip_views, look
from crime_detect_engine.training import ServingFootage
from crime_detect_engine.vision.preprocess import compose_views
from persons import around_persons, meeting, moving, standing

Treatment = Callable[[Image, Image], Image]
"""The picture now and the one before, uint8 [S, S, 3], to the network's input of that shape."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Composed:
    """Footage whose inputs are composed in another way; each clip by itself, with no memory of others."""

    def __init__(self, footage: Footage, compose: Callable[[Image, float], Image]) -> None:
        self._footage = footage
        self._compose = compose

    def cut(self, path: Path, cutting: Cutting) -> Sequence[tuple[Piece, Clip]]:
        return self._footage.cut(path, cutting)

    def compose(self, clip: Image, zoom: float = 1.0, region: str | None = None) -> Image:
        if region is not None:
            raise InvalidInputError("a composed input has its own region; leave soup_regions and regions away")
        return self._compose(clip, zoom)


def treated(spec: ModelSpec, make: Callable[[], Treatment]) -> Callable[[Image, float], Image]:
    def compose(clip: Image, zoom: float) -> Image:
        treat = make()
        return np.stack([treat(now, before) for now, before in clip_views(clip, spec, zoom) if before is not None])

    return compose


def followed(spec: ModelSpec, make: Callable[[], MotionRegion]) -> Callable[[Image, float], Image]:
    """Of pictures a step apart, at the region's own width: zooming is for training, and this is for comparing."""

    def views(clip: Image) -> Iterator[tuple[Image, Image | None]]:
        region = make()
        yield look(clip[0], WHOLE, spec.size), None
        for before, now in pairwise(clip):
            square = region.follow(now, before)
            yield look(now, square, spec.size), look(before, square, spec.size)

    return lambda clip, _zoom: compose_views(views(clip), spec)


@dataclass(frozen=True, slots=True)
class Input:
    """Fields of the ModelSpec that differ, a treatment of differences or a region; and how it reads in the table.

    Around the motion unless `spec` says otherwise, whatever the recipe's own region is.
    """

    text: str
    spec: dict[str, Any] = field(default_factory=dict)
    make: Callable[[], Treatment] | None = None
    region: Callable[[Path], Callable[[], MotionRegion]] | None = None
    """Makes a region for each clip, given the folder of data sets."""
    where: str | None = None
    """What the square follows, where `spec` does not say it."""

    def footage(self, spec: ModelSpec, data: Path) -> Footage:
        footage = ServingFootage(spec)
        if self.region is not None:
            return Composed(footage, followed(spec, self.region(data)))
        return footage if self.make is None else Composed(footage, treated(spec, self.make))

    def follow_ms(self, spec: ModelSpec, data: Path) -> float:
        """CPU time a picture to find the square of an own region; that of the product's regions is next to none."""
        if self.region is None:
            return 0.0
        follower = self.region(data)()
        pictures = np.random.default_rng(0).integers(0, 256, (2, spec.picture_size, spec.picture_size, 3), np.uint8)
        return cpu_ms(lambda: follower.follow(pictures[1], pictures[0]))

    def changed(self, spec: ModelSpec) -> ModelSpec:
        return replace(spec, **{"region": "motion", **self.spec})


def _shown(change: Any) -> Image:
    image: Image = np.clip(np.rint(128 + change), 0, 255).astype(np.uint8)
    return image


def by_brightness() -> Treatment:
    def treat(now: Image, before: Image) -> Image:
        gain = np.clip(200 / ((now.astype(np.float32) @ _LUMA).mean() + 1), 1.2, 8)
        return _shown(gain * (now.astype(np.float32) - before))

    return treat


def by_running_motion() -> Treatment:
    """The gain that brings the running root mean square of the change to 24 levels."""
    running: list[float] = []

    def treat(now: Image, before: Image) -> Image:
        change = now.astype(np.float32) - before
        size = float(np.sqrt((change**2).mean()))
        running[:] = [0.9 * running[0] + 0.1 * size if running else size]
        return _shown(np.clip(24 / (running[0] + 1), 1, 8) * change)

    return treat


def by_levels(curve: Callable[[Any], Any]) -> Callable[[], Treatment]:
    """Differences of pictures whose levels were bent first; 0 and 255 stay where they are."""
    levels = curve(np.arange(256, dtype=np.float32))
    table = (levels / levels[-1] * 255).astype(np.float32)

    def make() -> Treatment:
        return lambda now, before: _shown(2 * (table[now] - table[before]))

    return make


def peak(blur: float, power: float) -> Callable[[Path], Callable[[], MotionRegion]]:
    return lambda _data: lambda: PeakRegion(blur, power)


FIXED = {"gain_rule": "fixed"}
PEAK = {"region": "peak"}
INPUTS = {
    "fixed": Input("differences, gain 2", FIXED),
    "contrast": Input("differences, gain by contrast", {"gain_rule": "contrast"}),
    "brightness": Input("differences, gain by mean luma", FIXED, make=by_brightness),
    "running-motion": Input("differences, gain by the running amount of change", FIXED, make=by_running_motion),
    "square-root": Input("differences of the square roots of levels", FIXED, make=by_levels(np.sqrt)),
    "logarithm": Input(
        "differences of the logarithms of levels", FIXED, make=by_levels(lambda level: np.log1p(level / 16))
    ),
    "clahe": Input("differences after CLAHE, gain 2", {"gain_rule": "fixed", "enhance": "clahe"}),
    "lag-2": Input("differences from two steps before, gain by contrast", {"lag": 2}),
    "whole-picture": Input("differences of the whole picture, gain by contrast", {"region": "full"}),
    "rgb": Input("the pictures themselves", {"input": "rgb"}),
    "224": Input("differences at 224 px, gain by contrast", {"size": 224}),
    "peak": Input("differences around the place where most moves, gain by contrast", PEAK),
    "peak-sharp": Input("the same, the strongest place counting more", PEAK, region=peak(3, 3)),
    "peak-fine": Input("the same, places told apart more finely", PEAK, region=peak(2, 2)),
    "peak-flat": Input("the same, the strongest place counting less", PEAK, region=peak(3, 1)),
    "persons": Input(
        "differences around all persons, gain by contrast; persons by YOLOX-nano in every picture, its time counted",
        region=around_persons(standing),
        where="persons",
    ),
    "persons-moving": Input(
        "differences around what moves where persons are (YOLOX-nano, its time counted)",
        region=around_persons(moving),
        where="moving persons",
    ),
    "persons-meeting": Input(
        "differences around what moves where persons are, counting more where their boxes meet (YOLOX-nano, its time "
        "counted)",
        region=around_persons(meeting),
        where="persons who meet",
    ),
    "persons-peak": Input(
        "differences around the place where most moves among persons (YOLOX-nano, its time counted): within chance of "
        "input-peak at three times the cost",
        region=around_persons(moving, 2),
        where="the busiest persons",
    ),
}
