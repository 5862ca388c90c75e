"""Owns false alerts on ordinary clips: every window from the threshold up, by clip, time and what the clip shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crime_detect_engine.domain.types import NORMAL, ModelSpec

from .calibration import fit_temperature
from .metrics import rounded, softmax
from .scoring import ScoredClip, clip_arrays


@dataclass(frozen=True, slots=True)
class FalseAlert:
    """One window of an ordinary clip that would have been a vote; `at_s` is where it ends, None in older scores."""

    path: str
    source: str
    part: str
    at_s: float | None
    suspicion: float
    shows: Mapping[str, str]


def false_alerts(
    spec: ModelSpec,
    scored: Sequence[ScoredClip],
    threshold: float,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    *,
    rescale: bool = True,
) -> list[FalseAlert]:
    """Out-of-fold windows of clips labelled normal, scaled by the temperature of the other folds; worst first."""
    normal = spec.labels.index(NORMAL)
    temperatures = _temperatures(spec, scored, rescale=rescale)
    found = []
    for clip in scored:
        if clip.label != normal:
            continue
        suspicion = 1 - softmax(np.array(clip.windows), temperatures[clip.fold])[:, normal]
        for index in np.flatnonzero(suspicion >= threshold):
            at_s = clip.ends_s[index] if clip.ends_s else None
            shows = (groups or {}).get(clip.path, {})
            found.append(FalseAlert(clip.path, clip.group, part_of(clip), at_s, rounded(suspicion[index]), shows))
    return sorted(found, key=lambda alert: (-alert.suspicion, alert.path))


def alert_counts(
    spec: ModelSpec,
    scored: Sequence[ScoredClip],
    threshold: float,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    *,
    rescale: bool = True,
) -> dict[str, Any]:
    """The same as counts, with no clip named: by part of the footage, and by what the clips with an alert show."""
    normal = spec.labels.index(NORMAL)
    alerts = false_alerts(spec, scored, threshold, groups, rescale=rescale)
    report: dict[str, Any] = {"threshold": threshold, "parts": {}}
    for part in sorted({part_of(clip) for clip in scored if clip.label == normal}):
        clips = [clip for clip in scored if clip.label == normal and part_of(clip) == part]
        own = [alert for alert in alerts if alert.part == part]
        shows = {alert.path: alert.shows for alert in own}
        minutes = sum(clip.ends_s[-1] for clip in clips) / 60 if all(clip.ends_s for clip in clips) else None
        report["parts"][part] = {
            "clips": len(clips),
            "clips_with_an_alert": len(shows),
            "windows": sum(len(clip.windows) for clip in clips),
            "windows_with_an_alert": len(own),
            "minutes": None if minutes is None else rounded(minutes),
            "alerts_per_minute": rounded(len(shows) / minutes) if minutes else None,
            "clips_with_an_alert_show": {
                name: dict(Counter(one[name] for one in shows.values()).most_common())
                for name in next(iter(shows.values()), {})
            },
        }
    return report


def part_of(clip: ScoredClip) -> str:
    return clip.origin if clip.extra else "normal clips, out of fold"


def _temperatures(spec: ModelSpec, scored: Sequence[ScoredClip], *, rescale: bool) -> dict[int, float]:
    main = [clip for clip in scored if not clip.extra]
    folds = {clip.fold for clip in scored}
    if not rescale or len({clip.fold for clip in main}) < 2:
        return dict.fromkeys(folds, 1.0)
    return {fold: fit_temperature(*clip_arrays(spec, [c for c in main if c.fold != fold])) for fold in folds}
