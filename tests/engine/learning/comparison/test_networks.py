"""Owns the proof that the networks of the comparison take windows, read order and learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.comparison.networks import CLIP_NETWORKS  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402


@pytest.mark.parametrize("name", sorted(CLIP_NETWORKS))
def test_a_window_of_pictures_gives_logits_that_know_its_order(name: str, recipe_text: str) -> None:
    torch.manual_seed(4)
    spec = replace(parse_recipe(recipe_text).spec, size=48)
    network = CLIP_NETWORKS[name](spec).eval()
    images = torch.randint(0, 256, (2, spec.frames, 48, 48, 3), dtype=torch.uint8)
    with torch.inference_mode():
        logits = network(images)
        assert logits.shape == (2, 2)
        assert not torch.equal(logits, network(images.flip(1)))
