"""Owns the proof that several seeds are told as mean and spread, and that their average never poses as one network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402
from crime_detect_engine.learning.seeds import pool_seeds  # noqa: E402


def clips(wrong: set[int]) -> list[ScoredClip]:
    """Twenty clips of ten sources in two folds; sure and right but for those in `wrong`."""
    found = []
    for n in range(20):
        label = n % 2
        margin = 2.0 if (label == 1) != (n in wrong) else -2.0
        found.append(
            ScoredClip(f"{n:02}.mp4", label, f"s{n // 2}", (n // 2) % 2, "", False, ((-margin / 2, margin / 2),))
        )
    return found


@pytest.fixture
def spec(recipe_text: str) -> Any:
    return parse_recipe(recipe_text).spec


def test_the_mean_is_of_single_networks_and_the_average_has_its_own_name(spec: Any) -> None:
    report = pool_seeds(spec, {7: clips({0, 1}), 8: clips({2, 3}), 9: clips({4, 5, 6, 7})})
    assert [report["per_seed"][seed]["accuracy"] for seed in ("7", "8", "9")] == [0.9, 0.9, 0.8]
    assert report["mean"]["accuracy"] == pytest.approx((0.9 + 0.9 + 0.8) / 3, abs=1e-4)
    assert report["spread"]["accuracy"] == pytest.approx(np.std([0.9, 0.9, 0.8], ddof=1), abs=1e-4)
    assert report["averaged"]["accuracy"] == 1.0, "no clip is wrong in two of three"
    assert "not the one that ships" in report["averaged"]["what"]
    low, high = report["interval_95"]["accuracy"]
    assert low < report["mean"]["accuracy"] < high


def test_the_order_of_the_clips_does_not_matter(spec: Any) -> None:
    straight = pool_seeds(spec, {7: clips({0}), 8: clips({1})})
    turned = pool_seeds(spec, {7: clips({0}), 8: clips({1})[::-1]})
    assert straight["averaged"] == turned["averaged"]


def test_extra_footage_is_no_part_of_it(spec: Any) -> None:
    extra = replace(clips(set())[0], path="street.mp4", extra=True)
    assert pool_seeds(spec, {7: [*clips({0}), extra], 8: clips({1})})["averaged"]["clips"] == 20
