"""Owns measuring: every fold is scored by a network that never saw its sources, then the scores are pooled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from crime_detect_engine.domain.types import NORMAL, ModelSpec

from .alerts import alert_counts
from .calibration import cross_fitted, fit_temperature
from .crops import score_crops
from .datasets import Footage, Sample
from .metrics import figures, intervals, perfect_calibration_error, softmax
from .recipe import Recipe
from .scoring import ScoredClip, clip_arrays, read_scores, score_clips, write_scores
from .seeds import pool_seeds
from .subgroups import subgroup_figures
from .thresholds import paper_figures, threshold_report
from .train import Report, train_network

__all__ = [
    "Measured", "ScoredClip", "build_report", "clip_arrays", "cross_validate", "cross_validate_seeds", "part_report",
    "read_scores", "score_clips",
]  # fmt: skip

DEFAULT_THRESHOLD = 0.8


@dataclass(frozen=True, slots=True)
class Measured:
    """A report and what it was made of, for the page with pictures; `report` names no clip and may be published."""

    report: dict[str, Any]
    spec: ModelSpec
    scored: Sequence[ScoredClip]
    samples: Sequence[Sample] = ()
    runs: Sequence[Path] = ()
    """Folders with fold*/metrics.jsonl."""
    rescale: bool = True
    """False where the scores are already scaled by the model's own temperature."""


def cross_validate(
    recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
) -> list[ScoredClip]:
    """Trains one network a fold without the fold and scores the fold with it. Finished folds in `work` are kept."""
    scored: list[ScoredClip] = []
    for fold in sorted({sample.fold for sample in samples if not sample.extra}):
        kept = work / f"fold{fold}" / "scores.json"
        if not kept.exists():
            report(json.dumps({"fold": fold, "seed": recipe.training.seed}))
            training = [sample for sample in samples if sample.fold != fold]
            network = train_network(recipe, training, data, kept.parent, report, footage)
            own = score_crops(network, recipe, [sample for sample in samples if sample.fold == fold], footage)
            write_scores(kept, own)
        scored += read_scores(kept)
    return scored


def cross_validate_seeds(
    recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
) -> dict[int, list[ScoredClip]]:
    """The same for every seed of the recipe; that of the shipped weights comes first and lies in `work` itself."""
    own = recipe.training.seed
    found = {}
    for seed in dict.fromkeys((own, *recipe.training.seeds)):
        seeded = replace(recipe, training=replace(recipe.training, seed=seed))
        folder = work if seed == own else work / f"seed{seed}"
        found[seed] = cross_validate(seeded, samples, data, folder, report, footage)
    return found


def build_report(
    spec: ModelSpec,
    scored: Sequence[ScoredClip],
    origin: str | None = "youtube",
    *,
    by_seed: Mapping[int, Sequence[ScoredClip]] | None = None,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    rescale: bool = True,
) -> dict[str, Any]:
    """All figures of out-of-fold scores; `origin` names the part of the clips that is reported apart, too.

    `by_seed` holds the scores of every seed, `scored` those of the seed that ships; `groups` those of each clip by
    path, see subgroups.py. `rescale` as in `part_report`.
    """
    main = [clip for clip in scored if not clip.extra]
    parts: dict[str, Any] = {"all": part_report(spec, main, rescale=rescale)}
    if origin and any(clip.origin == origin for clip in main):
        own = [clip for clip in main if clip.origin == origin]
        parts[f"{origin} only"] = part_report(spec, own, rescale=rescale)
    logits, labels = clip_arrays(spec, main)
    report: dict[str, Any] = {
        "split": "grouped by source video; pooled out-of-fold scores",
        "temperature": fit_temperature(logits, labels) if rescale else spec.temperature,
        "parts": parts,
        "extra": {name: _extra_report(spec, scored, name) for name in sorted({c.origin for c in scored if c.extra})},
    }
    report["false_alerts"] = alert_counts(spec, scored, DEFAULT_THRESHOLD, groups, rescale=rescale)
    if by_seed and len(by_seed) > 1:
        report["seeds"] = pool_seeds(spec, by_seed)
    if groups:
        report["subgroups"] = _subgroups(spec, main, groups, rescale=rescale)
    return report


def part_report(spec: ModelSpec, clips: Sequence[ScoredClip], *, rescale: bool = True) -> dict[str, Any]:
    """Figures before and after temperature scaling; the temperature of a fold is fitted on the other folds.

    `rescale` False for logits that are already scaled: before and after are then the same.
    """
    logits, labels = clip_arrays(spec, clips)
    folds = [clip.fold for clip in clips]
    before, after = softmax(logits), calibrated(spec, clips, rescale=rescale)
    groups = [clip.group for clip in clips]
    normal = spec.labels.index(NORMAL)
    right = after.argmax(1) == labels
    return {
        "sources": len(set(groups)),
        "before_scaling": figures(labels, before, spec.labels),
        "after_scaling": figures(labels, after, spec.labels),
        "interval_95": intervals(labels, after, groups, spec.labels),
        "by_fold": {str(f): round(float(right[np.array(folds) == f].mean()), 4) for f in sorted(set(folds))},
        "ece_of_a_perfect_model": perfect_calibration_error(after),
        "thresholds": threshold_report(logits, labels, folds, normal, rescale=rescale),
        "papers": paper_figures(labels != normal, 1 - after[:, normal], DEFAULT_THRESHOLD),
    }


def calibrated(spec: ModelSpec, clips: Sequence[ScoredClip], *, rescale: bool = True) -> Any:
    """Probabilities [N, C] of clips, each fold scaled by the temperature of the others."""
    logits, labels = clip_arrays(spec, clips)
    folds = [clip.fold for clip in clips]
    return cross_fitted(logits, labels, folds) if rescale and len(set(folds)) > 1 else softmax(logits)


def _subgroups(
    spec: ModelSpec, clips: Sequence[ScoredClip], groups: Mapping[str, Mapping[str, str]], *, rescale: bool
) -> dict[str, Any]:
    known = [clip for clip in clips if clip.path in groups]
    return subgroup_figures(
        clip_arrays(spec, known)[1],
        calibrated(spec, known, rescale=rescale),
        [clip.group for clip in known],
        [groups[clip.path] for clip in known],
        spec.labels,
        DEFAULT_THRESHOLD,
    )


def _extra_report(spec: ModelSpec, scored: Sequence[ScoredClip], origin: str) -> dict[str, Any]:
    """Windows of hard negatives that would count as a vote at 0.5 and at the default threshold."""
    normal = spec.labels.index(NORMAL)
    clips = [clip for clip in scored if clip.extra and clip.origin == origin]
    logits = np.array([window for clip in clips for window in clip.windows])
    suspicion = 1 - softmax(logits)[:, normal]
    return {
        "videos": len(clips),
        "windows": len(suspicion),
        "above_0.5": int((suspicion >= 0.5).sum()),
        "above_0.8": int((suspicion >= 0.8).sum()),
    }
