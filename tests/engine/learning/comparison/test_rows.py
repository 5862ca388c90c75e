"""Owns the proof that the table of what was tried is made of its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.comparison.rows import insert_table, make_row, make_table, write_row  # noqa: E402
from crime_detect_engine.learning.recipe import parse_recipe  # noqa: E402
from crime_detect_engine.learning.scoring import ScoredClip  # noqa: E402


def row(recipe_text: str, name: str, confidence: float) -> dict[str, Any]:
    spec = parse_recipe(recipe_text).spec
    scored = [
        ScoredClip(f"{n}.mp4", n % 2, f"s{n // 2}", (n // 2) % 2, "", False, ((0.0, (n % 2 - 0.5) * confidence),))
        for n in range(12)
    ]
    said = {"architecture": "LSTM", "input": "rgb", "augmentation": "none", "ms_a_frame": 1.5, "note": "made up"}
    return make_row(spec, {0: scored}, {"name": name, **said})


def test_the_best_stands_first_and_a_second_writing_replaces_the_table(recipe_text: str, tmp_path: Path) -> None:
    for name, confidence in (("worst", -3.0), ("best", 3.0)):
        write_row(tmp_path / "tried", row(recipe_text, name, confidence))
    table = make_table(tmp_path / "tried")
    assert table.index("| best: LSTM") < table.index("| worst: LSTM")
    assert "| 1.0 [1.0, 1.0] | 1.0 [1.0, 1.0] | 1.5 | 1 | made up |" in table
    page = tmp_path / "README.md"
    page.write_text("# Models\n\nBefore.\n")
    insert_table(page, "old")
    insert_table(page, table)
    assert page.read_text().startswith("# Models\n\nBefore.\n")
    assert "old" not in page.read_text()
    assert page.read_text().count("| best") == 1
