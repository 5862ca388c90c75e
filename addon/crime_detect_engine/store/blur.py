"""Owns making somebody unrecognisable in a picture: what lay there is averaged away, not smoothed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.scene import Box
from crime_detect_engine.domain.types import Image

CELLS = 4
"""A hidden place keeps this many averages across and down, its margin included; the face in it has two or three."""
GREY_STEP = 16
"""Averages are coarsened to multiples of this, so that many pictures of one face do not add up to a better one."""
FACE_MARGIN = 0.35
"""Of the box's side, on each side: a detector's box ends at chin and eyebrows."""
PERSON_MARGIN = 0.08
LEAST_MARGIN_PX = 3
WHOLE_CELLS = 12
"""Averages across a picture that is hidden whole."""


@dataclass(frozen=True, slots=True)
class Hiding:
    """One place to hide: `face` by an ellipse around the box, else the box itself with a little around it."""

    box: Box
    face: bool = True


def scaled(image: Image, longer: int) -> Image:
    """The picture with its longer side of that many pixels, larger or smaller than it was."""
    height, width = image.shape[:2]
    factor = longer / max(height, width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == (width, height):
        return image
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def hide(image: Image, places: Sequence[Hiding]) -> Image:
    """A copy of the RGB picture without what lay in `places`; the picture itself where there are none."""
    if not places:
        return image
    hidden = np.array(image, np.uint8)
    for place in sorted(places, key=lambda one: one.box.area):  # coarse averages lie over fine ones
        (rows, columns), mask = _stencil(place, *image.shape[:2])
        if mask.size:
            np.copyto(hidden[rows, columns], _averages(image[rows, columns]), where=mask[:, :, None])
    return hidden


def covered(places: Sequence[Hiding], height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels `hide` takes away, HxW."""
    mask = np.zeros((height, width), bool)
    for place in places:
        (rows, columns), part = _stencil(place, height, width)
        mask[rows, columns] |= part
    return mask


def hide_all(image: Image) -> Image:
    """A copy in which nothing can be recognised: for when nobody can say where the faces are."""
    height, width = image.shape[:2]
    rows = max(2, round(WHOLE_CELLS * height / width))
    return _mosaic(image, WHOLE_CELLS, rows)


def _averages(part: NDArray[np.uint8]) -> Image:
    small = _mosaic(part, CELLS, CELLS)
    side = max(3, max(part.shape[:2]) // (2 * CELLS)) | 1
    return np.asarray(cv2.blur(small, (side, side)), np.uint8)


def _mosaic(part: NDArray[np.uint8], columns: int, rows: int) -> Image:
    height, width = part.shape[:2]
    few = cv2.resize(part, (min(columns, width), min(rows, height)), interpolation=cv2.INTER_AREA)
    coarse = few // GREY_STEP * GREY_STEP + GREY_STEP // 2
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def _stencil(place: Hiding, height: int, width: int) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Where the place and its margin lie in a picture of that size, and which pixels of that are hidden."""
    box, share = place.box, FACE_MARGIN if place.face else PERSON_MARGIN
    across = max(share * box.width * width, LEAST_MARGIN_PX)
    down = max(share * box.height * height, LEAST_MARGIN_PX)
    left, top = max(0, int(box.left * width - across)), max(0, int(box.top * height - down))
    right, bottom = math.ceil(box.right * width + across), math.ceil(box.bottom * height + down)
    part = slice(top, max(top, min(height, bottom))), slice(left, max(left, min(width, right)))
    mask = np.zeros((part[0].stop - top, part[1].stop - left), np.uint8)
    if place.face:
        middle = round((box.left + box.right) / 2 * width) - left, round((box.top + box.bottom) / 2 * height) - top
        radii = math.ceil(box.width * width / 2 + across), math.ceil(box.height * height / 2 + down)
        cv2.ellipse(mask, middle, radii, 0, 0, 360, 255, cv2.FILLED)
    else:
        mask[:] = 255
    return part, mask > 0
