"""Owns the choice of how a network is run: which backends there are, and which one serves here, in which precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec

from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.domain.ports import Backend
from crime_detect_engine.vision.checkpoint import Checkpoint

from .precision import CHOICES, choose_precision


def _openvino(checkpoint: Checkpoint, device: str, precision: str) -> Backend:
    if find_spec("openvino") is None:
        raise BackendError("OpenVINO is not installed")
    if not checkpoint.has_openvino:
        raise BackendError(f"{checkpoint.spec.name} was not exported for OpenVINO (`crime-detect export` does it)")
    from .openvino import OpenVinoBackend

    return OpenVinoBackend(checkpoint, device, precision)


def _torch(checkpoint: Checkpoint, device: str, _precision: str) -> Backend:
    if find_spec("torch") is None:
        raise BackendError("torch is not installed")
    from .torch import TorchBackend

    return TorchBackend(checkpoint, device)


BACKENDS: Mapping[str, Callable[[Checkpoint, str, str], Backend]] = {"openvino": _openvino, "torch": _torch}

_CPU = (("openvino", "cpu"), ("torch", "cpu"))
DEVICES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cuda": (("torch", "cuda"), *_CPU),
    "gpu": (("openvino", "gpu"), *_CPU),
    "openvino": _CPU,
    "cpu": _CPU,
}
"""What is tried, in order, for each device that may be asked for; `gpu` is an Intel GPU through OpenVINO."""


def choose_backend(checkpoint: Checkpoint, device: str = "auto", precision: str = "auto") -> tuple[Backend, str | None]:
    """The first backend that runs, and a text to show and log when device or precision are not what was asked for.

    `auto` takes CUDA where torch finds it, else OpenVINO on the CPU, else torch on the CPU; `openvino` takes an Intel
    GPU where its driver is, else the CPU. Raises BackendError when nothing runs, CheckpointError when the weights do
    not fit.
    """
    if device == "auto":
        device = "cuda" if has_cuda() else "cpu"
    elif device == "openvino" and has_intel_gpu():
        device = "gpu"
    if device not in DEVICES:
        raise BackendError(f"unknown device {device!r}; allowed are auto, {', '.join(DEVICES)}")
    if precision not in CHOICES:
        raise BackendError(f"unknown precision {precision!r}; allowed are {', '.join(CHOICES)}")
    refusals: list[str] = []
    for name, target in DEVICES[device]:
        served, remark = choose_precision(checkpoint.spec, name, target, precision)
        try:
            backend = BACKENDS[name](checkpoint, target, served)
        except BackendError as error:
            refusals.append(str(error))
            continue
        notes = [f"{'; '.join(refusals)}; using {name} on {target}"] if refusals else []
        return backend, "; ".join([remark, *notes] if remark else notes) or None
    raise BackendError(f"nothing can run {checkpoint.spec.name}: {'; '.join(refusals)}")


def has_intel_gpu() -> bool:
    """Whether OpenVINO is installed and finds a GPU with its driver."""
    if find_spec("openvino") is None:
        return False
    from .openvino import found_devices

    return any(name.split(".")[0] == "GPU" for name in found_devices())


def has_cuda() -> bool:
    """Whether torch is installed and finds a CUDA device."""
    if find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
