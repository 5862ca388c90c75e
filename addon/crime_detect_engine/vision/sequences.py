"""Owns windows over features: the CNN sees a frame once, the window slides in fixed time slots, a cut drops it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import Frame, ModelSpec, Vector

SCORE_EVERY_S = 0.5
HELD_SLOTS = 3
MIN_LENGTH, MAX_LENGTH = 10, 50
_EARLY = 0.25
"""Share of a slot by which a frame may be early and still fill it: the sampler takes the nearest, not the next."""


class SlidingWindow:
    """The window of one camera. `length` (10 to 50 steps) overrides the model's own; raises InvalidInputError.

    Up to three missing slots are filled with the last vector; a longer gap or a cut starts anew. A frame that the
    motion gate calls still slides the window but asks for no score: nothing in the window moved. Slots are as long as
    the frames say (`Frame.fps`); another rate comes with a cut.
    """

    def __init__(self, spec: ModelSpec, length: int | None = None) -> None:
        if length is not None and not MIN_LENGTH <= length <= MAX_LENGTH:
            raise InvalidInputError(f"sequence_length must be {MIN_LENGTH} to {MAX_LENGTH}, got {length}")
        self._fps = self._model_fps = spec.fps
        self._difference = spec.input == "difference"
        self._vectors: deque[Vector] = deque(maxlen=length or spec.frames)
        self._min_frames = min(spec.min_frames, length or spec.frames)
        self._every = score_stride(spec.fps)
        self._slot_s: float | None = None
        self._waited = self._every

    def __len__(self) -> int:
        return len(self._vectors)

    def push(self, frame: Frame, vector: Vector | None) -> NDArray[np.float32] | None:
        """Adds what the CNN saw in `frame`; float32 [T, D] when a score is due, else None."""
        joined = self._advance(frame)
        if vector is None or (self._difference and not joined):
            return None
        self._vectors.append(vector)
        self._waited += 1
        if len(self._vectors) < self._min_frames or self._waited < self._every or not frame.moving:
            return None
        self._waited = 0
        return np.stack(self._vectors)

    def _advance(self, frame: Frame) -> bool:
        """Moves to the frame's slot, holding the last vector over missing ones.

        False where the frame does not continue the one before: a difference across a cut or a long gap means nothing.
        """
        slots = 1
        if self._slot_s is not None:
            slots = max(1, math.floor((frame.tick_s - self._slot_s) * self._fps + _EARLY))
        if self._slot_s is None or frame.cut or slots - 1 > HELD_SLOTS:
            joined = self._slot_s is None and not frame.cut
            self._fps = frame.fps or self._model_fps
            self._every = score_stride(self._fps)
            self._drop()
            self._slot_s = frame.tick_s
            return joined
        self._slot_s = min(self._slot_s + slots / self._fps, frame.tick_s + _EARLY / self._fps)
        for _ in range(slots - 1 if self._vectors else 0):
            self._vectors.append(self._vectors[-1])
            self._waited += 1
        return True

    def _drop(self) -> None:
        self._vectors.clear()
        self._waited = self._every


def score_stride(fps: float) -> int:
    """Steps between two scores."""
    return max(1, round(SCORE_EVERY_S * fps))


def slide(features: NDArray[np.float32], spec: ModelSpec) -> Iterator[NDArray[np.float32]]:
    """The windows of an unbroken clip's features [T, D]: one every 0.5 s; a shorter clip is one window."""
    last = max(0, len(features) - spec.frames)
    for start in range(0, last + 1, score_stride(spec.fps)):
        yield features[start : start + spec.frames]
