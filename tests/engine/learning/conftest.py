"""Owns made-up clips that a small network can tell apart, and one model trained on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

RECIPE = """
limits = ["Knows made-up noise only."]

[model]
name = "tiny"
version = "1"
network = "mobilenet_v2-lstm"
labels = ["normal", "fighting"]
feature_dim = 1280
hidden_dim = 8
size = 32
input = "difference"

[[data]]
folder = "."

[training]
start = "random"
epochs = 1
batch = 4
folds = 2
threads = 1
"""


@pytest.fixture(scope="session")
def recipe_text() -> str:
    return RECIPE


@pytest.fixture(scope="session")
def make_clip() -> Callable[[int, int], np.ndarray]:
    """`make_clip(label, seed)`: a still picture for 0, flickering for 1; uint8 [20, 32, 32, 3]."""

    def make(label: int, seed: int) -> np.ndarray:
        random = np.random.default_rng(seed)
        scene = random.integers(0, 200, (32, 32, 3))
        flicker = random.integers(0, 56, (20, 32, 32, 3)) if label else np.zeros((20, 1, 1, 1), np.int64)
        return (scene + flicker).astype(np.uint8)

    return make


@pytest.fixture(scope="session")
def samples(make_clip: Any) -> list[Any]:
    from crime_detect_engine.learning.datasets import Sample

    made = [
        Sample(f"{n}.mp4", make_clip(n % 2, n), n % 2, f"source{n // 2}", (n // 2) % 2, "youtube") for n in range(12)
    ]
    return [*made, Sample("street.mp4", make_clip(0, 99), 0, "street", 0, "ordinary", True)]


@pytest.fixture(scope="session")
def footage(recipe_text: str) -> Any:
    """How the tiny model's inputs are composed."""
    from crime_detect_engine.learning.recipe import parse_recipe
    from crime_detect_engine.training import ServingFootage

    return ServingFootage(parse_recipe(recipe_text).spec)


@pytest.fixture(scope="session")
def trained(samples: list[Any], footage: Any, recipe_text: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The models folder and the checkpoint that training on the made-up clips left there."""
    pytest.importorskip("torch", reason="torch is only in the train environment")
    from crime_detect_engine.domain.clock import SystemClock
    from crime_detect_engine.learning.commands import train_samples
    from crime_detect_engine.learning.recipe import parse_recipe

    models: Path = tmp_path_factory.mktemp("models")
    lines: list[str] = []
    recipe = parse_recipe(recipe_text)
    checkpoint = train_samples(
        recipe, samples, models, models, SystemClock(), lines.append, footage, manifest=["a" * 64]
    )
    return models, checkpoint, lines
