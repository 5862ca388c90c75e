"""Owns what a threshold does: the sweep, the point of most F1 chosen where it is not judged, the papers' figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calibration import cross_fitted, fit_temperature
from .metrics import rounded, softmax

Array = NDArray[Any]
COARSE = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
FINE = tuple(round(0.01 * step, 2) for step in range(1, 100))


def at_threshold(suspicious: Array, flagged: Array) -> dict[str, Any]:
    """Figures of clips [N] of which some are suspicious and some were flagged; None where nothing can be divided by."""
    true, false = int((flagged & suspicious).sum()), int((flagged & ~suspicious).sum())
    missed, quiet = int((~flagged & suspicious).sum()), int((~flagged & ~suspicious).sum())
    return {
        "accuracy": _ratio(true + quiet, len(suspicious)),
        "precision": _ratio(true, true + false),
        "recall": _ratio(true, true + missed),
        "f1": _ratio(2 * true, 2 * true + false + missed),
        "specificity": _ratio(quiet, quiet + false),
        "true_alerts": true,
        "false_alerts": false,
    }


def sweep(suspicious: Array, suspicion: Array, thresholds: Sequence[float] = COARSE) -> list[dict[str, Any]]:
    return [{"threshold": t, **at_threshold(suspicious, suspicion >= t)} for t in thresholds]


def best_threshold(suspicious: Array, suspicion: Array) -> float:
    """The threshold of most F1, in steps of 0.01; in the middle of those that are equally good."""
    scores = np.array([row["f1"] or 0.0 for row in sweep(suspicious, suspicion, FINE)])
    best = np.flatnonzero(scores == scores.max())
    return FINE[int(best[len(best) // 2])]


def threshold_report(
    logits: Array, labels: Array, folds: Sequence[int], normal: int, *, rescale: bool = True
) -> dict[str, Any]:
    """The sweep over calibrated scores, and the point of most F1.

    `nested` chooses threshold and temperature of each fold on the other folds and counts only the fold itself: the
    figure to expect. `all_folds` chooses on everything: the threshold to set, and too good a figure.
    """
    suspicious, place = labels != normal, np.array(folds)
    several = len(set(folds)) > 1
    after = cross_fitted(logits, labels, folds) if rescale and several else softmax(logits)
    suspicion = 1 - after[:, normal]
    chosen = best_threshold(suspicious, suspicion)
    report: dict[str, Any] = {
        "sweep": sweep(suspicious, suspicion),
        "most_f1": {"all_folds": {"threshold": chosen, **at_threshold(suspicious, suspicion >= chosen)}},
    }
    if several:
        flagged, points = np.zeros(len(labels), bool), {}
        for fold in sorted(set(folds)):
            own = place == fold
            temperature = fit_temperature(logits[~own], labels[~own]) if rescale else 1.0
            others = 1 - softmax(logits[~own], temperature)[:, normal]
            points[str(fold)] = best_threshold(suspicious[~own], others)
            flagged[own] = suspicion[own] >= points[str(fold)]
        report["most_f1"]["nested"] = {"thresholds": points, **at_threshold(suspicious, flagged)}
    return report


def paper_figures(suspicious: Array, suspicion: Array, threshold: float) -> dict[str, Any]:
    """What S3 and S4 report, by their own definitions; response time is measured where alerts are delivered.

    S3's "MSE" is taken as that of the probabilities, S4's "false alarm rate" is false ÷ true alerts.
    """
    half, alerts = at_threshold(suspicious, suspicion >= 0.5), at_threshold(suspicious, suspicion >= threshold)
    return {
        "S3": {
            "threshold": 0.5,
            **{key: half[key] for key in ("accuracy", "precision", "recall", "f1")},
            "mse_of_probabilities": rounded(((suspicion - suspicious) ** 2).mean()),
        },
        "S4": {
            "threshold": threshold,
            "false_alarm_rate": _ratio(alerts["false_alerts"], alerts["true_alerts"]),
            "sensitivity": alerts["recall"],
            "specificity": alerts["specificity"],
        },
    }


def _ratio(part: int, whole: int) -> float | None:
    return rounded(part / whole) if whole else None
