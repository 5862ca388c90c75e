"""Owns the proof that a threshold is never judged where it was chosen, and that the papers' figures are theirs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is only in the train environment")

from crime_detect_engine.learning.thresholds import (
    COARSE,
    at_threshold,
    best_threshold,
    paper_figures,
    sweep,
    threshold_report,
)

SUSPICIOUS = np.array([False, False, True, True, True])
SUSPICION = np.array([0.1, 0.6, 0.95, 0.7, 0.2])


def test_the_sweep_goes_from_a_half_to_almost_sure() -> None:
    rows = sweep(SUSPICIOUS, SUSPICION)
    assert [row["threshold"] for row in rows] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95] == list(COARSE)
    by_threshold = {row["threshold"]: row for row in rows}
    assert by_threshold[0.5] == {
        "threshold": 0.5, "accuracy": 0.6, "precision": 0.6667, "recall": 0.6667, "f1": 0.6667, "specificity": 0.5,
        "true_alerts": 2, "false_alerts": 1,
    }  # fmt: skip
    assert (by_threshold[0.7]["precision"], by_threshold[0.7]["recall"]) == (1.0, 0.6667), "0.7 itself counts"
    assert by_threshold[0.95]["recall"] == 0.3333


def test_what_cannot_be_divided_is_not_made_up() -> None:
    found = at_threshold(np.array([False, False]), np.array([False, False]))
    assert (found["precision"], found["recall"], found["f1"]) == (None, None, None)
    assert found["specificity"] == 1.0


def test_the_point_of_most_f1_lies_between_what_it_separates() -> None:
    best = best_threshold(np.array([False, True]), np.array([0.3, 0.7]))
    assert 0.3 < best <= 0.7
    assert best == pytest.approx(0.5, abs=0.02)


def two_folds() -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Fold 0 is separated at logit 2, fold 1 at logit -2: each other's threshold is wrong."""
    margins = np.array([1.0, 1.5, 2.5, 3.0, -3.0, -2.5, -1.5, -1.0])
    return np.stack([-margins / 2, margins / 2], 1), np.array([0, 0, 1, 1] * 2), [0] * 4 + [1] * 4


def test_a_folds_threshold_is_chosen_on_the_other_folds() -> None:
    report = threshold_report(*two_folds(), normal=0, rescale=False)["most_f1"]
    low, high = report["nested"]["thresholds"]["0"], report["nested"]["thresholds"]["1"]
    assert low < 0.5 < high, "each fold gets what suits the other"
    # Fold 0 is flagged whole, fold 1 not at all.
    assert (report["nested"]["true_alerts"], report["nested"]["false_alerts"]) == (2, 2)
    assert report["all_folds"]["f1"] > report["nested"]["f1"]


def test_lying_about_a_fold_does_not_change_its_own_threshold() -> None:
    logits, labels, folds = two_folds()
    lied = np.concatenate([1 - labels[:4], labels[4:]])
    honest, spoiled = (threshold_report(logits, y, folds, 0)["most_f1"]["nested"] for y in (labels, lied))
    assert honest["thresholds"]["0"] == spoiled["thresholds"]["0"]
    assert honest["thresholds"]["1"] != spoiled["thresholds"]["1"]


def test_one_fold_alone_has_no_nested_figure() -> None:
    logits, labels, _ = two_folds()
    assert "nested" not in threshold_report(logits, labels, [0] * 8, 0)["most_f1"]


def test_the_papers_figures_are_under_their_own_definitions() -> None:
    found = paper_figures(SUSPICIOUS, SUSPICION, 0.6)
    assert found["S3"]["mse_of_probabilities"] == pytest.approx(
        np.mean([0.1**2, 0.6**2, 0.05**2, 0.3**2, 0.8**2]), abs=1e-4
    )
    assert found["S3"]["accuracy"] == 0.6
    # One false alert beside two true ones: a half, though a third of the alerts are false.
    assert found["S4"] == {"threshold": 0.6, "false_alarm_rate": 0.5, "sensitivity": 0.6667, "specificity": 0.5}
    assert paper_figures(SUSPICIOUS, SUSPICION * 0, 0.6)["S4"]["false_alarm_rate"] is None
