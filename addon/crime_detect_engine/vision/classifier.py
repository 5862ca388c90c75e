"""Owns classification: a checkpoint on a device, from frames to feature vectors and from windows to probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Backend
from crime_detect_engine.domain.types import Frame, Image, ModelSpec, Vector

from .backends import choose_backend
from .backends.checks import finite
from .checkpoint import find_checkpoint
from .preprocess import compose, stack, still_input
from .sequences import MAX_LENGTH

_SAME_PICTURE = 2.0
"""Mean absolute difference, in grey levels, below which a still RGB picture keeps its vector."""


class NetworkClassifier:
    """A Classifier (ports.py) around one backend; not thread-safe, one instance a worker thread."""

    def __init__(self, spec: ModelSpec, backend: Backend) -> None:
        self.spec = spec
        self.device = backend.device
        self.precision = backend.precision
        self._backend = backend
        self._no_difference: Vector | None = None
        self._last: dict[str, tuple[Image, Vector]] = {}

    def features(self, frames: Sequence[Frame]) -> Sequence[Vector | None]:
        """One vector a frame, in order, all new ones in one batch; None where no difference exists yet.

        A frame that the motion gate calls still costs no CNN pass. Raises BackendError.
        """
        vectors: list[Vector | None] = [self._still(frame) for frame in frames]
        inputs = [(i, compose(f, self.spec)) for i, f in enumerate(frames) if vectors[i] is None]
        fresh = [(i, image) for i, image in inputs if image is not None]
        if fresh:
            found = self._backend.features(stack([image for _, image in fresh], self.spec))
            for (i, _), vector in zip(fresh, found, strict=True):
                vectors[i] = vector
                if self.spec.input == "rgb":
                    self._last[frames[i].camera] = (frames[i].image, vector)
        return vectors

    def probabilities(self, windows: Sequence[NDArray[np.float32]]) -> Sequence[Mapping[str, float]]:
        """Windows float32 [T_i, D] of different lengths → probabilities by label that sum to 1.

        A window longer than 50 steps is judged by its last 50. Raises InvalidInputError for one that is shorter than
        `spec.min_frames` or of another width, BackendError for numbers that are not finite.
        """
        if not windows:
            return []
        padded, mask = pad([self._checked(window) for window in windows])
        logits = self._backend.logits(finite(padded, "features"), mask).astype(np.float64) / self.spec.temperature
        odds = np.exp(logits - logits.max(1, keepdims=True))
        shares = odds / odds.sum(1, keepdims=True)
        return [dict(zip(self.spec.labels, map(float, row), strict=True)) for row in shares]

    def close(self) -> None:
        self._backend.close()

    def _checked(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        if window.ndim != 2 or window.shape[1] != self.spec.feature_dim:
            raise InvalidInputError(f"a window is [T, {self.spec.feature_dim}], got {list(window.shape)}")
        if len(window) < self.spec.min_frames:
            raise InvalidInputError(f"{self.spec.name} needs {self.spec.min_frames} steps or more, got {len(window)}")
        return window[-MAX_LENGTH:]

    def _still(self, frame: Frame) -> Vector | None:
        if frame.moving:
            return None
        if self.spec.input == "rgb":
            image, vector = self._last.get(frame.camera, (None, None))
            return vector if image is not None and _looks_the_same(image, frame.image) else None
        if frame.previous is None:
            return None
        if self._no_difference is None:
            self._no_difference = self._backend.features(still_input(self.spec)[None])[0]
        return self._no_difference


def pad(windows: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Windows [T_i, D] → right-padded [N, T, D] and mask [N, T], 1 for real steps."""
    longest = max(len(window) for window in windows)
    padded = np.zeros((len(windows), longest, windows[0].shape[1]), np.float32)
    mask = np.zeros((len(windows), longest), np.float32)
    for row, window in enumerate(windows):
        padded[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return padded, mask


def load_classifier(
    name: str = "default", device: str = "auto", folders: Sequence[Path] = (), precision: str = "auto"
) -> tuple[NetworkClassifier, str | None]:
    """A checkpoint by name on a device, and the text to show when it is not the device or precision asked for.

    `folders` are the user's own model folders; `precision` is auto, fp32, bf16 or int8. Raises CheckpointError,
    BackendError.
    """
    checkpoint = find_checkpoint(name, folders)
    backend, note = choose_backend(checkpoint, device, precision)
    return NetworkClassifier(checkpoint.spec, backend), note


def _looks_the_same(image: Image, other: Image) -> bool:
    # Every fourth pixel is enough to tell a still scene; int16 because uint8 would wrap.
    change = image[::4, ::4].astype(np.int16) - other[::4, ::4]
    return float(np.abs(change).mean()) < _SAME_PICTURE
