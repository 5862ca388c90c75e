"""Owns NanoDet in OpenVINO: its input, and how its head (generalised focal loss, arXiv:2006.04388) is read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crime_detect_engine.domain.scene import Detection
from crime_detect_engine.domain.types import Image

from .boxes import LOWEST_CONFIDENCE, cells, name_boxes, shrink
from .coco import LABELS
from .network import OpenVinoNetwork

STRIDES = (8, 16, 32)
BINS = 8
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""RGB."""
EXPORTED = 416
"""The side of the square that the file's shapes are written for."""


class NanodetDetector:
    """COCO's 80 things. Pictures of any shape; each shape is padded to multiples of 32 only, not to a square."""

    name = "nanodet_m"
    labels = LABELS

    def __init__(self, weights: Path, device: str = "cpu", precision: str = "fp32", *, size: int = 416) -> None:
        self.size, self.device, self.precision = size, device, precision
        self._network = OpenVinoNetwork(weights, open_shapes, device, precision)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        small = [shrink(image, self.size) for image in images]
        found: list[list[Detection]] = [[] for _ in small]
        levels = len(STRIDES)
        for index, padded, outputs in self._network.run(small):
            scores, sides = np.concatenate(outputs[:levels]), np.concatenate(outputs[levels:])
            found[index] = name_boxes(*decode(scores, sides, *padded), self.labels, small[index].shape)
        return found

    def close(self) -> None:
        self._network.close()


def decode(
    scores: NDArray[np.float32],
    sides: NDArray[np.float32],
    height: int,
    width: int,
    lowest: float = LOWEST_CONFIDENCE,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Class scores [N, 80] and sides [N, 32] → corners [M, 4] px, scores, classes.

    Each of left, top, right and bottom is a distribution over 0..7 strides from the cell's centre; its mean counts.
    """
    places, strides = _grid(height, width)
    classes = scores.argmax(1)
    best = scores[np.arange(len(scores)), classes]
    sure = np.flatnonzero(best >= lowest)
    logits = sides[sure].reshape(-1, 4, BINS)
    weights = np.exp(logits - logits.max(2, keepdims=True))
    reach = (weights @ np.arange(BINS, dtype=np.float32)) / weights.sum(2) * strides[sure]
    middle = places[sure] + 0.5 * (strides[sure] - 1)
    return np.concatenate([middle - reach[:, :2], middle + reach[:, 2:]], 1), best[sure], classes[sure]


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return cells(height, width, STRIDES)


def open_shapes(model: ov.Model, count: int, height: int, width: int) -> ov.Model:
    """The network for uint8 RGB [N, H, W, 3]: normalisation inside, and shapes of H x W where the file has a square."""
    ops: Any = ov.opset13
    for node in model.get_ordered_ops():
        if node.get_type_name() in ("Reshape", "Interpolate"):
            shape = node.input_value(1).get_node()
            if shape.get_type_name() == "Constant":
                target = _rescaled(shape.data, count, height, width)
                node.input(1).replace_source_output(ops.constant(target).output(0))
    given = model.get_parameters()[0]
    picture = ops.parameter([count, height, width, 3], np.uint8)
    planes = ops.convert(ops.transpose(picture, ops.constant([0, 3, 1, 2])), np.float32)
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (MEAN, STD))
    normal = ops.multiply(ops.subtract(planes, ops.constant(mean)), ops.constant(1 / std))
    in_bgr = ops.gather(normal, ops.constant(np.array([2, 1, 0])), ops.constant(1))
    given.output(0).replace(in_bgr.output(0))
    opened = ov.Model(model.get_results(), [picture])
    opened.validate_nodes_and_infer_types()
    return opened


def _rescaled(shape: NDArray[np.int64], count: int, height: int, width: int) -> NDArray[np.int64]:
    """[1, …, rows, columns] of maps of the square → [N, …] of maps of H x W; [1, channels, -1] → [N, channels, -1]."""
    sides = (shape[-2] * height // EXPORTED, shape[-1] * width // EXPORTED) if len(shape) > 3 else shape[-2:]
    return np.array([count, *shape[1:-2], *sides], np.int64)
