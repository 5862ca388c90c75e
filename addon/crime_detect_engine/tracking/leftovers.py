"""Owns things that were left and things that are gone: what stands still and is not the background.

Two backgrounds (Porikli 2007): a slow one, of minutes, and what was seen in the last second. What differs from the
slow one and stays the same in the fast one is static foreground. The boxes of persons and vehicles neither become
background nor count; time passes for a thing only while nobody hides it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image

from .difference import Array, Region, difference, is_light, largest, left_score

LEFT, TAKEN = "left", "taken"
_LONG = 208
_LEARN_S = 3.0
"""The background of the first seconds is their mean."""
_START_S = 10.0
"""What comes to rest so early, or drives off, is how the place is."""
_SLOW_S = 60.0
_RECENT_S = 1.0
_STEADY = 14.0
"""Levels by which a thing that stands still may differ from the last second."""
_LONGEST_STEP_S = 6.0
"""A pause in the pictures counts for no more: nobody saw that it stood there."""
_EVERYWHERE = 0.35
"""More of the picture than any thing: the light has changed, or the camera."""
_SETTLED_S = 4.0
_MARGIN = 0.15
"""Of a person's box, added on each side: arms, bags in hands, shadows."""
_SAME = 0.3


@dataclass(frozen=True, slots=True)
class LeftoverOptions:
    """`after_s`: stands so long, unhidden, before it is named. `absorb_s`: then it is part of the background.

    `smallest` and `largest`: shares of the picture.
    """

    after_s: float = 10.0
    absorb_s: float = 900.0
    smallest: float = 0.0015
    largest: float = 0.2


@dataclass(frozen=True, slots=True)
class StaticObject:
    """`kind` is `left` or `taken`; `since_tick_s` when it began to stand there, or to be gone, unhidden."""

    kind: str
    box: Box
    since_tick_s: float
    confidence: float


@dataclass(slots=True)
class _Thing:
    """One region over time. `score` is the sum of what each look says: above 0 it was left, below it is gone."""

    box: Box
    since_tick_s: float
    score: float = 0.0
    looks: int = 0
    seen: bool = field(default=True)


class StaticObjects:
    """Fed with the small pictures of one camera, about two a second; not safe for use from several threads."""

    def __init__(self, options: LeftoverOptions | None = None) -> None:
        self._options = options or LeftoverOptions()
        self._last_s = 0.0
        self._begin(np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), bool), 0.0)

    def observe(self, image: Image, tick_s: float, *, cut: bool, covered: Sequence[Box]) -> tuple[StaticObject, ...]:
        """What stands or is missing now. `image` RGB uint8 HxWx3; `covered`: boxes of persons and vehicles followed
        now, also of those that are hidden for a moment. A cut begins anew.
        """
        scale = _LONG / max(image.shape[:2])
        size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
        now = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        hidden = _drawn(covered, now.shape[0], now.shape[1])
        if cut or self._slow.shape != now.shape:
            self._begin(now, hidden, tick_s)
            return ()
        passed_s = min(max(tick_s - self._last_s, 0.0), _LONGEST_STEP_S)
        self._last_s = tick_s
        self._first_sight(now, hidden, passed_s)
        differs = difference(now, self._slow, ~hidden)
        if self._light_changed(differs, hidden, now, tick_s):
            return ()
        self._count(now, differs, hidden, passed_s)
        self._learn(now, differs, hidden, passed_s)
        self._name(hidden, tick_s)
        return tuple(self._told(thing) for thing in self._things if thing.looks > 1)

    def _begin(self, now: Array, hidden: NDArray[np.bool_], tick_s: float) -> None:
        self._slow: Array = now.copy()
        self._recent: Array = now.copy()
        self._known, self._hidden = ~hidden, hidden
        self._still_s = np.zeros(hidden.shape, np.float32)
        self._seen_s = 0.0
        self._last_s = tick_s
        self._everywhere_s: float | None = None
        self._things: list[_Thing] = []

    def _first_sight(self, now: Array, hidden: NDArray[np.bool_], passed_s: float) -> None:
        """What somebody hid from the start is background when it is first seen.

        Followed only after a second or two, somebody who was there from the start is part of the first picture.
        """
        self._seen_s += passed_s
        if self._seen_s < _START_S:
            self._known &= ~hidden
        shown = self._hidden & ~hidden
        self._recent[shown] = now[shown]
        self._hidden = hidden
        fresh = ~self._known & ~hidden
        if fresh.any():
            self._slow[fresh] = now[fresh]
            self._known |= fresh

    def _light_changed(self, differs: NDArray[np.bool_], hidden: NDArray[np.bool_], now: Array, tick_s: float) -> bool:
        """A change nearly everywhere is the light's, and what it leaves behind is the new background."""
        open_view = ~hidden
        share = float(differs[open_view].mean()) if open_view.any() else 0.0
        if share < _EVERYWHERE:
            self._everywhere_s = None
            return False
        if self._everywhere_s is None:
            self._everywhere_s = tick_s
        self._still_s[:] = 0
        self._things = []
        if tick_s - self._everywhere_s >= _SETTLED_S:
            self._begin(now, hidden, tick_s)
        return True

    def _count(self, now: Array, differs: NDArray[np.bool_], hidden: NDArray[np.bool_], passed_s: float) -> None:
        steady = largest(cv2.absdiff(now, self._recent)) < _STEADY
        standing = differs & steady & self._known
        self._still_s[standing & ~hidden] += np.float32(passed_s)
        self._still_s[~differs & ~hidden] = 0
        restless = differs & ~steady & ~hidden
        self._still_s[restless] = np.maximum(self._still_s[restless] - np.float32(3 * passed_s), 0)
        share = np.float32(1 - math.exp(-passed_s / _RECENT_S))
        self._recent += (share * ~hidden)[:, :, None] * (now - self._recent)

    def _learn(self, now: Array, differs: NDArray[np.bool_], hidden: NDArray[np.bool_], passed_s: float) -> None:
        memory_s = min(max(self._seen_s, _RECENT_S), _SLOW_S)
        learned = ~differs if self._seen_s > _LEARN_S else ~hidden
        share = np.float32(1 - math.exp(-passed_s / memory_s)) * learned
        # What flickers is neither a thing nor its absence; it becomes background slowly.
        share += np.float32(1 - math.exp(-passed_s / (4 * _SLOW_S))) * (differs & ~hidden & (self._still_s == 0))
        self._slow += share[:, :, None] * (now - self._slow)
        absorbed = self._still_s > (self._options.absorb_s if self._seen_s > _START_S else _LEARN_S / 2)
        if absorbed.any():
            self._slow[absorbed] = now[absorbed]
            self._still_s[absorbed] = 0

    def _name(self, hidden: NDArray[np.bool_], tick_s: float) -> None:
        standing = (self._still_s >= self._options.after_s).astype(np.uint8)
        standing = cv2.morphologyEx(standing, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        count, labels, stats, _ = cv2.connectedComponentsWithStats(standing, connectivity=8)
        for thing in self._things:
            thing.seen = False
        for index in range(1, count):
            x, y, width, height, pixels = (int(value) for value in stats[index])
            share = pixels / standing.size
            region = labels == index
            if not self._options.smallest <= share <= self._options.largest:
                continue
            self._look(Region(region, x, y, width, height), hidden, tick_s)
        self._things = [thing for thing in self._things if thing.seen]

    def _look(self, region: Region, hidden: NDArray[np.bool_], tick_s: float) -> None:
        rows, columns = region.mask.shape
        box = Box(
            region.x / columns,
            region.y / rows,
            (region.x + region.width) / columns,
            (region.y + region.height) / rows,
        )
        thing = next((one for one in self._things if one.box.iou(box) > _SAME), None)
        if thing is not None and hidden[region.mask].mean() > 0.1:
            thing.seen = True
            return
        if is_light(region, self._recent, self._slow):
            return
        if thing is None:
            since_s = tick_s - float(np.median(self._still_s[region.mask]))
            thing = _Thing(box, since_s)
            self._things.append(thing)
        thing.box, thing.seen = box, True
        thing.looks += 1
        thing.score += left_score(region, self._recent, self._slow)

    @staticmethod
    def _told(thing: _Thing) -> StaticObject:
        mean = thing.score / thing.looks
        sure = round(0.5 + 0.49 * math.tanh(abs(mean)), 3)
        return StaticObject(LEFT if mean >= 0 else TAKEN, thing.box, thing.since_tick_s, sure)


def _slice(box: Box, height: int, width: int) -> tuple[slice, slice]:
    return (
        slice(max(0, int(box.top * height)), min(height, math.ceil(box.bottom * height))),
        slice(max(0, int(box.left * width)), min(width, math.ceil(box.right * width))),
    )


def _drawn(boxes: Sequence[Box], height: int, width: int) -> NDArray[np.bool_]:
    found = np.zeros((height, width), bool)
    for box in boxes:
        x, y = _MARGIN * box.width, _MARGIN * box.height / 2
        found[_slice(Box(box.left - x, box.top - y, box.right + x, box.bottom + y), height, width)] = True
    return found
