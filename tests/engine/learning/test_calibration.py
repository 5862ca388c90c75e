"""Owns the proof that the temperature makes confidence mean what it says, and is never fitted on what it judges."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is only in the train environment")

from crime_detect_engine.learning.calibration import cross_fitted, fit_temperature
from crime_detect_engine.learning.metrics import softmax


def drawn(temperature: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from logits, which are then sharpened: the right temperature is known."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (count, 2))
    labels = (random.random(count) < softmax(logits)[:, 1]).astype(int)
    return logits * temperature, labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_spoiled_the_logits_is_found(temperature: float) -> None:
    assert fit_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.1)


def test_no_clips_leave_the_logits_alone() -> None:
    assert fit_temperature(np.empty((0, 2)), np.empty(0, int)) == 1.0


def test_a_fold_is_scaled_by_the_others() -> None:
    logits, labels = drawn(3.0)
    folds = [0] * 2000 + [1] * 2000
    flipped = labels.copy()
    flipped[:2000] = 1 - flipped[:2000]
    honest, spoiled = cross_fitted(logits, labels, folds), cross_fitted(logits, flipped, folds)
    # Lying about fold 0 changes what fold 1 gets, and not what fold 0 gets.
    np.testing.assert_allclose(honest[:2000], spoiled[:2000])
    assert not np.allclose(honest[2000:], spoiled[2000:])
