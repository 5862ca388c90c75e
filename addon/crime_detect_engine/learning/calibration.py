"""Owns temperature scaling: one number, fitted on out-of-fold logits, that makes confidence mean what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .metrics import softmax

CANDIDATES = np.geomspace(0.2, 10.0, 400)


def fit_temperature(logits: NDArray[Any], labels: NDArray[Any]) -> float:
    """The temperature with the least negative log-likelihood of logits [N, C]; 1.0 for no clips."""
    if len(labels) == 0:
        return 1.0
    rows = np.arange(len(labels))
    losses = [-np.log(np.clip(softmax(logits, t)[rows, labels], 1e-12, None)).mean() for t in CANDIDATES]
    return round(float(CANDIDATES[int(np.argmin(losses))]), 4)


def cross_fitted(logits: NDArray[Any], labels: NDArray[Any], folds: Sequence[int]) -> NDArray[Any]:
    """Probabilities [N, C] where each fold's temperature was fitted on the other folds: an honest "after"."""
    place = np.array(folds)
    probabilities = np.empty(logits.shape, np.float64)
    for fold in np.unique(place):
        own = place == fold
        probabilities[own] = softmax(logits[own], fit_temperature(logits[~own], labels[~own]))
    return probabilities
