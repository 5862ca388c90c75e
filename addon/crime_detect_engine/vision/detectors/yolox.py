"""Owns YOLOX (Ge et al. 2021, arXiv:2107.08430) in OpenVINO: its input, and how its head is read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import CheckpointError
from crime_detect_engine.domain.scene import Detection
from crime_detect_engine.domain.types import Image

from .boxes import LOWEST_CONFIDENCE, cells, name_boxes, shrink
from .coco import LABELS
from .network import OpenVinoNetwork

STRIDES = (8, 16, 32)
LARGEST_EXPONENT = 8.0
"""e^8 strides is wider than any picture; more would overflow."""


class YoloxDetector:
    """COCO's 80 things. Pictures of any shape; each shape is padded to multiples of 32 only, not to a square.

    Pictures whose longer side is 320 find whoever is a third of the picture high; 416 also a quarter, for 1.6 times
    the work.
    """

    name = "yolox_nano"
    labels = LABELS

    def __init__(self, weights: Path, device: str = "cpu", precision: str = "fp32", *, size: int = 416) -> None:
        self.size, self.device, self.precision = size, device, precision
        self._network = OpenVinoNetwork(weights, fuse_stem, device, precision)

    def detect(self, images: Sequence[Image]) -> list[list[Detection]]:
        small = [shrink(image, self.size) for image in images]
        found: list[list[Detection]] = [[] for _ in small]
        for index, padded, (rows,) in self._network.run(small):
            found[index] = name_boxes(*decode(rows, *padded), self.labels, small[index].shape)
        return found

    def close(self) -> None:
        self._network.close()


def decode(
    rows: NDArray[np.float32], height: int, width: int, lowest: float = LOWEST_CONFIDENCE
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Head [N, 85] (x, y, log w, log h in strides; objectness; 80 classes) → corners [M, 4] px, scores, classes.

    A score is objectness times the best class, both already 0..1.
    """
    places, strides = _grid(height, width)
    likely = np.flatnonzero(rows[:, 4] >= lowest)
    rows, places, strides = rows[likely], places[likely], strides[likely]
    classes = rows[:, 5:].argmax(1)
    scores = rows[:, 4] * rows[np.arange(len(rows)), 5 + classes]
    sure = np.flatnonzero(scores >= lowest)
    rows, places, strides = rows[sure], places[sure], strides[sure]
    middle = rows[:, :2] * strides + places
    half = np.exp(np.minimum(rows[:, 2:4], LARGEST_EXPONENT)) * strides / 2
    return np.concatenate([middle - half, middle + half], 1), scores[sure], classes[sure]


@lru_cache(maxsize=8)
def _grid(height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return cells(height, width, STRIDES)


def fuse_stem(model: ov.Model, count: int, height: int, width: int) -> ov.Model:
    """The network for uint8 RGB [N, H, W, 3] instead of float BGR [1, 3, H, W].

    Its first step takes every second pixel four times over and convolves 3x3: one convolution of 6x6 with stride 2 is
    the same and a sixth cheaper. Raises CheckpointError where the file begins otherwise.
    """
    ops: Any = ov.opset13
    model.reshape([count, 3, height, width])
    first = next(node for node in model.get_ordered_ops() if node.get_type_name() == "Convolution")
    kernel = first.input_value(1).get_node().data
    if kernel.shape[1:] != (12, 3, 3):
        raise CheckpointError("this is not the YOLOX network that this version reads")
    whole = np.zeros((len(kernel), 3, 6, 6), np.float32)
    for part, (down, across) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        whole[:, :, down::2, across::2] = kernel[:, 3 * part : 3 * part + 3]
    picture = ops.parameter([count, height, width, 3], np.uint8)
    planes = ops.convert(ops.transpose(picture, ops.constant([0, 3, 1, 2])), np.float32)
    in_rgb = ops.constant(np.ascontiguousarray(whole[:, ::-1]))
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Reshape" and node.input_value(1).get_node().get_type_name() == "Constant":
            target = node.input_value(1).get_node().data  # [1, 85, -1] in the file: one picture
            node.input(1).replace_source_output(ops.constant(np.array([count, *target[1:]])).output(0))
    first.output(0).replace(ops.convolution(planes, in_rgb, [2, 2], [2, 2], [2, 2], [1, 1]).output(0))
    fused = ov.Model(model.get_results(), [picture])
    fused.validate_nodes_and_infer_types()
    return fused
