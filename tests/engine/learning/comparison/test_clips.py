"""Owns the proof that whole-clip networks are measured over the same folds, on windows as in serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.comparison.clips import cross_validate_clips, filled  # noqa: E402
from crime_detect_engine.learning.comparison.rows import make_row  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402


def test_a_small_volume_network_learns_flicker(
    samples: list[Any], footage: Any, recipe_text: str, tmp_path: Path
) -> None:
    recipe = parse_recipe(recipe_text + "\n[augmentation]\nmixup = 0.0\n")
    own = [sample for sample in samples if not sample.extra]
    lines: list[str] = []
    scored = cross_validate_clips("cnn3d", recipe, own, tmp_path, footage, lines.append, seed=0, epochs=12)
    assert sorted(clip.path for clip in scored) == sorted(sample.path for sample in own)
    assert len(lines) == 24
    assert make_row(recipe.spec, {0: scored}, {"name": "x"})["roc_auc"] > 0.9


def test_what_is_missing_before_a_short_clip_lay_still(samples: list[Any], footage: Any, recipe_text: str) -> None:
    spec = parse_recipe(recipe_text).spec
    composed = footage.compose(samples[1].clip)[:5]
    whole = filled(composed, spec)
    assert len(whole) == spec.frames
    assert (whole[:-5] == 128).all()
    assert (whole[-5:] == composed).all()
