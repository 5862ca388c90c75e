"""Owns the proof that an experiment is made of scores and can stand in the table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.comparison.rows import cpu_ms, describe_input, make_row, write_row  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402


@pytest.mark.parametrize(("confidence", "right"), [(3.0, 1.0), (-3.0, 0.0)])
def test_figures_come_from_the_scores(recipe_text: str, tmp_path: Path, confidence: float, right: float) -> None:
    spec = parse_recipe(recipe_text).spec
    scored = [
        ScoredClip(f"{n}.mp4", n % 2, f"s{n // 2}", (n // 2) % 2, "", False, ((0.0, (n % 2 - 0.5) * confidence),))
        for n in range(12)
    ]
    row = make_row(spec, {7: scored}, {"name": "x", "input": describe_input(spec), "ms_a_frame": cpu_ms(dict)})
    kept = json.loads(write_row(tmp_path / "tried", row).read_text())
    assert (kept["accuracy"], kept["roc_auc"], kept["seeds"]) == (right, right, [7])
    assert kept["interval"]["accuracy"] == [right, right]
    assert kept["input"] == "difference of the whole picture, 32 px, 16 frames at 8/s"
    around = replace(spec, region="peak", source_size=64)
    assert describe_input(around) == "difference around the busiest place of 64 px, 32 px, 16 frames at 8/s"
    assert describe_input(around, "persons") == "difference around persons of 64 px, 32 px, 16 frames at 8/s"
