"""Owns a detector's network in OpenVINO: one compiled network for each shape of batch, few kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.domain.types import Image
from crime_detect_engine.vision.backends.checks import finite

from .boxes import STRIDE, pad

BATCHES = (4, 2, 1)
"""Four pictures at once cost a sixth less each than four alone; eight are no better, and hold up the others."""
MOST_SHAPES = 12
"""Three sizes of batch for each of four shapes of cameras; a compiled network takes about 20 MB and half a second."""
GREY = 114
"""What the networks were trained to see beyond a picture's edge."""

Prepare = Callable[[ov.Model, int, int, int], ov.Model]


class OpenVinoNetwork:
    """`prepare(model, count, height, width)` gives the network for such a batch: uint8 [N, H, W, 3] RGB → tensors.

    One thread, for the reasons of the frame encoder. Raises CheckpointError for a file that is no network.
    """

    def __init__(self, weights: Path, prepare: Prepare, device: str, precision: str) -> None:
        self._prepare, self._device = prepare, device
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if device == "cpu":
            self._settings |= {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._core = ov.Core()
        try:
            self._model = self._core.read_model(weights)
        except RuntimeError as error:
            raise CheckpointError(f"{weights} is no network that OpenVINO reads: {_last_line(error)}") from error

    def run(self, images: Sequence[Image]) -> Iterator[tuple[int, tuple[int, int], list[NDArray[np.float32]]]]:
        """For each picture its index, the padded height and width, and the outputs without the leading axis.

        Pictures of one shape go together, so the order is not the given one. The outputs are views that the next step
        overwrites. Raises BackendError.
        """
        shapes: dict[tuple[int, int], list[int]] = {}
        for index, image in enumerate(images):
            shapes.setdefault(_padded(image), []).append(index)
        for shape, members in shapes.items():
            while members:
                count = next(size for size in BATCHES if size <= len(members))
                batch, members = members[:count], members[count:]
                outputs = self._infer(pad([images[index] for index in batch], *shape, GREY))
                for place, index in enumerate(batch):
                    yield index, shape, [finite(tensor[place], "boxes") for tensor in outputs]

    def close(self) -> None:
        self._requests.clear()
        del self._model, self._core

    def _infer(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        try:
            request = self._request(pictures.shape[:3])
            request.infer([pictures], share_inputs=True)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed on {self._device}: {_last_line(error)}") from error
        return [tensor.data for tensor in request.output_tensors]

    def _request(self, shape: tuple[int, ...]) -> Any:
        if shape not in self._requests:
            while len(self._requests) >= MOST_SHAPES:
                self._requests.popitem(last=False)
            model = self._prepare(self._model.clone(), *shape)
            compiled = self._core.compile_model(model, self._device.upper(), self._settings)
            self._requests[shape] = compiled.create_infer_request()
        self._requests.move_to_end(shape)
        return self._requests[shape]


def _padded(image: Image) -> tuple[int, int]:
    height, width = (-(-side // STRIDE) * STRIDE for side in image.shape[:2])
    return height, width


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
