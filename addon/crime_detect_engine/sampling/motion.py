"""Owns the motion gate: is anything moving at all, told from a strided luma plane in a twentieth of a millisecond."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LINES = 90
_LEVELS = 8
"""A pixel that changes by fewer levels has not moved, however clean the picture."""
_NOISE = 6
"""… nor by less than this many times the median change, which is sensor noise."""
_SHARE = 0.0008
"""This share of the pixels must have moved."""
_LOOK_BACK_S = 0.5
"""Slow motion is compared with a picture that is at least so old."""


class MotionGate:
    """Opens at motion and stays open for a whole window after the last of it."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._last: NDArray[np.int16] | None = None
        self._old: NDArray[np.int16] | None = None
        self._old_s = 0.0
        self._moved_s = float("-inf")

    def moving(self, luma: NDArray[np.uint8], stream_s: float, *, cut: bool) -> bool:
        """`luma` uint8 HxW of any size. A cut counts as motion: what comes after it must be looked at."""
        stride = max(1, luma.shape[0] // _LINES)
        now = luma[::stride, ::stride].astype(np.int16)
        last, old = self._last, self._old
        if cut or last is None or old is None or last.shape != now.shape:
            self._moved_s = stream_s
            self._old, self._old_s = now, stream_s
        else:
            if _differs(now, last) or (old is not last and _differs(now, old)):
                self._moved_s = stream_s
            if stream_s - self._old_s >= _LOOK_BACK_S:
                self._old, self._old_s = now, stream_s
        self._last = now
        return stream_s - self._moved_s <= self._window_s


def _differs(now: NDArray[np.int16], before: NDArray[np.int16]) -> bool:
    change = now - before
    some = change[::3, ::3]
    brighter = np.int16(np.median(some))
    threshold = max(_LEVELS, _NOISE * float(np.median(np.abs(some - brighter))))
    change -= brighter
    np.abs(change, out=change)
    return int(np.count_nonzero(change > threshold)) > max(3, _SHARE * change.size)
