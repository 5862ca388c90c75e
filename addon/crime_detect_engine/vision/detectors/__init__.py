"""Owns the choice of an object detector: which there are, and what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.domain.ports import Detector
from crime_detect_engine.vision.backends import has_cuda, has_intel_gpu
from crime_detect_engine.vision.backends.precision import has_bf16

from .weights import find_weights

DEFAULT_NAME = "nanodet_m"
SIZE, SMALLEST, LARGEST = 416, 160, 1280


def _yolox_nano(device: str, folders: Sequence[Path], precision: str, size: int | None) -> Detector:
    place, number = _openvino(device, precision)
    from .yolox import YoloxDetector

    return YoloxDetector(find_weights("yolox_nano", folders), place, number, size=size or SIZE)


def _nanodet_m(device: str, folders: Sequence[Path], precision: str, size: int | None) -> Detector:
    place, number = _openvino(device, precision)
    from .nanodet import NanodetDetector

    return NanodetDetector(find_weights("nanodet_m", folders), place, number, size=size or SIZE)


def _fasterrcnn(device: str, _folders: Sequence[Path], precision: str, size: int | None) -> Detector:
    place = _torch(device, precision)
    from .torchvision import TorchvisionDetector

    return TorchvisionDetector("fasterrcnn", place, size=size)


def _ssdlite(device: str, _folders: Sequence[Path], precision: str, size: int | None) -> Detector:
    place = _torch(device, precision)
    from .torchvision import TorchvisionDetector

    return TorchvisionDetector("ssdlite", place, size=size)


DETECTORS: Mapping[str, Callable[[str, Sequence[Path], str, int | None], Detector]] = {
    "yolox_nano": _yolox_nano,
    "nanodet_m": _nanodet_m,
    "fasterrcnn": _fasterrcnn,
    "ssdlite": _ssdlite,
}


def choose_detector(name: str) -> str:
    """The detector that `auto` means here: the default where OpenVINO is, else one of torchvision's."""
    if name != "auto":
        return name
    if find_spec("openvino") is not None:
        return DEFAULT_NAME
    return "fasterrcnn" if has_cuda() else "ssdlite"


def load_detector(
    name: str, device: str, folders: Sequence[Path], precision: str = "auto", size: int | None = None
) -> Detector:
    """The detector of that name, ready; blocks, and where its weights are in none of `folders`, fetches them once.

    `device` is auto, cpu, openvino, gpu or cuda: yolox_nano and nanodet_m run in OpenVINO on a processor or an Intel
    GPU, fasterrcnn and ssdlite in torch. `precision` auto is bf16 where the processor has it. `size` is that of
    `Detector`; None is the detector's own. Fetched weights are kept in the last of `folders`. Raises CheckpointError
    for weights that are missing or altered, BackendError for a detector, device, precision or size that is not there.
    """
    if name not in DETECTORS:
        raise BackendError(f"unknown detector {name!r}; there are {', '.join(DETECTORS)}")
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise BackendError(f"a detector's size is {SMALLEST} to {LARGEST} pixels, not {size}")
    return DETECTORS[name](device, folders, precision, size)


def load_face_detector(folders: Sequence[Path], size: int, lowest: float, precision: str = "auto") -> Detector:
    """The detector of faces, on the processor; finds and keeps weights as `load_detector` does, and raises the same.

    Pictures are looked at with `size` pixels on their longer side at most; boxes count from the confidence `lowest`.
    """
    place, number = _openvino("cpu", precision)
    from .faces import NAME, FaceDetector

    return FaceDetector(find_weights(NAME, folders), place, number, size=size, lowest=lowest)


def _openvino(device: str, precision: str) -> tuple[str, str]:
    """Device and precision as OpenVinoNetwork takes them."""
    if find_spec("openvino") is None:
        raise BackendError("this detector needs OpenVINO, which is not installed; fasterrcnn and ssdlite run in torch")
    if device not in ("auto", "cpu", "openvino", "gpu"):
        raise BackendError(f"this detector runs on cpu or gpu (OpenVINO), not {device}; for CUDA take fasterrcnn")
    if device == "openvino":
        device = "gpu" if has_intel_gpu() else "cpu"
    place = "gpu" if device == "gpu" else "cpu"
    if precision == "auto":
        return place, "bf16" if place == "cpu" and has_bf16() else "fp32"
    if precision not in ("fp32", "bf16"):
        raise BackendError(f"detectors run in auto, fp32 or bf16, not {precision}")
    if precision == "bf16" and (place != "cpu" or not has_bf16()):
        raise BackendError("bf16 was asked for, and there is none here; take auto or fp32")
    return place, precision


def _torch(device: str, precision: str) -> str:
    if find_spec("torchvision") is None:
        raise BackendError("this detector needs torchvision, which is not installed; yolox_nano needs OpenVINO only")
    if device not in ("auto", "cpu", "cuda"):
        raise BackendError(f"this detector runs on cuda or cpu (torch), not {device}")
    if precision not in ("auto", "fp32"):
        raise BackendError(f"this detector runs in fp32, not {precision}")
    if device == "auto":
        return "cuda" if has_cuda() else "cpu"
    return device
