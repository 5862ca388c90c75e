"""Owns what a camera usually shows: the average of minutes, and by which blocks of it the view is recognised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .glance import Array, Glance, edges

_LEARN_S, _LEARN_PICTURES = 10.0, 4
"""Before this much of it was seen, nothing is said of a view."""
_MOST_FIRST = 24
_SLOW_S = 300.0
"""Time constant of the reference: the sun's shadows are followed, a hand is not."""
ANCHOR = 1.0
"""Gradient in levels a pixel that a block must have, on average, to be held on to."""
FEWEST = 8
"""With fewer such blocks the view has nothing to recognise it by."""
HELD = 0.35
"""A block that correlates so well with the reference shows the same thing."""


class UsualView:
    """What the camera shows by one kind of light, day or infrared, averaged over minutes."""

    def __init__(self, seen: Glance, tick_s: float) -> None:
        self.luma = seen.luma.copy()
        self.fine = seen.fine.copy()
        self.light = seen.light
        self.saturated = seen.saturated
        self.masked = seen.masked.copy()
        self.steady = np.ones(seen.fine.shape, np.float32)
        """How well each block has been recognised: leaves and traffic are not to be held on to."""
        self.edges = edges(self.luma)
        self._since_s = self._last_s = tick_s
        self._pictures = 1
        self._first = [(seen.luma, seen.fine)]

    @property
    def known(self) -> bool:
        return self._pictures >= _LEARN_PICTURES and self._last_s - self._since_s >= _LEARN_S

    def learn(self, seen: Glance, held: Array, tick_s: float, speed: float) -> None:
        """`held`: how well each block was recognised; `speed` 1 is the usual one."""
        passed_s = speed * min(max(tick_s - self._last_s, 0.0), 10.0)
        if self.known:
            memory_s = min(max(tick_s - self._since_s, _SLOW_S / 3), _SLOW_S)
            share = np.float32(1 - np.exp(-passed_s / memory_s))
            self.luma += share * (seen.luma - self.luma)
            self.fine += share * (seen.fine - self.fine)
            self._first.clear()
        else:  # the median: a car that passes in the first seconds is not what the camera shows
            share = np.float32(1 / (self._pictures + 1))
            self._first = [*self._first, (seen.luma, seen.fine)][-_MOST_FIRST:]
            self.luma = np.median([luma for luma, _ in self._first], axis=0).astype(np.float32)
            self.fine = np.median([fine for _, fine in self._first], axis=0).astype(np.float32)
        self.steady += share * (held - self.steady)
        self.light += float(share) * (seen.light - self.light)
        self.saturated += float(share) * (seen.saturated - self.saturated)
        self.masked &= seen.masked
        self.edges = edges(self.luma)
        self._last_s = tick_s
        self._pictures += 1

    def anchors(self) -> NDArray[np.bool_]:
        """Blocks to recognise the view by. The first and last rows carry the camera's own clock and name, which stay
        whatever is done to the lens: they count only where there is nothing else."""
        found = (self.edges.energy > ANCHOR) & (self.steady > HELD) & ~self.masked
        inner = found.copy()
        inner[[0, -1]] = False
        return inner if np.count_nonzero(inner) >= FEWEST else found
