"""Owns the figures of a set of scored clips: discrimination, calibration, and intervals over source videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
)

from crime_detect_engine.domain.types import NORMAL

Array = NDArray[Any]
BINS = 10
RESAMPLES = 1000


def softmax(logits: Array, temperature: float = 1.0) -> Array:
    """Logits [N, C] → probabilities [N, C]."""
    scaled = np.asarray(logits, np.float64) / temperature
    odds = np.exp(scaled - scaled.max(1, keepdims=True))
    shares: Array = odds / odds.sum(1, keepdims=True)
    return shares


def figures(labels: Array, probabilities: Array, names: Sequence[str]) -> dict[str, Any]:
    """All figures of integer `labels` [N] and `probabilities` [N, C]; areas are of normal against the rest."""
    predicted = probabilities.argmax(1)
    every = np.arange(len(names))
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0.0)
    suspicious = labels != names.index(NORMAL)
    suspicion = 1 - probabilities[:, names.index(NORMAL)]
    both = bool(suspicious.any() and not suspicious.all())
    return {
        "clips": len(labels),
        "accuracy": rounded((predicted == labels).mean()),
        "balanced_accuracy": rounded(balanced_accuracy_score(labels, predicted)) if both else None,
        "per_class": {
            name: {"precision": rounded(p), "recall": rounded(r), "f1": rounded(f), "support": int(s)}
            for name, p, r, f, s in zip(names, precision, recall, f1, support, strict=True)
        },
        "confusion": confusion_matrix(labels, predicted, labels=every).tolist(),
        "roc_auc": roc_auc(suspicious, suspicion),
        "pr_auc": rounded(average_precision_score(suspicious, suspicion)) if both else None,
        "at_0.8": _at_threshold(suspicious, suspicion, 0.8),
        **calibration_figures(labels, probabilities),
    }


def calibration_figures(labels: Array, probabilities: Array) -> dict[str, Any]:
    """Brier score and negative log-likelihood beside those of always saying the base rate, ECE, reliability bins."""
    truth = np.eye(probabilities.shape[1])[labels]
    base = np.broadcast_to(truth.mean(0), truth.shape)
    error, bins = expected_calibration_error(labels, probabilities)
    return {
        "brier": rounded(_brier(truth, probabilities)),
        "brier_base_rate": rounded(_brier(truth, base)),
        "nll": rounded(_likelihood(labels, probabilities)),
        "nll_base_rate": rounded(_likelihood(labels, base)),
        "ece": rounded(error),
        "reliability": bins,
    }


def expected_calibration_error(labels: Array, probabilities: Array) -> tuple[float, list[dict[str, Any]]]:
    """ECE of the predicted class over 10 equal bins of confidence, and the bins."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins, error = [], 0.0
    for index in np.unique(place):
        inside = place == index
        gap = abs(confidence[inside].mean() - right[inside].mean())
        error += gap * inside.mean()
        bins.append(
            {"from": int(index) / BINS, "clips": int(inside.sum()), "confidence": rounded(confidence[inside].mean()),
             "accuracy": rounded(right[inside].mean())}
        )  # fmt: skip
    return float(error), bins


def perfect_calibration_error(probabilities: Array, draws: int = 500, seed: int = 0) -> dict[str, float]:
    """The ECE that a perfectly calibrated model with these scores would show on as many clips, by chance alone."""
    random = np.random.default_rng(seed)
    edges = probabilities.cumsum(1)
    found = []
    for _ in range(draws):
        labels = np.minimum((random.random((len(edges), 1)) > edges).sum(1), edges.shape[1] - 1)
        found.append(expected_calibration_error(labels, probabilities)[0])
    return {"mean": rounded(np.mean(found)), "high_95": rounded(np.quantile(found, 0.95))}


def roc_auc(suspicious: Array, suspicion: Array) -> float | None:
    """None where all clips are of one kind."""
    if suspicious.all() or not suspicious.any():
        return None
    return rounded(roc_auc_score(suspicious, suspicion))


def roc_area(suspicious: Array, suspicion: Array) -> float:
    """scikit-learn's ROC-AUC without its checks, for the thousands of resamples of an interval."""
    quiet, loud = np.sort(suspicion[~suspicious]), suspicion[suspicious]
    below, to = np.searchsorted(quiet, loud, "left"), np.searchsorted(quiet, loud, "right")
    return float((below + to).mean() / 2 / len(quiet))


def pr_area(suspicious: Array, suspicion: Array) -> float:
    """scikit-learn's average precision without its checks."""
    order = np.argsort(-suspicion)
    last_of_equals = np.append(np.diff(suspicion[order]) != 0, True)
    found = suspicious[order].cumsum()[last_of_equals]
    precision = found / (np.flatnonzero(last_of_equals) + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])


def interval_over_groups(
    groups: Sequence[str], figure: Callable[[Array], float | None], seed: int = 0
) -> tuple[float, float] | None:
    """95 % bootstrap interval of `figure(rows)`, resampling whole groups: clips of one source are not independent."""
    random = np.random.default_rng(seed)
    names = np.array(groups)
    rows = {name: np.flatnonzero(names == name) for name in np.unique(names)}
    keys = list(rows)
    values = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([rows[keys[i]] for i in random.integers(0, len(keys), len(keys))])
        value = figure(chosen)
        if value is not None:
            values.append(value)
    if not values:
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return rounded(low), rounded(high)


def intervals(labels: Array, probabilities: Array, groups: Sequence[str], names: Sequence[str]) -> Mapping[str, Any]:
    """Intervals over sources of accuracy, areas, ECE and Brier score."""
    normal = names.index(NORMAL)
    suspicious, suspicion = labels != normal, 1 - probabilities[:, normal]
    right = probabilities.argmax(1) == labels
    squares = ((probabilities - np.eye(len(names))[labels]) ** 2).sum(1)

    def area(of: Callable[[Array, Array], float]) -> Callable[[Array], float | None]:
        def figure(rows: Array) -> float | None:
            own = suspicious[rows]
            return None if own.all() or not own.any() else float(of(own, suspicion[rows]))

        return figure

    return {
        "accuracy": interval_over_groups(groups, lambda rows: float(right[rows].mean())),
        "roc_auc": interval_over_groups(groups, area(roc_area)),
        "ece": interval_over_groups(
            groups, lambda rows: expected_calibration_error(labels[rows], probabilities[rows])[0]
        ),
        "pr_auc": interval_over_groups(groups, area(pr_area)),
        "brier": interval_over_groups(groups, lambda rows: float(squares[rows].mean())),
    }


def _at_threshold(suspicious: Array, suspicion: Array, threshold: float) -> dict[str, Any]:
    flagged = suspicion >= threshold
    right = int((flagged & suspicious).sum())
    return {
        "recall": rounded(right / suspicious.sum()) if suspicious.any() else None,
        "specificity": rounded((~flagged & ~suspicious).sum() / (~suspicious).sum()) if (~suspicious).any() else None,
        "precision": rounded(right / flagged.sum()) if flagged.any() else None,
    }


def _brier(truth: Array, probabilities: Array) -> float:
    return float(((probabilities - truth) ** 2).sum(1).mean())


def _likelihood(labels: Array, probabilities: Array) -> float:
    return float(-np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-12, None)).mean())


def rounded(value: Any) -> float:
    """To the four digits of a report."""
    return round(float(value), 4)
