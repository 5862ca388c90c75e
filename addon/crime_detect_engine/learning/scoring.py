"""Owns scored clips: the logits of every window of a clip, by a network that may or may not have seen its source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL, ModelSpec
from crime_detect_engine.vision.classifier import pad
from crime_detect_engine.vision.network import Network
from crime_detect_engine.vision.preprocess import still_input
from crime_detect_engine.vision.sequences import score_stride, slide

from .datasets import Footage, Sample
from .initialise import clip_features


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
    ends_s: tuple[float, ...] = ()
    """Where each window ends, in seconds of what was sampled of the clip; empty in files of older runs."""

    def worst(self, normal: int) -> tuple[float, ...]:
        return max(self.windows, key=lambda logits: suspicion_of(logits, normal))


def score_clips(network: Network, spec: ModelSpec, samples: Sequence[Sample], footage: Footage) -> list[ScoredClip]:
    """Windows every 0.5 s as in `analyze`; stretches of one video are one clip, those of its incidents another.

    A clip without a stretch long enough is judged by its longest one as if nothing had moved before it.
    """
    clips: dict[tuple[str, int], list[Sample]] = {}
    for sample in samples:
        clips.setdefault((sample.path, sample.label), []).append(sample)
    scored = []
    for (path, _), own in clips.items():
        stretches = [clip_features(network, footage.compose(sample.clip)) for sample in own]
        windows = [w for f in stretches if len(f) >= spec.min_frames for w in slide(f, spec)]
        ends_s = _ends_s(own, [len(features) for features in stretches], spec)
        if not windows:
            windows = [_after_stillness(network, spec, max(stretches, key=len))]
            ends_s = [round(len(own[0].clip) / spec.fps, 2)]
        logits, first = _logits(network, windows), own[0]
        scored.append(
            ScoredClip(
                path, first.label, first.group, first.fold, first.origin, first.extra, tuple(logits), tuple(ends_s)
            )
        )
    return scored


def read_scores(path: Path) -> list[ScoredClip]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [
        ScoredClip(
            **{**row, "windows": tuple(tuple(w) for w in row["windows"]), "ends_s": tuple(row.get("ends_s", ()))}
        )
        for row in rows
    ]


def read_run(folder: Path) -> list[ScoredClip]:
    """The scores of all folds of one run. Raises InvalidInputError."""
    files = sorted(folder.glob("fold*/scores.json"))
    if not files:
        raise InvalidInputError(f"{folder} holds no fold*/scores.json")
    return [clip for file in files for clip in read_scores(file)]


def write_scores(path: Path, scored: Sequence[ScoredClip]) -> None:
    path.write_text(json.dumps([asdict(clip) for clip in scored]), encoding="utf-8")


def clip_arrays(spec: ModelSpec, clips: Sequence[ScoredClip]) -> tuple[Any, Any]:
    """Logits [N, C] of each clip's most suspicious window, and labels [N]."""
    normal = spec.labels.index(NORMAL)
    logits = np.array([clip.worst(normal) for clip in clips], np.float64).reshape(-1, len(spec.labels))
    return logits, np.array([clip.label for clip in clips], np.int64)


def suspicion_of(logits: Sequence[float], normal: int) -> float:
    """How far the most probable class that is not normal stands above normal, as a logit."""
    return max(value for index, value in enumerate(logits) if index != normal) - logits[normal]


def _ends_s(samples: Sequence[Sample], lengths: Sequence[int], spec: ModelSpec) -> list[float]:
    """Where the windows of `slide` end, counted over all that was sampled of a clip; `lengths`: of the features."""
    ends, before = [], 0
    for sample, length in zip(samples, lengths, strict=True):
        if length >= spec.min_frames:
            lead = len(sample.clip) - length
            starts = range(0, max(0, length - spec.frames) + 1, score_stride(spec.fps))
            ends += [(before + lead + min(start + spec.frames, length)) / spec.fps for start in starts]
        before += len(sample.clip)
    return [round(end, 2) for end in ends]


def _after_stillness(network: Network, spec: ModelSpec, features: Any) -> Any:
    before = clip_features(network, still_input(spec)[None]) if spec.input == "difference" else features[:1]
    return np.concatenate([before.repeat(spec.min_frames - len(features), 0), features])


def _logits(network: Network, windows: Sequence[Any]) -> list[tuple[float, ...]]:
    padded, mask = pad(windows)
    device = next(network.parameters()).device
    with torch.inference_mode():
        found = network.head(torch.from_numpy(padded).to(device), torch.from_numpy(mask).to(device))
    return [tuple(float(value) for value in row) for row in found.float().cpu()]
