"""Owns what a model is shown of a camera's pictures: all of them, or a square that follows what moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.types import WHOLE, Image, ModelSpec, Region

from .enhance import Enhancement

# A checkpoint's `region` means exactly these numbers: another way to follow motion gets another name.
_GRID = 40
_NOISE = 4.0
"""Blocks whose mean absolute change is fewer grey levels do not move."""
_MEMORY = 0.7
"""Share of the motion that is still counted one step later."""
_INERTIA = 0.6
_SPREADS = 3.2
"""Side of the square in standard deviations of the motion around its centre."""
_SMALLEST = 13 / _GRID
_ENOUGH = 0.5
"""With less motion than this, in grey levels over all blocks, the square stays where it is."""


class MotionRegion:
    """The square around what moves, smoothed over time. Causal: it knows pictures up to now only."""

    def __init__(self) -> None:
        self._motion = np.zeros((_GRID, _GRID), np.float32)
        self._x = self._y = 0.5
        self._side = 1.0

    def follow(self, now: Image, before: Image) -> Region:
        """The square for `now`, given the picture one step before; both RGB uint8 [P, P, 3]."""
        change = cv2.resize(cv2.absdiff(now, before), (_GRID, _GRID), interpolation=cv2.INTER_AREA)
        self._motion *= _MEMORY
        self._motion += np.maximum(change.astype(np.float32).mean(2) - _NOISE, 0)
        total = float(self._motion.sum())
        if total > _ENOUGH:
            self._turn_to(self._motion / total)
        left, top = (min(max(centre - self._side / 2, 0.0), 1.0 - self._side) for centre in (self._x, self._y))
        return Region(left, top, self._side)

    def _turn_to(self, motion: NDArray[np.float32]) -> None:
        places = (np.arange(_GRID) + 0.5) / _GRID
        columns, rows = motion.sum(0), motion.sum(1)
        x, y = float(columns @ places), float(rows @ places)
        spread = float(np.sqrt(columns @ (places - x) ** 2 + rows @ (places - y) ** 2))
        side = min(max(_SPREADS * spread, _SMALLEST), 1.0)
        for name, value in (("_x", x), ("_y", y), ("_side", side)):
            setattr(self, name, _INERTIA * getattr(self, name) + (1 - _INERTIA) * value)


class PeakRegion(MotionRegion):
    """The square around the place where most moves: beside it, movement elsewhere counts little.

    `blur`: standard deviation, in blocks, of what counts as one place; `power`: how much more the strongest counts.
    """

    def __init__(self, blur: float = 3.0, power: float = 2.0) -> None:
        super().__init__()
        self._blur, self._power = blur, power

    def _turn_to(self, motion: NDArray[np.float32]) -> None:
        near = cv2.GaussianBlur(motion, (0, 0), self._blur)
        weighed = motion * (near / near.max()) ** self._power
        super()._turn_to((weighed / weighed.sum()).astype(np.float32))


_REGIONS: Mapping[str, type[MotionRegion]] = {"motion": MotionRegion, "peak": PeakRegion}


class Views:
    """The views of one camera or clip: the same square of the picture now and of the one `spec.lag` steps before.

    `zoom` widens (above 1) or narrows the square, for training.
    """

    def __init__(self, spec: ModelSpec, zoom: float = 1.0) -> None:
        self._spec = spec
        self._zoom = zoom
        self._pictures: deque[Image] = deque(maxlen=spec.lag)
        self._follower = self._begin()
        self._enhancement = Enhancement(spec.enhance)

    def show(self, picture: Image, *, cut: bool) -> tuple[Image, Image | None, Region]:
        """`picture` RGB uint8 [P, P, 3], P the spec's picture size → now and before uint8 [S, S, 3], read-only.

        The one before is None until `lag` pictures came after a cut.
        """
        if cut:
            self._enhancement = Enhancement(self._spec.enhance)
            self._pictures.clear()
            self._follower = self._begin()
        picture = self._enhancement.apply(picture)
        square = WHOLE
        if self._follower and self._pictures:
            square = _zoomed(self._follower.follow(picture, self._pictures[-1]), self._zoom)
        before = self._pictures[0] if len(self._pictures) == self._spec.lag else None
        self._pictures.append(picture)
        size = self._spec.size
        return look(picture, square, size), None if before is None else look(before, square, size), square

    def _begin(self) -> MotionRegion | None:
        return None if self._spec.region == "full" else _REGIONS[self._spec.region]()


def look(picture: Image, square: Region, size: int) -> Image:
    """The square of an RGB uint8 picture [P, P, 3], at [size, size, 3]; the picture itself where that is the same."""
    whole = picture.shape[0]
    if whole == size and square == WHOLE:
        return picture
    side = max(1, round(square.side * whole))
    left, top = (min(round(at * whole), whole - side) for at in (square.left, square.top))
    view = picture[top : top + side, left : left + side]
    if side == size:
        return view
    # Area averaging keeps distant movement from flickering; it means nothing when enlarging.
    shrink = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    shown: Image = cv2.resize(view, (size, size), interpolation=shrink)
    shown.flags.writeable = False
    return shown


def clip_views(clip: NDArray[np.uint8], spec: ModelSpec, zoom: float = 1.0) -> Iterator[tuple[Image, Image | None]]:
    """The views of an unbroken clip [T, P, P, 3], as a camera with these pictures would give them."""
    views = Views(spec, zoom)
    for picture in clip:
        now, before, _ = views.show(picture, cut=False)
        yield now, before


def _zoomed(square: Region, zoom: float) -> Region:
    if zoom == 1.0:
        return square
    side = min(square.side * zoom, 1.0)
    left, top = (min(max(at + (square.side - side) / 2, 0.0), 1.0 - side) for at in (square.left, square.top))
    return Region(left, top, side)
