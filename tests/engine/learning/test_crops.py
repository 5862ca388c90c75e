"""Owns the proof that several looks are averaged window by window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning import crops  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402


def test_looks_of_different_sizes_are_averaged(recipe_text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Footage:
        def compose(self, _clip: Any, zoom: float = 1.0, _region: str | None = None) -> float:
            return zoom

    def score(_network: Any, _spec: Any, _samples: Any, footage: Any) -> list[ScoredClip]:
        zoom = footage.compose(None)
        return [ScoredClip("a.mp4", 0, "a", 0, "", False, ((zoom, 0.0), (0.0, zoom)))]

    monkeypatch.setattr(crops, "score_clips", score)
    recipe = parse_recipe(recipe_text)
    footage: Any = Footage()
    assert crops.score_crops(None, recipe, [], footage)[0].windows == ((1.0, 0.0), (0.0, 1.0))
    three = replace(recipe, training=replace(recipe.training, test_zooms=(0.5, 1.0, 2.1)))
    first, second = crops.score_crops(None, three, [], footage)[0].windows
    assert first == pytest.approx((1.2, 0.0))
    assert second == pytest.approx((0.0, 1.2))
