"""Owns the proof that only finite numbers pass."""

from __future__ import annotations

import numpy as np
import pytest
from crime_detect_engine.domain.errors import BackendError
from crime_detect_engine.vision.backends.checks import finite


def test_finite_numbers_pass_as_they_are() -> None:
    values = np.array([[1.0, -3.0]], np.float32)
    assert finite(values, "logits") is values


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_others_are_refused_by_what_they_are(value: float) -> None:
    with pytest.raises(BackendError, match="logits that are not finite"):
        finite(np.array([0.0, value], np.float32), "logits")
