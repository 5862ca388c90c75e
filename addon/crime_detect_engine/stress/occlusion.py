"""Owns what a decision rests on: how much of the score is lost when a part of the picture is hidden.

Occlusion sensitivity (Zeiler and Fergus 2014), here of a window over time: one grey patch in all its pictures, so that
no difference is left inside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Classifier
from crime_detect_engine.domain.types import NORMAL, Frame, Image, ModelSpec
from crime_detect_engine.sampling.sampler import FixedRateSampler
from crime_detect_engine.sampling.views import clip_views
from crime_detect_engine.sources.file import FileSource
from crime_detect_engine.vision.sequences import score_stride

GRID = 8
GREY = 128
_START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """`drops[row][column]`: how much of `score` is lost when that cell of the picture is grey; below 0 it rose."""

    label: str
    score: float
    start_s: float
    end_s: float
    drops: tuple[tuple[float, ...], ...]
    picture: Image
    """The middle picture of the window, square."""

    def as_json(self) -> dict[str, Any]:
        cells = np.array(self.drops)
        row, column = (int(value) for value in np.unravel_index(cells.argmax(), cells.shape))
        return {
            "label": self.label,
            "score": round(self.score, 4),
            "start_s": round(self.start_s, 2),
            "end_s": round(self.end_s, 2),
            "grid": len(self.drops),
            "drops": [[round(value, 4) for value in line] for line in self.drops],
            "largest": {"row": row, "column": column, "drop": round(float(cells.max()), 4)},
        }


def explain_file(path: Path, classifier: Classifier, grid: int = GRID) -> Explanation:
    """Of the most suspicious window of a file, for its likeliest incident. Raises SourceError, InvalidInputError."""
    spec = classifier.spec
    best: tuple[float, str, float, NDArray[np.uint8]] | None = None
    for start_s, pictures in _windows(path, spec):
        probabilities = classifier.probabilities([_features(pictures, classifier)])[0]
        label = max((name for name in probabilities if name != NORMAL), key=lambda name: probabilities[name])
        if best is None or probabilities[label] > best[0]:
            best = (probabilities[label], label, start_s, pictures)
    if best is None:
        raise InvalidInputError(f"{path.name} is shorter than {spec.name} needs: there is no window to explain")
    score, label, start_s, pictures = best
    drops = occlusion_map(pictures, classifier, label, grid)
    end_s = start_s + (len(pictures) - 1) / spec.fps
    return Explanation(label, score, start_s, end_s, drops, pictures[len(pictures) // 2])


def occlusion_map(
    pictures: NDArray[np.uint8], classifier: Classifier, label: str, grid: int = GRID
) -> tuple[tuple[float, ...], ...]:
    """Drop of the label's probability a cell of `grid` x `grid`; `pictures` uint8 [T, P, P, 3], unbroken."""
    whole = classifier.probabilities([_features(pictures, classifier)])[0][label]
    borders = np.linspace(0, pictures.shape[1], grid + 1).round().astype(int)
    rows = []
    for top, bottom in pairwise(borders):
        row = []
        for left, right in pairwise(borders):
            hidden = pictures.copy()
            hidden[:, top:bottom, left:right] = GREY
            row.append(whole - classifier.probabilities([_features(hidden, classifier)])[0][label])
        rows.append(tuple(row))
    return tuple(rows)


def _windows(path: Path, spec: ModelSpec) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Whole pictures of each window, with those before it that its first difference needs."""
    length = spec.frames + (spec.lag if spec.input == "difference" else 0)
    least = spec.min_frames + length - spec.frames
    for start_s, stretch in _stretches(path, spec):
        for first in range(0, max(0, len(stretch) - length) + 1, score_stride(spec.fps)):
            pictures = stretch[first : first + length]
            if len(pictures) >= least:
                yield start_s + first / spec.fps, np.stack(pictures)


def _stretches(path: Path, spec: ModelSpec) -> Iterator[tuple[float, Sequence[Image]]]:
    whole = replace(spec, size=spec.picture_size, region="full", lag=1, enhance="none")
    sampler = FixedRateSampler(path.name, whole, gate=False)
    stretch: list[Image] = []
    start_s = 0.0
    for raw in FileSource(path).frames():
        frame = sampler.offer(raw)
        if frame is None:
            continue
        if frame.cut and stretch:
            yield start_s, stretch
            stretch = []
        if not stretch:
            start_s = frame.tick_s
        stretch.append(frame.image)
    if stretch:
        yield start_s, stretch


def _features(pictures: NDArray[np.uint8], classifier: Classifier) -> NDArray[np.float32]:
    frames = [
        Frame("explained", seq, _START, seq / classifier.spec.fps, now, before, _NoPicture())
        for seq, (now, before) in enumerate(clip_views(pictures, classifier.spec))
    ]
    return np.stack([vector for vector in classifier.features(frames) if vector is not None])


class _NoPicture:
    """Nobody looks at the full picture of a frame that is made for a score."""

    width = height = 0

    def rgb(self, max_height: int | None = None) -> Image:
        raise NotImplementedError
