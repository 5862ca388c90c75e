"""Owns a detector's network in OpenVINO: one compiled network for each shape of picture, few kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import BackendError, CheckpointError
from crime_detect_engine.vision.backends.checks import finite

MOST_SHAPES = 4
"""Cameras of one house have few shapes; each compiled network takes about 20 MB and a quarter of a second."""


class OpenVinoNetwork:
    """`prepare(model, height, width)` gives the network for pictures of that size: uint8 [1, H, W, 3] RGB → tensors.

    One thread, for the reasons of the frame encoder. Raises CheckpointError for a file that is no network.
    """

    def __init__(
        self, weights: Path, prepare: Callable[[ov.Model, int, int], ov.Model], device: str, precision: str
    ) -> None:
        self._prepare, self._device = prepare, device
        self._settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        if device == "cpu":
            self._settings |= {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        self._requests: OrderedDict[tuple[int, int], Any] = OrderedDict()
        self._core = ov.Core()
        try:
            self._model = self._core.read_model(weights)
        except RuntimeError as error:
            raise CheckpointError(f"{weights} is no network that OpenVINO reads: {_last_line(error)}") from error

    def run(self, pictures: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """uint8 [1, H, W, 3], H and W multiples of 32 → outputs without the leading axis. Raises BackendError.

        The outputs are views that the next run overwrites.
        """
        shape = pictures.shape[1], pictures.shape[2]
        try:
            request = self._request(*shape)
            request.infer([np.ascontiguousarray(pictures)], share_inputs=True)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed on {self._device}: {_last_line(error)}") from error
        return [finite(tensor.data[0], "boxes") for tensor in request.output_tensors]

    def close(self) -> None:
        self._requests.clear()
        del self._model, self._core

    def _request(self, height: int, width: int) -> Any:
        shape = height, width
        if shape not in self._requests:
            while len(self._requests) >= MOST_SHAPES:
                self._requests.popitem(last=False)
            model = self._prepare(self._model.clone(), height, width)
            compiled = self._core.compile_model(model, self._device.upper(), self._settings)
            self._requests[shape] = compiled.create_infer_request()
        self._requests.move_to_end(shape)
        return self._requests[shape]


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
