"""Owns the proof that every drawn hard negative moves, is what it is called, and is the same each time."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.sampling.cuts import CutDetector

ROOT = Path(__file__).resolve().parent.parent
SMALL = (320, 180)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "models" / "datasets"))
    yield importlib.import_module("hard_negatives")
    for name in ("hard_negatives", "demo"):
        sys.modules.pop(name, None)


def change(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(int) - b).mean())


def test_every_kind_moves_and_is_the_same_each_time(drawn: Any) -> None:
    for kind in drawn.KINDS:
        first, again = (list(drawn.pictures(kind, 3, 0.8, 5, SMALL)) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True)), kind
        # Grain alone changes 1.7 levels.
        assert change(first[0], first[-1]) > 1.9, kind


def test_the_infrared_switch_is_found_as_a_cut_and_a_walk_is_not(drawn: Any) -> None:
    pictures = list(drawn.pictures("infrared_switch", 1, 8.0, 2, SMALL))
    detector = CutDetector()
    cuts = [index for index, picture in enumerate(pictures) if detector.cut(picture, known=index == 0)]
    assert cuts == [0, 12]


def test_the_clips_say_that_they_are_drawn(drawn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "KINDS", {"pet": drawn.KINDS["pet"]})
    monkeypatch.setattr(sys, "argv", ["hard_negatives.py", str(tmp_path), "--variants", "1", "--seconds", "0.2"])
    drawn.main()
    assert json.loads((tmp_path / "procedural.json").read_text())["kinds"] == ["pet"]
    assert [path.name for path in tmp_path.rglob("*.mp4")] == ["pet_0.mp4"]
