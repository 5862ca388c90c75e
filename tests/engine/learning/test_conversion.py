"""Owns the proof that an export in place leaves a complete checkpoint that names the precisions it was proven in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.vision.checkpoint import INT8_FILES, PRECISIONS, find_checkpoint, read_checkpoint

pytest.importorskip("nncf", reason="nncf is only in the train environment")
pytestmark = pytest.mark.torch


def test_an_export_in_place_names_its_precisions_in_model_report_and_digests(
    trained: Any, samples: Any, footage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quantised for real in test_precisions.py; here a copy stands in for it."""
    monkeypatch.setattr("crime_detect_engine.learning.precisions.quantise", _copy)
    from crime_detect_engine.learning.conversion import export_in_place

    models = tmp_path / "models"
    shutil.copytree(trained[1].folder, models / "tiny")
    done = export_in_place(read_checkpoint(models / "tiny"), (models,), samples, footage)
    again = find_checkpoint("tiny", (models,))
    assert done.folder == again.folder
    assert set(again.spec.precisions) == {name for name, proof in done.precisions.items() if proof["passed"]}
    assert set(json.loads((again.folder / "report.json").read_text())["precisions"]) <= set(PRECISIONS)
    assert ("int8" in again.spec.precisions) is all(name in again.spec.sha256 for name in INT8_FILES)
    assert again.has_openvino
    assert [path.name for path in models.iterdir()] == ["tiny"], "nothing half done is left"


def _copy(folder: Path, _inputs: Any) -> None:
    for suffix in ("xml", "bin"):
        shutil.copy(folder / f"cnn.{suffix}", folder / f"cnn-int8.{suffix}")


def test_a_shipped_model_is_not_edited_in_place(samples: Any, footage: Any, tmp_path: Path) -> None:
    from crime_detect_engine.learning.conversion import export_in_place

    with pytest.raises(InvalidInputError, match="shipped with the engine; name a folder with --out"):
        export_in_place(find_checkpoint("default"), (tmp_path,), samples, footage)
