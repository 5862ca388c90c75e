from __future__ import annotations

import pytest
from crime_detect_engine.sampling.rate import rate_of


def test_a_skip_near_the_models_rate_is_taken() -> None:
    assert rate_of(3, 25, 8) == (25 / 3, None)
    assert rate_of(4, 30, 8) == (7.5, None)
    assert rate_of(1, 10, 8) == (10, None)
    assert rate_of(None, 25, 8) == (8, None)


@pytest.mark.parametrize("skip", [1, 2, 5, 30])
def test_another_skip_keeps_the_models_rate_and_says_why(skip: int) -> None:
    rate, note = rate_of(skip, 25, 8)
    assert rate == 8
    assert note is not None
    assert "frame_skip 3 would be nearest" in note


def test_an_unknown_source_rate_keeps_the_models() -> None:
    rate, note = rate_of(5, 0.0, 8)
    assert rate == 8
    assert note


def test_zero_is_no_skip() -> None:
    with pytest.raises(ValueError):
        rate_of(0, 25, 8)
