"""Owns what several seeds say together: mean and spread of single networks, and their average under its own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crime_detect_engine.domain.types import NORMAL, ModelSpec

from .calibration import cross_fitted
from .metrics import figures, interval_over_groups, intervals, roc_area, softmax
from .scoring import ScoredClip, clip_arrays

KEYS = ("accuracy", "balanced_accuracy", "roc_auc", "pr_auc", "brier", "nll", "ece")


def pool_seeds(spec: ModelSpec, by_seed: Mapping[int, Sequence[ScoredClip]]) -> dict[str, Any]:
    """Figures over the seeds of the same clips in the same folds, calibrated fold by fold.

    `mean` and `spread` are of single networks, which is what ships. `averaged` is of the mean of their probabilities,
    an ensemble as large as the number of seeds. Intervals resample sources; that of `mean` holds all seeds at once.
    """
    runs = {seed: sorted((c for c in clips if not c.extra), key=_path) for seed, clips in by_seed.items()}
    first = next(iter(runs.values()))
    groups = [clip.group for clip in first]
    labels = clip_arrays(spec, first)[1]
    probabilities = {seed: _calibrated(spec, clips) for seed, clips in runs.items()}
    single = {str(seed): figures(labels, p, spec.labels) for seed, p in probabilities.items()}
    average = np.mean(list(probabilities.values()), 0)
    return {
        "per_seed": {seed: {key: found[key] for key in KEYS} for seed, found in single.items()},
        "mean": {key: _over(single, key, np.mean) for key in KEYS},
        "spread": {key: _over(single, key, lambda values: np.std(values, ddof=1)) for key in KEYS},
        "interval_95": _mean_intervals(labels, list(probabilities.values()), groups, spec.labels.index(NORMAL)),
        "averaged": {
            "what": f"an ensemble of {len(runs)} networks, not the one that ships",
            **figures(labels, average, spec.labels),
            "interval_95": intervals(labels, average, groups, spec.labels),
        },
    }


def _calibrated(spec: ModelSpec, clips: Sequence[ScoredClip]) -> Any:
    logits, labels = clip_arrays(spec, clips)
    folds = [clip.fold for clip in clips]
    return cross_fitted(logits, labels, folds) if len(set(folds)) > 1 else softmax(logits)


def _mean_intervals(labels: Any, runs: Sequence[Any], groups: Sequence[str], normal: int) -> dict[str, Any]:
    suspicious = labels != normal
    right = np.mean([p.argmax(1) == labels for p in runs], 0)

    def area(rows: Any) -> float | None:
        own = suspicious[rows]
        if own.all() or not own.any():
            return None
        return float(np.mean([roc_area(own, 1 - p[rows, normal]) for p in runs]))

    return {
        "accuracy": interval_over_groups(groups, lambda rows: float(right[rows].mean())),
        "roc_auc": interval_over_groups(groups, area),
    }


def _over(single: Mapping[str, Mapping[str, Any]], key: str, of: Any) -> float | None:
    values = [found[key] for found in single.values() if found[key] is not None]
    return round(float(of(values)), 4) if len(values) == len(single) and len(values) > 1 else None


def _path(clip: ScoredClip) -> tuple[str, int]:
    return clip.path, clip.label
