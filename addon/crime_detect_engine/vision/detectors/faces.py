"""Owns the face detector RFB (Linzaer's Ultra-Light-Fast-Generic-Face-Detector-1MB) in OpenVINO, and its head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.scene import FACE, Detection
from crime_detect_engine.domain.types import Image

from .boxes import cells, name_boxes, shrink
from .network import OpenVinoNetwork

NAME = "rfb_640"
ANCHORS = ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256)))
"""Of each level the stride and the sides of its squares, in pixels: what is much below 10 pixels is not found."""
SCORES, SIDES = ("318", "364", "404", "436"), ("332", "378", "418", "448")
"""The file's own names of the heads; behind them it decodes for pictures of one shape only."""
MEAN, SCALE = 127.0, 128.0
CENTRE_VARIANCE, SIDE_VARIANCE = 0.1, 0.2
LARGEST_EXPONENT = 4.0


class FaceDetector:
    """Faces, not whose. Pictures of any shape, RGB; those whose longer side is beyond `size` are shrunk to it.

    `lowest` is the confidence from which a box counts.
    """

    name = NAME
    labels: tuple[str, ...] = (FACE,)

    def __init__(
        self,
        weights: Path,
        device: str = "cpu",
        precision: str = "fp32",
        *,
        size: int = 1280,
        lowest: float = 0.5,
    ) -> None:
        self.size, self.device, self.precision, self._lowest = size, device, precision, lowest
        self._network = OpenVinoNetwork(weights, open_shapes, device, precision)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        small = [shrink(image, self.size) for image in images]
        found: list[list[Detection]] = [[] for _ in small]
        levels = len(ANCHORS)
        for index, padded, outputs in self._network.run(small):
            scores = np.concatenate([level.reshape(-1, 2) for level in outputs[:levels]])
            sides = np.concatenate([level.reshape(-1, 4) for level in outputs[levels:]])
            corners, likely = decode(scores, sides, *padded, self._lowest)
            found[index] = name_boxes(corners, likely, np.zeros(len(likely), np.intp), self.labels, small[index].shape)
        return found

    def close(self) -> None:
        self._network.close()


def decode(
    scores: NDArray[np.float32], sides: NDArray[np.float32], height: int, width: int, lowest: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits [N, 2] (no face, face) and offsets [N, 4] (x, y, log w, log h of the square) → corners [M, 4] px, scores.

    As in SSD (arXiv:1512.02325).
    """
    centres, squares = _squares(height, width)
    likely = 1 / (1 + np.exp(np.clip(scores[:, 0] - scores[:, 1], -30, 30)))
    sure = np.flatnonzero(likely >= lowest)
    sides, square = sides[sure], squares[sure]
    middle = centres[sure] + sides[:, :2] * CENTRE_VARIANCE * square
    half = np.exp(np.minimum(sides[:, 2:] * SIDE_VARIANCE, LARGEST_EXPONENT)) * square / 2
    return np.concatenate([middle - half, middle + half], 1), likely[sure].astype(np.float32)


@lru_cache(maxsize=8)
def _squares(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centres (x, y) [N, 2] and sides [N, 1] of all squares, in the order of the heads: of each cell its squares."""
    centres, squares = [], []
    for stride, sides in ANCHORS:
        places, _ = cells(height, width, (stride,))
        rows, columns = -(-height // stride), -(-width // stride)
        # Where a level's last cells reach out of the picture, all of them were learned pushed together into it.
        fit = np.array([width / (columns * stride), height / (rows * stride)], np.float32)
        centres.append(np.repeat((places + stride / 2) * fit, len(sides), 0))
        squares.append(np.tile(np.array(sides, np.float32), len(places))[:, None])
    return np.concatenate(centres), np.concatenate(squares)


def open_shapes(model: ov.Model, count: int, height: int, width: int) -> ov.Model:
    """The network for uint8 RGB [N, H, W, 3], normalisation inside, up to its heads [N, h, w, C].

    Raises CheckpointError where the file is another.
    """
    ops: Any = ov.opset13
    named = {node.get_friendly_name(): node for node in model.get_ordered_ops()}
    if not named.keys() >= {*SCORES, *SIDES}:
        raise CheckpointError("this is not the RFB network that this version reads")
    given = model.get_parameters()[0]
    picture = ops.parameter([count, height, width, 3], np.uint8)
    planes = ops.convert(ops.transpose(picture, ops.constant([0, 3, 1, 2])), np.float32)
    centred = ops.subtract(planes, ops.constant(np.float32(MEAN)))
    given.output(0).replace(ops.multiply(centred, ops.constant(np.float32(1 / SCALE))).output(0))
    opened = ov.Model([named[name].output(0) for name in (*SCORES, *SIDES)], [picture])
    opened.validate_nodes_and_infer_types()
    return opened
