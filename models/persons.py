"""Owns regions that follow persons, for `compare.py inputs`: where a detector finds them, not wherever it moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from crime_detect_engine.domain.ports import Detector
from crime_detect_engine.domain.scene import PERSON, Box
from crime_detect_engine.domain.types import Image, Region
from crime_detect_engine.sampling.views import PeakRegion
from crime_detect_engine.vision.detectors import load_detector
from numpy.typing import NDArray

DETECTOR, SIZE = "yolox_nano", 512
WIDE = (512, 320)
"""Width and height of what the detector is shown: pictures come as squares, and who was made narrow is found less."""
LOWEST = 0.3
"""A person in a fight is often no surer than .4; what stands around and is none costs little here."""
AROUND = 0.2
"""Of a box's width and height, added at each side: arms and legs reach out of boxes."""

Map = NDArray[np.float32]


class PersonRegion(PeakRegion):
    """The square around what `weigh` makes of motion and persons; without any persons, around all that moves.

    `weigh` takes how much every block moves and how many persons it shows, float32 [B, B]. `power` as in PeakRegion:
    with 0 all that counts counts alike.
    """

    def __init__(self, detector: Detector, weigh: Callable[[Map, Map], Map], power: float = 0.0) -> None:
        super().__init__(power=power)
        self._detector = detector
        self._weigh = weigh
        self._persons: Sequence[Box] = ()

    def follow(self, now: Image, before: Image) -> Region:
        (found,) = self._detector.detect([cv2.resize(now, WIDE, interpolation=cv2.INTER_LINEAR)])
        self._persons = [one.box for one in found if one.label == PERSON and one.confidence >= LOWEST]
        return super().follow(now, before)

    def _turn_to(self, motion: Map) -> None:
        weights = self._weigh(motion, persons_map(self._persons, motion.shape[0]))
        total = float(weights.sum())
        super()._turn_to(weights / total if total > 0 else motion)


def standing(_motion: Map, persons: Map) -> Map:
    """Persons, whether they move or not."""
    return np.minimum(persons, 1)


def moving(motion: Map, persons: Map) -> Map:
    """What moves where persons are."""
    return motion * np.minimum(persons, 1)


def meeting(motion: Map, persons: Map) -> Map:
    """The same, and the more the more persons are at a place: who stands apart counts little."""
    return motion * persons**2


def persons_map(boxes: Sequence[Box], blocks: int) -> Map:
    """How many boxes, made wider, cover each block of a picture, float32 [blocks, blocks]."""
    covered = np.zeros((blocks, blocks), np.float32)
    for box in boxes:
        across, down = AROUND * box.width, AROUND * box.height
        left, right = (round(at * blocks) for at in (max(0.0, box.left - across), min(1.0, box.right + across)))
        top, bottom = (round(at * blocks) for at in (max(0.0, box.top - down), min(1.0, box.bottom + down)))
        covered[top : max(bottom, top + 1), left : max(right, left + 1)] += 1
    return covered


def around_persons(
    weigh: Callable[[Map, Map], Map], power: float = 0.0
) -> Callable[[Path], Callable[[], PersonRegion]]:
    """Regions that ask one detector, whose weights lie in `detectors` of the folder of data sets."""

    def of(data: Path) -> Callable[[], PersonRegion]:
        detector = load_detector(DETECTOR, "cpu", [data / "detectors"], "fp32", SIZE)
        return lambda: PersonRegion(detector, weigh, power)

    return of
