"""Owns what all detectors do around their network: fitting pictures, suppressing double boxes, naming what is left."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.scene import Box, Detection
from crime_detect_engine.domain.types import Image

LOWEST_CONFIDENCE = 0.1
"""A tracker uses weak boxes to follow who is half hidden; alarms rest on more."""
OVERLAP = 0.5
MOST_CANDIDATES, MOST_FOUND = 300, 100
STRIDE = 32


def shrink(image: Image, size: int) -> Image:
    """The picture with its longer side `size` at most, smaller ones as they are.

    Every n-th pixel, then bilinear: for callers that cannot give the right size, which swscale does better and cheaper.
    """
    step = max(image.shape[:2]) // size
    if step > 1:
        image = image[::step, ::step]
    longer = max(image.shape[:2])
    if longer <= size:
        return image
    (above, below, down), (left, right, across) = (
        _taps(side, max(1, round(side * size / longer))) for side in image.shape[:2]
    )
    down, across = down[:, None, None], across[None, :, None]
    rows = image[above] + (image[below].astype(np.float32) - image[above]) * down
    mixed = rows[:, left] + (rows[:, right] - rows[:, left]) * across
    small: Image = (mixed + 0.5).astype(np.uint8)
    return small


def _taps(source: int, target: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For each new pixel the two old ones that it lies between, and the weight of the second."""
    places = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    low = places.astype(np.intp)
    return low, np.minimum(low + 1, source - 1), (places - low).astype(np.float32)


def pad(images: Sequence[Image], height: int, width: int, fill: int) -> NDArray[np.uint8]:
    """The pictures in the upper left of larger ones: uint8 [N, height, width, 3]."""
    padded = np.full((len(images), height, width, 3), fill, np.uint8)
    for target, image in zip(padded, images, strict=True):
        target[: image.shape[0], : image.shape[1]] = image
    return padded


def cells(height: int, width: int, strides: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Upper left corners (x, y) in pixels [N, 2] of all levels' cells, row by row, and their strides [N, 1]."""
    places, steps = [], []
    for stride in strides:
        rows, columns = np.mgrid[0 : -(-height // stride), 0 : -(-width // stride)]
        places.append(np.stack([columns.ravel(), rows.ravel()], 1).astype(np.float32) * stride)
        steps.append(np.full((rows.size, 1), stride, np.float32))
    return np.concatenate(places), np.concatenate(steps)


def suppress(corners: NDArray[np.float32], scores: NDArray[np.float32], overlap: float = OVERLAP) -> NDArray[np.intp]:
    """Greedy non-maximum suppression of one class: indices that stay, surest first. `corners` [N, 4] are l, t, r, b."""
    order = np.argsort(-scores, kind="stable")
    areas = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), 1)
    kept: list[np.intp] = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        shared = np.minimum(corners[best, 2:], corners[rest, 2:]) - np.maximum(corners[best, :2], corners[rest, :2])
        both = np.prod(np.maximum(shared, 0), 1)
        union = np.maximum(areas[best] + areas[rest] - both, 1e-9)
        order = rest[both / union <= overlap]
    return np.array(kept, np.intp)


def name_boxes(
    corners: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.intp],
    labels: Sequence[str],
    shape: Sequence[int],
) -> list[Detection]:
    """Candidates in pixels of a picture of `shape` (height, width, …) → detections in 0..1, surest first.

    Boxes are suppressed class by class, cut at the picture's edge, and dropped where nothing of them is inside.
    """
    if len(scores) > MOST_CANDIDATES:
        best = np.argpartition(-scores, MOST_CANDIDATES)[:MOST_CANDIDATES]
        corners, scores, classes = corners[best], scores[best], classes[best]
    height, width = shape[:2]
    edges = np.array([width, height, width, height], np.float32)
    found = []
    for index in np.unique(classes):
        of_class = np.flatnonzero(classes == index)
        for one in of_class[suppress(corners[of_class], scores[of_class])]:
            left, top, right, bottom = np.clip(corners[one] / edges, 0.0, 1.0).tolist()
            if right > left and bottom > top:
                found.append(Detection(labels[index], min(1.0, float(scores[one])), Box(left, top, right, bottom)))
    return sorted(found, key=lambda one: -one.confidence)[:MOST_FOUND]
