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
_NONE_YET = (False, -1)
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
        self._model_fps = spec.fps
        self._slots = Slots(spec.fps)
        self._difference = spec.input == "difference"
        self._vectors: deque[Vector] = deque(maxlen=length or spec.frames)
        self._min_frames = min(spec.min_frames, length or spec.frames)
        self._whole = length or spec.frames
        self._turn = _NONE_YET
        self._drop()

    def __len__(self) -> int:
        return len(self._vectors)

    def push(self, frame: Frame, vector: Vector | None) -> NDArray[np.float32] | None:
        """Adds what the CNN saw in `frame`; float32 [T, D] when a score is due, else None."""
        joined = self._advance(frame)
        if vector is None or (self._difference and not joined):
            return None
        self._vectors.append(vector)
        self._steps += 1
        if not frame.moving or (turn := self._due_turn()) <= self._turn:
            return None
        self._turn = turn
        return np.stack(self._vectors)

    def _due_turn(self) -> tuple[bool, int]:
        """Which score is due by now: one every half second from `min_frames` on, and anew from the first whole window.

        So whole windows begin where those of `analyze` do, whatever came before them.
        """
        if self._steps >= self._whole:
            return True, (self._steps - self._whole) // self._every
        if self._steps < self._min_frames or self._whole - self._steps < self._every / 2:
            return _NONE_YET
        return False, (self._steps - self._min_frames) // self._every

    def _advance(self, frame: Frame) -> bool:
        """Moves to the frame's slot, holding the last vector over missing ones.

        False where the frame does not continue the one before: a difference across a cut or a long gap means nothing.
        """
        joined = not self._slots.begun and not frame.cut
        if frame.cut or not self._slots.begun:
            self._slots = Slots(frame.fps or self._model_fps)
        missing = self._slots.advance(frame)
        if missing is None:
            self._drop()
            return joined
        for _ in range(missing if self._vectors else 0):
            self._vectors.append(self._vectors[-1])
            self._steps += 1
        return True

    def _drop(self) -> None:
        self._vectors.clear()
        self._every = score_stride(self._slots.fps)
        self._steps, self._turn = 0, _NONE_YET


class Slots:
    """The fixed time slots of one camera or file, 1/`fps` long, as its frames fill them."""

    def __init__(self, fps: float) -> None:
        self.fps = fps
        self._at_s: float | None = None

    @property
    def begun(self) -> bool:
        return self._at_s is not None

    def advance(self, frame: Frame) -> int | None:
        """How many slots lie empty before this frame; None where it does not continue: the first, a cut, a gap."""
        if self._at_s is not None and not frame.cut:
            slots = max(1, math.floor((frame.tick_s - self._at_s) * self.fps + _EARLY))
            if slots - 1 <= HELD_SLOTS:
                self._at_s = min(self._at_s + slots / self.fps, frame.tick_s + _EARLY / self.fps)
                return slots - 1
        self._at_s = frame.tick_s
        return None


def score_stride(fps: float) -> int:
    """Steps between two scores."""
    return max(1, round(SCORE_EVERY_S * fps))


def slide(features: NDArray[np.float32], spec: ModelSpec) -> Iterator[NDArray[np.float32]]:
    """The windows of an unbroken clip's features [T, D]: one every 0.5 s; a shorter clip is one window."""
    last = max(0, len(features) - spec.frames)
    for start in range(0, last + 1, score_stride(spec.fps)):
        yield features[start : start + spec.frames]
