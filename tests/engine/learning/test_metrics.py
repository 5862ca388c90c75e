"""Owns the proof of the figures on cases that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is only in the train environment")

from crime_detect_engine.learning.metrics import (
    expected_calibration_error,
    figures,
    interval_over_groups,
    perfect_calibration_error,
    pr_area,
    roc_area,
    softmax,
)

NAMES = ("normal", "fighting")


def two(suspicion: list[float]) -> np.ndarray:
    return np.array([[1 - p, p] for p in suspicion])


def test_the_figures_of_five_clips() -> None:
    found = figures(np.array([0, 0, 1, 1, 1]), two([0.1, 0.6, 0.9, 0.7, 0.2]), NAMES)
    assert found["accuracy"] == 0.6
    assert found["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2, abs=1e-4)
    assert found["confusion"] == [[1, 1], [1, 2]]
    assert found["per_class"]["fighting"] == {"precision": 0.6667, "recall": 0.6667, "f1": 0.6667, "support": 3}
    # Of the six pairs only (0.6, 0.2) is in the wrong order.
    assert found["roc_auc"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["at_0.8"] == {"recall": 0.3333, "specificity": 1.0, "precision": 1.0}


def test_one_class_alone_has_no_areas_and_does_not_fail() -> None:
    found = figures(np.array([0, 0]), two([0.1, 0.2]), NAMES)
    assert (found["roc_auc"], found["pr_auc"], found["balanced_accuracy"]) == (None, None, None)
    assert found["accuracy"] == 1.0


def test_always_saying_the_base_rate_scores_as_the_base_rate() -> None:
    found = figures(np.array([0, 0, 0, 1]), two([0.25] * 4), NAMES)
    assert found["brier"] == found["brier_base_rate"]
    assert found["nll"] == found["nll_base_rate"]


def test_ece_is_the_gap_between_confidence_and_accuracy() -> None:
    error, bins = expected_calibration_error(np.array([1, 1, 1, 0]), two([0.95] * 4))
    assert error == pytest.approx(0.2)
    assert bins == [{"from": 0.9, "clips": 4, "confidence": 0.95, "accuracy": 0.75}]


def test_intervals_resample_sources_not_clips() -> None:
    # Two sources, one all right and one all wrong: by clips the interval would be narrow, by sources it is everything.
    right = np.array([1.0] * 50 + [0.0] * 50)
    low, high = interval_over_groups(["a"] * 50 + ["b"] * 50, lambda rows: float(right[rows].mean())) or (1, 0)
    assert (low, high) == (0.0, 1.0)


def test_softmax_survives_huge_logits() -> None:
    assert softmax(np.array([[1e4, -1e4]]))[0].tolist() == [1.0, 0.0]
    assert softmax(np.array([[2.0, 0.0]]), 2.0)[0, 0] == pytest.approx(1 / (1 + math.exp(-1)))


def test_a_perfect_model_shows_less_ece_the_more_clips_there_are() -> None:
    few, many = (perfect_calibration_error(two(list(np.linspace(0.05, 0.95, n)))) for n in (50, 2000))
    assert many["mean"] < few["mean"] / 3
    assert few["mean"] < few["high_95"]


def test_the_quick_areas_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    random = np.random.default_rng(0)
    for _ in range(10):
        suspicious, suspicion = random.random(40) < 0.4, random.integers(0, 8, 40) / 8
        assert roc_area(suspicious, suspicion) == pytest.approx(roc_auc_score(suspicious, suspicion))
        assert pr_area(suspicious, suspicion) == pytest.approx(average_precision_score(suspicious, suspicion))
