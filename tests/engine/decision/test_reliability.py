"""What thresholds and confidences are worth (mission rows 56 and 57)."""

from __future__ import annotations

import pytest
from crime_detect_engine.decision.reliability import (
    SWEEP_THRESHOLDS,
    best_f1,
    expected_calibration_error,
    reliability,
    sweep,
)
from hypothesis import given
from hypothesis import strategies as st

LABELLED = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_sweep_counts_at_the_papers_thresholds() -> None:
    points = sweep([0.95, 0.8, 0.7, 0.6, 0.4], [True, True, False, True, False])
    assert [point.threshold for point in points] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    at_080 = points[6]
    assert (at_080.true_positives, at_080.false_positives) == (2, 0)
    assert (at_080.false_negatives, at_080.true_negatives) == (1, 2)
    assert (at_080.precision, at_080.recall) == (1.0, pytest.approx(2 / 3))
    assert at_080.f1 == pytest.approx(0.8)


def test_best_f1_and_of_equals_the_calmer() -> None:
    points = sweep([0.95, 0.8, 0.7, 0.6, 0.4], [True, True, False, True, False])
    assert best_f1(points).threshold == 0.6
    assert best_f1(sweep([0.97], [True])).threshold == 0.95


def test_threshold_itself_counts_as_alert() -> None:
    (point,) = sweep([0.8], [True], [0.8])
    assert point.true_positives == 1


def test_no_alert_and_no_incident_have_defined_ratios() -> None:
    (point,) = sweep([0.1], [False], [0.8])
    assert (point.precision, point.recall, point.f1) == (1.0, 0.0, 0.0)


def test_reliability_bins_and_error() -> None:
    bins = reliability([0.55, 0.59, 0.95, 1.0], [True, False, True, True])
    assert [(one.low, one.count, one.accuracy) for one in bins] == [(0.5, 2, 0.5), (0.9, 2, 1.0)]
    assert bins[0].mean_confidence == pytest.approx(0.57)
    assert expected_calibration_error(bins) == pytest.approx(0.5 * 0.07 + 0.5 * 0.025)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        reliability([1.2], [True])
    with pytest.raises(ValueError):
        sweep([0.1, 0.2], [True])
    assert expected_calibration_error(reliability([], [])) == 0.0


@given(LABELLED)
def test_recall_never_grows_with_the_threshold(labelled: list[tuple[float, bool]]) -> None:
    points = sweep(*zip(*labelled, strict=True), SWEEP_THRESHOLDS)
    recalls = [point.recall for point in points]
    assert recalls == sorted(recalls, reverse=True)
    assert all(0 <= ratio <= 1 for point in points for ratio in (point.precision, point.recall, point.f1))


@given(LABELLED)
def test_bins_hold_every_prediction_once(labelled: list[tuple[float, bool]]) -> None:
    bins = reliability(*zip(*labelled, strict=True))
    assert sum(one.count for one in bins) == len(labelled)
    assert all(one.low <= one.mean_confidence + 1e-9 and one.mean_confidence - 1e-9 <= one.high for one in bins)
    assert 0 <= expected_calibration_error(bins) <= 1
