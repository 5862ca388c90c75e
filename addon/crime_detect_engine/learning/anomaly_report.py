"""Owns how well the unusual is told from the usual: fights as anomalies, sources kept apart, each judge by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.vision.anomaly import AnomalyDetector

from .anomaly import Rows, calibrate, fit_judges
from .metrics import interval_over_groups, roc_area

FOLDS = 8
JUDGES = ("one_class", "autoencoder", "together")
_Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of many clips: rows [N, W] of `describe_window`, their clip, its source, whether it is unusual, and
    how much moves (mean deviation of the features over time: what needs no learning)."""

    rows: Rows
    clips: NDArray[np.str_]
    sources: NDArray[np.str_]
    odd: _Flags
    movement: NDArray[np.float64]


def leave_sources_out(windows: Windows) -> dict[str, Any]:
    """Every clip is judged by what the normal clips of other sources taught: a camera that nobody knows yet."""
    judged = np.zeros((len(windows.rows), 2))
    for fold in _dealt(windows.sources, FOLDS):
        judged[fold] = _learned(windows, ~fold).judge(windows.rows[fold])
    return _areas(windows, judged)


def with_own_normals(windows: Windows) -> dict[str, Any]:
    """Every clip is judged with half of its own source's normal clips among what was learned, never the clip itself.

    Each normal clip is judged once, by the half it is not in; a fight twice, and its judgements are averaged.
    """
    own = np.zeros(len(windows.rows), int)
    for source in np.unique(windows.sources):
        normal = np.unique(windows.clips[(windows.sources == source) & ~windows.odd])
        for place, clip in enumerate(normal):
            own[windows.clips == clip] = place % 2
    judged = np.zeros((len(windows.rows), 2))
    for half in (0, 1):
        detector = _learned(windows, own == half)
        judge = detector.judge(windows.rows)
        judged += judge * np.where(windows.odd, 0.5, own != half)[:, None]
    return _areas(windows, judged)


def on_footage(rows: Rows, at_s: NDArray[np.float64]) -> dict[str, Any]:
    """One camera's normal footage: learned from its first three fifths, judged on the rest, which is normal too.

    The last fourth of what is learned from calibrates.
    """
    learn = at_s < np.quantile(at_s, 0.6)
    calibrating = learn & (at_s >= np.quantile(at_s, 0.45))
    detector = calibrate(fit_judges(rows[learn & ~calibrating]), rows[calibrating])
    scores = detector.scores(rows[~learn])
    exceeded = {f"once_in_{10**power}": float((scores >= power / 6).mean()) for power in (1, 2, 3)}
    return {
        "windows_learned": int(learn.sum()),
        "windows_judged": int((~learn).sum()),
        "share_of_windows_scored_as_rare_as": {name: round(share, 4) for name, share in exceeded.items()},
        "share_at_default_threshold": round(float((scores >= 0.8).mean()), 4),
    }


def _learned(windows: Windows, allowed: _Flags) -> AnomalyDetector:
    """A fourth of the sources calibrates."""
    normal = allowed & ~windows.odd
    calibrating = np.zeros(len(normal), bool)
    calibrating[normal] = next(_dealt(windows.sources[normal], folds=4))
    return calibrate(fit_judges(windows.rows[normal & ~calibrating]), windows.rows[calibrating])


def _dealt(sources: NDArray[np.str_], folds: int) -> Iterator[_Flags]:
    place = {source: number % folds for number, source in enumerate(np.unique(sources))}
    numbers = np.array([place[source] for source in sources])
    for fold in range(min(folds, len(place))):
        yield numbers == fold


def _areas(windows: Windows, judged: NDArray[np.float64]) -> dict[str, Any]:
    """ROC-AUC over clips, the clip's most unusual window counts; intervals by bootstrap over sources."""
    columns = {**dict(zip(JUDGES, (*judged.T, judged.sum(1)), strict=True)), "movement_unlearned": windows.movement}
    clips = np.unique(windows.clips)
    first = np.array([np.flatnonzero(windows.clips == clip)[0] for clip in clips])
    odd, sources = windows.odd[first], windows.sources[first]
    found = {}
    for name, column in columns.items():
        top = np.array([column[windows.clips == clip].max() for clip in clips])
        found[name] = {
            "roc_auc": round(roc_area(odd, top), 4),
            "interval_95": interval_over_groups(list(sources), partial(_area, odd, top)),
        }
    return {"clips": len(clips), "unusual": int(odd.sum()), "sources": len(np.unique(sources)), **found}


def _area(odd: _Flags, values: NDArray[np.float64], rows: NDArray[Any]) -> float | None:
    return roc_area(odd[rows], values[rows]) if odd[rows].any() and not odd[rows].all() else None
