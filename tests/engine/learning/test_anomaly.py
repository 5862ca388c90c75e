"""Owns the tests of learning without labels: the unusual stands out, the usual does not, drift is not promoted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.learning.anomaly import ROWS_FILE, Check, fit, fit_judges
from crime_detect_engine.vision.anomaly import AnomalyDetector, read_detector
from numpy.typing import NDArray
from sklearn.neural_network import MLPRegressor
from sklearn.svm import OneClassSVM

Rows = NDArray[np.float32]
WIDTH = 64


def place(count: int, seed: int, *, odd: bool = False) -> Rows:
    """A camera that shows five kinds of things in changing strength; an odd window shows another kind."""
    kinds = np.random.default_rng(0).standard_normal((6, WIDTH))
    random = np.random.default_rng(seed)
    strength = np.abs(random.standard_normal((count, 6)))
    strength[:, 5] = 3 + strength[:, 5] if odd else 0
    return (strength @ kinds * 0.2 + random.standard_normal((count, WIDTH)) * 0.1).astype(np.float32)


def times(count: int) -> NDArray[np.float64]:
    return np.arange(count) * 4.0


@pytest.fixture(scope="module")
def learned() -> tuple[AnomalyDetector, Check]:
    rows = place(3000, 1)
    rows[::300] = place(10, 2, odd=True)  # what crept in unseen
    return fit(rows, times(3000), "v", "k")


def test_the_unusual_stands_out_and_the_usual_does_not(learned: tuple[AnomalyDetector, Check]) -> None:
    detector, check = learned
    usual, odd = detector.scores(place(2000, 3)), detector.scores(place(200, 4, odd=True))
    assert check.passed
    assert (usual >= 0.5).mean() <= 0.005, "once in a thousand windows is half the scale"
    assert np.median(odd) > np.quantile(usual, 0.99)


def test_each_judge_knows_the_unusual_by_itself(learned: tuple[AnomalyDetector, Check]) -> None:
    usual, odd = learned[0].judge(place(1000, 3)), learned[0].judge(place(200, 4, odd=True))
    for judge in (0, 1):
        assert np.median(odd[:, judge]) > np.quantile(usual[:, judge], 0.95)


def test_serving_judges_as_the_library_does() -> None:
    made: dict[str, Any] = {}

    def keep(kind: type, name: str) -> type:
        def fitted(self: Any, *arguments: Any, **options: Any) -> Any:
            made[name] = self
            return kind.fit(self, *arguments, **options)  # type: ignore[attr-defined]

        return type(kind.__name__, (kind,), {"fit": fitted})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crime_detect_engine.learning.anomaly.OneClassSVM", keep(OneClassSVM, "machine"))
        patch.setattr("crime_detect_engine.learning.anomaly.MLPRegressor", keep(MLPRegressor, "network"))
        detector = fit_judges(place(600, 5))
    rows = place(50, 6)
    inner = (rows - detector.centre) @ detector.components.T
    expected = [-made["machine"].score_samples(inner), np.log(((made["network"].predict(inner) - inner) ** 2).mean(1))]
    assert np.allclose(detector.judge(rows), np.stack(expected, 1), atol=1e-3)


def test_a_place_that_changes_too_fast_is_not_promoted() -> None:
    """Every fifth ten minutes show what the others never do: the false alarms would follow."""
    rows, at_s = place(3000, 7), times(3000)
    checked = np.floor(at_s / 600) % 5 == 4
    rows[checked] = place(int(checked.sum()), 8, odd=True)
    assert not fit(rows, at_s)[1].passed


@pytest.mark.parametrize(("count", "spacing_s"), [(100, 4.0), (3000, 0.01)])
def test_too_little_is_refused(count: int, spacing_s: float) -> None:
    with pytest.raises(InvalidInputError, match="not enough"):
        fit(place(count, 9), np.arange(count) * spacing_s)


def test_the_process_writes_a_detector_without_torch(tmp_path: Path) -> None:
    np.savez(tmp_path / ROWS_FILE, rows=place(1500, 1).astype(np.float16), at_s=times(1500))
    code = (
        "import sys; from crime_detect_engine.learning.anomaly import main; import os;"
        f"main([{str(tmp_path)!r}, 'v7', 'k']); print(os.nice(0), 'torch' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    answer, rest = run.stdout.splitlines()
    assert json.loads(answer)["promoted"] is True
    assert rest == "19 False"
    found = read_detector(tmp_path, "k")
    assert found is not None
    assert found[0].version == "v7"
    assert found[1]["rows"] == 1500
