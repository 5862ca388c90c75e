"""Owns the check that no backend hands on numbers that are none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import BackendError


def finite(values: NDArray[np.float32], what: str) -> NDArray[np.float32]:
    """The same array. Raises BackendError for NaN or infinity, so that these never become a score."""
    if not np.isfinite(values).all():
        raise BackendError(f"the network gave {what} that are not finite")
    return values
