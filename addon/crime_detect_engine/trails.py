"""Owns hiding over time: who was missed in one picture of a clip is hidden by what the pictures around it showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .domain.scene import Box
from .store.blur import Hiding

REACH_S = 0.5
"""A place stays hidden this long before and after it was found."""
GAP_S = 1.0
"""Somebody who was not found for so long is taken to have gone straight from the one place to the other."""
NEAR, A_SECOND, FARTHEST = 1.5, 9.0, 4.0
"""In sides of the larger of two boxes: further apart they are two people; so much further for each second between."""
NEAREST = 2
"""Somebody may be one of so many that were found next: the ways to all of them are hidden."""
LIKE = 2.0
"""Boxes whose heights differ by more are two people."""

GROWTH = 1.3
"""Two places become one that is larger by so much at most: then it hides little that neither would."""

Found = Sequence[tuple[float, Sequence[Hiding] | None]]
"""Of each picture, in order, its time in seconds and what was found in it; None where nobody looked."""


def spread(found: Found) -> list[list[Hiding]]:
    """What to hide in each picture: what is there, what is there soon or was just now, and what lies between."""
    filled = _between(found)
    hidden = []
    first = 0
    for at_s, _ in found:
        while found[first][0] < at_s - REACH_S:
            first += 1
        places: list[Hiding] = []
        for (other_s, _), near in zip(found[first:], filled[first:], strict=True):
            if other_s > at_s + REACH_S:
                break
            places += near
        hidden.append(merged(places))
    return hidden


def _between(found: Found) -> list[list[Hiding]]:
    """What was found, and straight lines over the pictures in which it was not."""
    filled = [list(places or ()) for _, places in found]
    for index, (at_s, places) in enumerate(found):
        for place in places or ():
            for later in range(index + 1, len(found)):
                gap_s = found[later][0] - at_s
                if gap_s > GAP_S:
                    break
                again = _same(place, found[later][1] or (), gap_s)
                for middle in range(index + 1, later if again else 0):
                    share = (found[middle][0] - at_s) / gap_s
                    filled[middle] += [replace(place, box=_mixed(place.box, one.box, share)) for one in again]
                if again:
                    break
    return filled


def _same(place: Hiding, others: Sequence[Hiding], gap_s: float) -> list[Hiding]:
    """Those that may be the same one, the nearest first."""
    x, y = place.box.centre
    reach = min(FARTHEST, NEAR + A_SECOND * gap_s)
    near: list[tuple[float, Hiding]] = []
    for other in others:
        height, width = max(place.box.height, other.box.height), max(place.box.width, other.box.width)
        smaller = min(place.box.height, other.box.height)
        if other.face != place.face or smaller <= 0 or height / smaller > LIKE:
            continue
        away = max(abs(other.box.centre[0] - x) / width, abs(other.box.centre[1] - y) / height)
        if away <= reach:
            near.append((away, other))
    return [other for _, other in sorted(near, key=lambda one: one[0])[:NEAREST]]


def _mixed(one: Box, other: Box, share: float) -> Box:
    return Box(*(a + (b - a) * share for a, b in zip(one, other, strict=True)))


def merged(places: Sequence[Hiding]) -> list[Hiding]:
    """Fewer places that cover all of these: those that lie over each other become one around them."""
    kept: list[Hiding] = []
    for face in (True, False):
        boxes = np.array([one.box for one in places if one.face is face], np.float64).reshape(-1, 4)
        boxes = boxes[np.argsort(-np.prod(boxes[:, 2:] - boxes[:, :2], 1), kind="stable")]
        groups = np.empty_like(boxes)
        count = 0
        for box in boxes:
            index = _around(groups[:count], box)
            if index is None:
                groups[count], count = box, count + 1
            else:
                groups[index, :2] = np.minimum(groups[index, :2], box[:2])
                groups[index, 2:] = np.maximum(groups[index, 2:], box[2:])
        kept += [Hiding(Box(*group), face) for group in groups[:count].tolist()]
    return kept


def _around(groups: NDArray[np.float64], box: NDArray[np.float64]) -> int | None:
    """The group that grows least when it takes the box in; None where each would grow too much."""
    if not len(groups):
        return None
    sides = np.maximum(groups[:, 2:], box[2:]) - np.minimum(groups[:, :2], box[:2])
    larger = np.maximum(np.prod(groups[:, 2:] - groups[:, :2], 1), np.prod(box[2:] - box[:2]))
    growth = np.prod(sides, 1) / np.maximum(larger, 1e-12)
    best = int(np.argmin(growth))
    return best if growth[best] <= GROWTH else None
