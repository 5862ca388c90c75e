"""Owns the protocols of what runs a network: encoders and heads of a checkpoint, and detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .scene import Detection
from .types import Frame, Image, ModelSpec, Vector


class Backend(Protocol):
    """Runs one checkpoint's two networks on one device. Not thread-safe: one instance a worker thread."""

    device: str
    """`cpu`, `gpu` (OpenVINO iGPU) or `cuda`."""
    precision: str
    """`fp32`, `bf16` or `int8`: what the frame encoder computes in; the head always computes in fp32."""

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [N, S, S, 3] (composed by preprocessing, not normalised) → float32 [N, D]."""
        ...

    def logits(self, windows: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 [N, T, D] and mask [N, T] (1 real, 0 padding, right-padded) → float32 [N, C]."""
        ...

    def close(self) -> None: ...


class Classifier(Protocol):
    """A checkpoint on a device, as the pipeline sees it."""

    spec: ModelSpec
    device: str
    """As `Backend.device`."""
    precision: str
    """As `Backend.precision`."""

    def features(self, frames: Sequence[Frame]) -> Sequence[Vector | None]:
        """One vector a frame in the same order; None where the frame has no difference yet."""
        ...

    def probabilities(self, windows: Sequence[NDArray[np.float32]]) -> Sequence[Mapping[str, float]]:
        """Windows float32 [T_i, D], T_i from `spec.min_frames` on → probabilities by label."""
        ...


class Detector(Protocol):
    """Finds things in pictures. Not thread-safe: one instance a worker thread."""

    name: str
    labels: tuple[str, ...]
    """What it can tell apart, COCO names."""
    size: int
    """Pixels that the longer side of a picture should have; larger ones are scaled down."""
    device: str
    precision: str

    def detect(self, images: Sequence[Image]) -> Sequence[Sequence[Detection]]:
        """RGB uint8 HxWx3 each, of any shape → what is in each, surest first, after non-maximum suppression.

        Raises BackendError.
        """
        ...

    def close(self) -> None: ...
