"""Owns measuring: every fold is scored by a network that never saw its sources, then the scores are pooled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crime_detect_engine.domain.types import NORMAL, ModelSpec
from crime_detect_engine.vision.classifier import pad
from crime_detect_engine.vision.network import Network
from crime_detect_engine.vision.preprocess import still_input
from crime_detect_engine.vision.sequences import slide

from .calibration import cross_fitted, fit_temperature
from .datasets import Footage, Sample
from .initialise import clip_features
from .metrics import figures, intervals, softmax
from .recipe import Recipe
from .train import Report, train_network


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """Logits of all windows of one clip; the clip's own are those of its most suspicious window."""

    path: str
    label: int
    group: str
    fold: int
    origin: str
    extra: bool
    windows: tuple[tuple[float, ...], ...]

    def worst(self, normal: int) -> tuple[float, ...]:
        return max(self.windows, key=lambda logits: _suspicion(logits, normal))


def score_clips(network: Network, spec: ModelSpec, samples: Sequence[Sample], footage: Footage) -> list[ScoredClip]:
    """Windows every 0.5 s as in `analyze`; stretches of one video are one clip.

    A clip without a stretch long enough is judged by its longest one as if nothing had moved before it.
    """
    by_path: dict[str, list[Sample]] = {}
    for sample in samples:
        by_path.setdefault(sample.path, []).append(sample)
    scored = []
    for path, own in by_path.items():
        stretches = [clip_features(network, footage.compose(sample.clip)) for sample in own]
        windows = [w for f in stretches if len(f) >= spec.min_frames for w in slide(f, spec)]
        logits = _logits(network, windows or [_after_stillness(network, spec, max(stretches, key=len))])
        first = own[0]
        scored.append(ScoredClip(path, first.label, first.group, first.fold, first.origin, first.extra, tuple(logits)))
    return scored


def _after_stillness(network: Network, spec: ModelSpec, features: Any) -> Any:
    before = clip_features(network, still_input(spec)[None]) if spec.input == "difference" else features[:1]
    return np.concatenate([before.repeat(spec.min_frames - len(features), 0), features])


def cross_validate(
    recipe: Recipe, samples: Sequence[Sample], data: Path, work: Path, report: Report, footage: Footage
) -> list[ScoredClip]:
    """Trains one network a fold without the fold and scores the fold with it. Finished folds in `work` are kept."""
    scored: list[ScoredClip] = []
    for fold in sorted({sample.fold for sample in samples if not sample.extra}):
        kept = work / f"fold{fold}" / "scores.json"
        if not kept.exists():
            report(json.dumps({"fold": fold}))
            training = [sample for sample in samples if sample.fold != fold]
            network = train_network(recipe, training, data, kept.parent, report, footage)
            own = score_clips(network, recipe.spec, [sample for sample in samples if sample.fold == fold], footage)
            kept.write_text(json.dumps([asdict(clip) for clip in own]), encoding="utf-8")
        scored += read_scores(kept)
    return scored


def read_scores(path: Path) -> list[ScoredClip]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [ScoredClip(**{**row, "windows": tuple(tuple(w) for w in row["windows"])}) for row in rows]


def build_report(spec: ModelSpec, scored: Sequence[ScoredClip], origin: str | None = "youtube") -> dict[str, Any]:
    """All figures of out-of-fold scores; `origin` names the part of the clips that is reported apart, too."""
    main = [clip for clip in scored if not clip.extra]
    parts: dict[str, Any] = {"all": part_report(spec, main)}
    if origin and any(clip.origin == origin for clip in main):
        parts[f"{origin} only"] = part_report(spec, [clip for clip in main if clip.origin == origin])
    logits, labels = clip_arrays(spec, main)
    return {
        "split": "grouped by source video; pooled out-of-fold scores",
        "temperature": fit_temperature(logits, labels),
        "parts": parts,
        "extra": {name: _extra_report(spec, scored, name) for name in sorted({c.origin for c in scored if c.extra})},
    }


def part_report(spec: ModelSpec, clips: Sequence[ScoredClip], *, rescale: bool = True) -> dict[str, Any]:
    """Figures before and after temperature scaling; the temperature of a fold is fitted on the other folds.

    `rescale` False for logits that are already scaled: before and after are then the same.
    """
    logits, labels = clip_arrays(spec, clips)
    folds = [clip.fold for clip in clips]
    before = softmax(logits)
    after = cross_fitted(logits, labels, folds) if rescale and len(set(folds)) > 1 else before
    groups = [clip.group for clip in clips]
    return {
        "sources": len(set(groups)),
        "before_scaling": figures(labels, before, spec.labels),
        "after_scaling": figures(labels, after, spec.labels),
        "interval_95": intervals(labels, after, groups, spec.labels),
        "by_fold": {
            str(fold): figures(labels[rows], after[rows], spec.labels)["accuracy"]
            for fold in sorted(set(folds))
            for rows in [np.flatnonzero(np.array(folds) == fold)]
        },
    }


def clip_arrays(spec: ModelSpec, clips: Sequence[ScoredClip]) -> tuple[Any, Any]:
    """Logits [N, C] of each clip's most suspicious window, and labels [N]."""
    normal = spec.labels.index(NORMAL)
    logits = np.array([clip.worst(normal) for clip in clips], np.float64).reshape(-1, len(spec.labels))
    return logits, np.array([clip.label for clip in clips], np.int64)


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


def _logits(network: Network, windows: Sequence[Any]) -> list[tuple[float, ...]]:
    padded, mask = pad(windows)
    device = next(network.parameters()).device
    with torch.inference_mode():
        found = network.head(torch.from_numpy(padded).to(device), torch.from_numpy(mask).to(device))
    return [tuple(float(value) for value in row) for row in found.float().cpu()]


def _suspicion(logits: Sequence[float], normal: int) -> float:
    return max(value for index, value in enumerate(logits) if index != normal) - logits[normal]
