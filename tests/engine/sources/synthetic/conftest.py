"""Owns what the tests of the synthetic camera share."""

from datetime import UTC, datetime

import pytest
from crime_detect_engine.domain.clock import ManualClock


@pytest.fixture
def manual_clock():
    return ManualClock(datetime(2026, 11, 21, 7, 30, tzinfo=UTC))
