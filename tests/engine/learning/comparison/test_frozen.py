"""Owns the proof that heads on frozen features are measured on clips they never saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.comparison.frozen import cross_validate_head  # noqa: E402
from crime_detect_engine.learning.comparison.rows import make_row  # noqa: E402
from crime_detect_engine.learning.datasets import Sample  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402


def order_task(count: int = 64) -> tuple[list[Sample], list[np.ndarray]]:
    """Features that rise (0) or fall (1): every statistic that knows no order is blind to it."""
    random = np.random.default_rng(0)
    samples, features = [], []
    for n in range(count):
        ramp = np.linspace(-1, 1, 16)[:: 1 if n % 2 == 0 else -1, None]
        features.append((ramp + random.normal(0, 0.3, (16, 8))).astype(np.float32))
        samples.append(Sample(f"{n}.mp4", np.empty((0, 1, 1, 3), np.uint8), n % 2, f"s{n // 2}", (n // 2) % 2))
    return samples, features


def area(head: str, recipe_text: str) -> float:
    recipe = parse_recipe(recipe_text)
    recipe = replace(
        recipe, spec=replace(recipe.spec, feature_dim=8, hidden_dim=16), training=replace(recipe.training, batch=8)
    )
    samples, features = order_task()
    by_seed = {seed: cross_validate_head(head, recipe, samples, features, seed=seed, epochs=20) for seed in (0,)}
    row = make_row(recipe.spec, by_seed, {"name": head})
    assert row["seeds"] == [0]
    return float(row["roc_auc"])


@pytest.mark.parametrize("head", ["lstm", "tcn"])
def test_heads_that_read_order_learn_it(head: str, recipe_text: str) -> None:
    assert area(head, recipe_text) > 0.85


@pytest.mark.parametrize("head", ["attention"])
def test_heads_that_read_no_order_cannot(head: str, recipe_text: str) -> None:
    assert area(head, recipe_text) < 0.75
