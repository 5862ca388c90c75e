from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crime_detect_engine.sampling.masks import Masks
from crime_detect_engine.sampling.picture import MaskedPicture


def test_it_converts_only_when_looked_at_and_keeps_the_aspect(drawn: Callable[..., Any]) -> None:
    raw = drawn(0.0)
    picture = MaskedPicture(raw, Masks())
    assert (picture.width, picture.height, raw.conversions) == (160, 96, 0)
    assert picture.rgb().shape == (96, 160, 3)
    assert picture.rgb(48).shape == (48, 80, 3)
    assert picture.rgb(1000).shape == (96, 160, 3)
