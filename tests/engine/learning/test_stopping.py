"""Owns the proof of early stopping: who tells when, and how long the final training takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.errors import InvalidInputError

pytest.importorskip("torch", reason="torch is only in the train environment")
pytestmark = pytest.mark.torch

from crime_detect_engine.learning.stopping import exhausted, hold_out, usual_epoch  # noqa: E402


def run(folder: Path, losses: list[float]) -> Path:
    folder.mkdir()
    lines = [json.dumps({"epoch": n, "validation_loss": loss}) for n, loss in enumerate(losses, 1)]
    (folder / "metrics.jsonl").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize(("missing", "told"), [(0, 1), (1, 2), (2, 3), (3, 2), (None, 3)])
def test_another_fold_than_the_reported_one_tells(samples: list[Any], missing: int | None, told: int) -> None:
    four = [replace(sample, fold=n % 4) for n, sample in enumerate(samples[:12])]
    learned, held_out = hold_out([sample for sample in four if sample.fold != missing])
    assert {sample.fold for sample in held_out} == {told}
    assert {sample.fold for sample in learned} == {0, 1, 2, 3} - {told, missing}


def test_one_fold_is_too_few(samples: list[Any]) -> None:
    with pytest.raises(InvalidInputError, match="needs two folds"):
        hold_out([sample for sample in samples if sample.fold == 0])


def test_patience_and_the_usual_epoch(tmp_path: Path) -> None:
    better = run(tmp_path / "fold0", [0.6, 0.5, 0.4])
    worse = run(tmp_path / "fold1", [0.4, 0.5, 0.6])
    assert not exhausted(better, 2)
    assert exhausted(worse, 2)
    assert not exhausted(worse, 3)
    run(tmp_path / "fold2", [0.6, 0.3, 0.5])
    assert usual_epoch(tmp_path) == 2
    assert usual_epoch(tmp_path / "nothing") is None
