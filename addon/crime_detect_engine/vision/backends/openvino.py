"""Owns inference with OpenVINO, on a CPU or an Intel GPU."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.vision.checkpoint import Checkpoint

from .checks import finite


class OpenVinoBackend:
    """One checkpoint's exported networks; one instance a worker thread. Raises BackendError when they do not load.

    `precision` bf16 and int8 are the frame encoder's; the head, a thousandth of the work, computes in fp32.
    One thread: two cost 2 to 3 times the CPU under contention, and workers already use the other cores.
    """

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu", precision: str = "fp32") -> None:
        self.device = device
        self.precision = precision
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if device == "cpu":
            settings |= {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
        try:
            core = ov.Core()
            name = "cnn-int8" if precision == "int8" else "cnn"
            cnn = core.read_model(checkpoint.path(f"openvino/{name}.xml"), checkpoint.path(f"openvino/{name}.bin"))
            head = core.read_model(checkpoint.path("openvino/head.xml"), checkpoint.path("openvino/head.bin"))
            own = settings | {"INFERENCE_PRECISION_HINT": "bf16"} if precision == "bf16" else settings
            self._cnn = core.compile_model(cnn, device.upper(), own).create_infer_request()
            self._head = core.compile_model(head, device.upper(), settings).create_infer_request()
        except RuntimeError as error:
            raise BackendError(
                f"OpenVINO cannot run {checkpoint.spec.name} on {device}: {_last_line(error)}"
            ) from error

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [N, S, S, 3] → float32 [N, D]. Raises BackendError, also for values that are not finite."""
        return finite(self._run(self._cnn, [np.ascontiguousarray(images)]), "features")

    def logits(self, windows: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [N, T, D] and mask [N, T] → float32 [N, C]. Raises BackendError."""
        return finite(self._run(self._head, [np.ascontiguousarray(windows), np.ascontiguousarray(mask)]), "logits")

    def kernels(self) -> Counter[str]:
        """What each convolution of the frame encoder runs in, e.g. `brgconv_avx512_1x1_bf16`."""
        layers = [layer.get_rt_info() for layer in self._cnn.get_compiled_model().get_runtime_model().get_ops()]
        return Counter(
            layer["primitiveType"].astype(str) for layer in layers if layer["layerType"].astype(str) == "Convolution"
        )

    def close(self) -> None:
        del self._cnn, self._head

    @staticmethod
    def _run(request: Any, inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
        try:
            request.infer(inputs, share_inputs=True)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO failed: {_last_line(error)}") from error
        return np.array(request.get_output_tensor(0).data, np.float32)


def computes_bf16() -> bool:
    """Whether this processor has instructions for bf16; without them OpenVINO is slower than in fp32, or fails."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def found_devices() -> list[str]:
    """`CPU`, `GPU`, `GPU.1`, …: what OpenVINO finds on this machine."""
    return list(ov.Core().available_devices)


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
