"""Owns the proof that every run's epochs are drawn once, whatever was interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is only in the train environment")
pytest.importorskip("matplotlib", reason="matplotlib is only in the train environment")

from crime_detect_engine.learning.curves import curves_picture, read_curves, write_curves


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for name, losses in {"fold0": [0.9, 0.5, 0.5, 0.3], "fold1": [0.8]}.items():
        (tmp_path / name).mkdir()
        # An epoch that was cut off after its line is written a second time.
        epochs = [1, 2, 2, 3][: len(losses)]
        rows = [{"epoch": e, "loss": v, "train_accuracy": 1 - v} for e, v in zip(epochs, losses, strict=True)]
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_an_epoch_written_twice_counts_once(run: Path) -> None:
    assert [row["epoch"] for row in read_curves([run])["fold0"]] == [1, 2, 3]


def test_the_folds_of_two_seeds_are_told_apart(run: Path) -> None:
    assert set(read_curves([run, run])) == {f"{run.name} fold0", f"{run.name} fold1"}


def test_the_curves_are_a_picture(run: Path) -> None:
    assert write_curves([run], run / "curves.png")
    assert (run / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert write_curves([run], run / "curves.html")
    assert 'src="data:image/svg+xml;base64,' in (run / "curves.html").read_text()
    assert (curves_picture([run]) or "").startswith("data:image/svg+xml;base64,")


def test_nothing_trained_draws_nothing(tmp_path: Path) -> None:
    assert not write_curves([tmp_path], tmp_path / "curves.png")
    assert curves_picture([]) is None
    assert not (tmp_path / "curves.png").exists()
