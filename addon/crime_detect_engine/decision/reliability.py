"""Owns what thresholds and confidences are worth on labelled clips: sweep, precision-recall, reliability bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEP_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""0.50, 0.55 … 0.95, as paper S2 (5.2.4) sweeps them."""
BIN_EDGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """Counts of clips at one threshold. A ratio without cases is 0 (recall, F1) or 1 (precision of no alerts)."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        alerts = self.true_positives + self.false_positives
        return self.true_positives / alerts if alerts else 1.0

    @property
    def recall(self) -> float:
        incidents = self.true_positives + self.false_negatives
        return self.true_positives / incidents if incidents else 0.0

    @property
    def f1(self) -> float:
        doubled = 2 * self.true_positives
        total = doubled + self.false_positives + self.false_negatives
        return doubled / total if total else 0.0


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions with `low` <= confidence < `high` (the last bin includes 1) and how often they were right."""

    low: float
    high: float
    count: int
    mean_confidence: float
    accuracy: float


def sweep(
    confidences: Sequence[float], truths: Sequence[bool], thresholds: Sequence[float] = SWEEP_THRESHOLDS
) -> tuple[SweepPoint, ...]:
    """One point a threshold; a clip alerts when its confidence is at or above it. Raises ValueError on lengths."""
    pairs = _pairs(confidences, truths)
    points = []
    for threshold in thresholds:
        hits = sum(1 for confidence, truth in pairs if truth and confidence >= threshold)
        false = sum(1 for confidence, truth in pairs if not truth and confidence >= threshold)
        incidents = sum(truth for _, truth in pairs)
        points.append(SweepPoint(threshold, hits, false, incidents - hits, len(pairs) - incidents - false))
    return tuple(points)


def best_f1(points: Sequence[SweepPoint]) -> SweepPoint:
    """The point of the highest F1; of equals the highest threshold, which alarms least."""
    return max(points, key=lambda point: (point.f1, point.threshold))


def reliability(
    confidences: Sequence[float], correct: Sequence[bool], edges: Sequence[float] = BIN_EDGES
) -> tuple[ReliabilityBin, ...]:
    """The bins that hold predictions, in order. Raises ValueError for a confidence outside the edges."""
    pairs = _pairs(confidences, correct)
    if any(not edges[0] <= confidence <= edges[-1] for confidence, _ in pairs):
        raise ValueError(f"a confidence lies outside {edges[0]}..{edges[-1]}")
    bins = []
    for low, high in pairwise(edges):
        inside = [pair for pair in pairs if low <= pair[0] < high or pair[0] == high == edges[-1]]
        if inside:
            mean = sum(confidence for confidence, _ in inside) / len(inside)
            bins.append(ReliabilityBin(low, high, len(inside), mean, sum(right for _, right in inside) / len(inside)))
    return tuple(bins)


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Mean gap of confidence and accuracy, weighted by count; 0 without predictions."""
    total = sum(one.count for one in bins)
    return sum(one.count * abs(one.mean_confidence - one.accuracy) for one in bins) / total if total else 0.0


def _pairs(confidences: Sequence[float], flags: Sequence[bool]) -> list[tuple[float, bool]]:
    return list(zip(confidences, flags, strict=True))
