"""Durations and sizes are written as people write them, and mean the same when they are read back."""

from __future__ import annotations

import pytest
from crime_detect_engine.domain.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "90s"), (300, "5m"), (43200, "12h"), (129600, "36h"), (2592000, "30d"), (1.5, "1.5s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (1234, "1234B"), (5 * 10**8, "500MB"), (2 * 10**10, "20GB"), (15 * 10**11, "1500GB")]
)
def test_sizes(size: int, text: str) -> None:
    assert format_size(size) == text
    assert parse_size(text) == size
