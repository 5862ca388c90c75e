"""Owns the clip figures under worse pictures: the same clips and networks, only what the camera gives differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crime_detect_engine.domain.types import ModelSpec

from .datasets import Footage, Sample
from .metrics import figures, intervals, softmax
from .scoring import ScoredClip, clip_arrays, score_clips
from .subjects import Material, Subject
from .train import Report

_FIGURES = ("accuracy", "balanced_accuracy", "roc_auc", "pr_auc", "at_0.8", "brier", "ece")


def robustness_section(
    subjects: Sequence[Subject], material: Material, footages: Mapping[str, Footage], about: Mapping[str, str],
    report: Report,
) -> dict[str, Any]:  # fmt: skip
    """The `robustness` section of a report; the first of `footages` is what the others are compared with."""
    spec = subjects[0].spec
    clean: tuple[dict[str, ScoredClip], dict[str, Any]] | None = None
    conditions: dict[str, Any] = {}
    for name, footage in footages.items():
        scored = _scored(subjects, material.samples(spec, footage), footage)
        found = _figures(spec, scored)
        by_path = {clip.path: clip for clip in scored}
        clean = clean or (by_path, found)
        conditions[name] = {"about": about.get(name, name), **found, **_changes(spec, clean, by_path, found)}
        report(f"{name}: accuracy {found['accuracy']}, ROC-AUC {found['roc_auc']}")
    return {
        "method": "applied to the source pictures before sampling; the same networks and temperature as for the clean "
        "ones; nothing was trained or chosen on these",
        "conditions": conditions,
    }


def _scored(subjects: Sequence[Subject], samples: Sequence[Sample], footage: Footage) -> list[ScoredClip]:
    return [
        clip
        for subject in subjects
        for clip in score_clips(
            subject.network, subject.spec, [s for s in samples if subject.may_judge(s.fold)], footage
        )
    ]


def _figures(spec: ModelSpec, scored: Sequence[ScoredClip]) -> dict[str, Any]:
    logits, labels = clip_arrays(spec, scored)
    probabilities = softmax(logits, spec.temperature)
    found = figures(labels, probabilities, spec.labels)
    groups = [clip.group for clip in scored]
    return {
        "clips": len(scored),
        **{key: found[key] for key in _FIGURES},
        "interval_95": dict(intervals(labels, probabilities, groups, spec.labels)),
    }


def _changes(
    spec: ModelSpec, clean: tuple[Mapping[str, ScoredClip], Mapping[str, Any]], now: Mapping[str, ScoredClip],
    found: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """`clips_lost`: of which too little could be decoded for a decision."""
    before, figures_before = clean
    both = sorted(before.keys() & now.keys())
    decisions = [np.array([clip_arrays(spec, [side[path]])[0][0].argmax() for path in both]) for side in (before, now)]
    return {
        "clips_lost": len(before.keys() - now.keys()),
        "decisions_changed": int((decisions[0] != decisions[1]).sum()),
        "accuracy_change": _minus(found["accuracy"], figures_before["accuracy"]),
        "roc_auc_change": _minus(found["roc_auc"], figures_before["roc_auc"]),
    }


def _minus(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else round(now - before, 4)
