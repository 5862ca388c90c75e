"""Owns that the table of what was tried says what the experiments say, and that their figures come from reports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.rig.scripts import load_script

MODELS = Path(__file__).resolve().parent.parent / "models"


@pytest.fixture(scope="module")
def listing() -> ModuleType:
    return load_script("models/list_tried.py")


def test_the_table_is_the_one_its_experiments_give(listing: Any) -> None:
    readme = (MODELS / "README.md").read_text(encoding="utf-8")
    rows = listing.read_experiments(MODELS / "tried")
    assert rows
    assert listing.with_table(readme, rows) == readme, "run python models/list_tried.py"


def test_the_better_comes_first_and_what_was_not_measured_last(listing: Any, tmp_path: Path) -> None:
    for name, area in (("a", 0.8), ("b", None), ("c", 0.9)):
        row: dict[str, Any] = dict.fromkeys(listing.KEYS) | dict.fromkeys(listing.TEXTS, "") | {"seeds": [7]}
        (tmp_path / f"{name}.json").write_text(json.dumps(row | {"name": name, "roc_auc": area}))
    rows = listing.read_experiments(tmp_path)
    assert [row["name"] for row in rows] == ["c", "a", "b"]
    assert "| b |  |  |  | – | – | – | 1 |  |" in listing.table(rows)


def test_an_experiment_with_a_missing_or_made_up_key_is_refused(listing: Any, tmp_path: Path) -> None:
    file = Path(shutil.copy(next(iter(sorted((MODELS / "tried").glob("*.json")))), tmp_path))
    row = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({key: value for key, value in row.items() if key != "seeds"} | {"acuracy": 1}))
    with pytest.raises(ValueError, match=rf"{file.name}: acuracy, seeds"):
        listing.read_experiments(tmp_path)


def test_figures_are_taken_from_the_report_and_of_several_seeds_the_mean(listing: Any) -> None:
    part = {
        "after_scaling": {"accuracy": 0.95, "roc_auc": 0.99},
        "interval_95": {"accuracy": [0.9, 1.0], "roc_auc": [0.98, 1.0], "ece": [0.0, 0.1]},
    }
    texts = dict.fromkeys(listing.TEXTS, "x")
    lucky = listing.experiment_of({"parts": {"all": part}, "seed": 3}, texts, 2.5)
    assert (lucky["accuracy"], lucky["interval"]["accuracy"], lucky["ms_a_frame"]) == (0.95, [0.9, 1.0], 2.5)
    assert lucky["seeds"] == [3]
    seeds = {
        "per_seed": {"7": {}, "8": {}},
        "mean": {"accuracy": 0.9, "roc_auc": 0.96},
        "interval_95": {"accuracy": [0.85, 0.95], "roc_auc": [0.93, 0.98]},
    }
    honest = listing.experiment_of({"parts": {"all": part}, "seeds": seeds}, texts, None)
    assert (honest["accuracy"], honest["roc_auc"], honest["seeds"]) == (0.9, 0.96, [7, 8])
    assert set(honest) == listing.KEYS


def test_the_tables_of_the_detectors_are_those_of_their_report() -> None:
    module = load_script("models/list_detection.py")
    page = (MODELS.parent / "docs" / "tracking.md").read_text(encoding="utf-8")
    report = json.loads((MODELS / "reports" / "detection.json").read_text(encoding="utf-8"))
    assert module.with_tables(page, report) == page, "run python models/measure_detection.py --list"


def test_the_tables_of_what_is_hidden_are_those_of_their_report() -> None:
    module = load_script("models/list_faces.py")
    page = (MODELS.parent / "docs" / "privacy" / "blurring.md").read_text(encoding="utf-8")
    report = json.loads((MODELS / "reports" / "faces.json").read_text(encoding="utf-8"))
    assert module.with_tables(page, report) == page, "run python models/measure_faces.py --list"
