"""Owns the groups of clips that errors are counted by: light, colour, size and amount of movement, measured in pixels.

Nobody labelled these clips. How many people there are and how large is not known: what is counted instead is how many
separate places move, and what share of the picture they take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.types import NORMAL

from .datasets import Clip, Sample
from .metrics import interval_over_groups, roc_auc, rounded

GRID = 24
_MOVES = 4.0
"""Blocks of a GRID x GRID picture whose mean change from one sampled picture to the next is more grey levels move."""
_GREY = 4.0
_NEAR = range(-2, 3)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

# Names in the order they are shown, and the upper bound of each but the last. The bounds cut 241 surveillance clips
# into parts of about equal size; they are fixed so that two reports mean the same groups.
BOUNDS: Mapping[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "light": (("dark (mean luma below 85)", "medium", "bright (above 115)"), (85, 115)),
    "colour": (("grey or infrared", "colour"), (_GREY,)),
    "moving area": (("small (below 5 % of the picture)", "medium", "large (above 20 %)"), (0.05, 0.2)),
    "amount of motion": (("little (below 1 grey level)", "medium", "much (above 3)"), (1.0, 3.0)),
    "places that move": (("one", "two or three", "four and more"), (1.5, 3.5)),
}


@dataclass(frozen=True, slots=True)
class Traits:
    """What a clip's own pictures show. Luma 0..255; `saturation` is the median spread of the three channels."""

    luma: float
    saturation: float
    moving_area: float
    motion: float
    places: float

    @property
    def groups(self) -> dict[str, str]:
        values = (self.luma, self.saturation, self.moving_area, self.motion, self.places)
        return {
            name: names[int(np.searchsorted(bounds, value, side="right"))]
            for (name, (names, bounds)), value in zip(BOUNDS.items(), values, strict=True)
        }


def measure(clip: Clip) -> Traits:
    """`clip`: RGB uint8 [T, P, P, 3], T ≥ 1."""
    blocks = _blocks(clip.astype(np.float32) @ _LUMA)
    change = np.abs(np.diff(blocks, axis=0)) if len(blocks) > 1 else np.zeros_like(blocks)
    moving = change > _MOVES
    few = clip[:: max(1, len(clip) // 4)]
    return Traits(
        luma=float(blocks.mean()),
        saturation=float(np.median(few.max(3).astype(int) - few.min(3))),
        moving_area=float(moving.mean()),
        motion=float(change.mean()),
        places=float(np.median([_places(picture) for picture in moving])),
    )


def groups_of(samples: Sequence[Sample]) -> dict[str, dict[str, str]]:
    """Property → group of every clip, by path; of a clip in several stretches the longest counts."""
    longest: dict[str, Sample] = {}
    for sample in samples:
        if sample.path not in longest or len(sample.clip) > len(longest[sample.path].clip):
            longest[sample.path] = sample
    return {path: measure(sample.clip).groups for path, sample in longest.items()}


def subgroup_figures(
    labels: NDArray[Any], probabilities: NDArray[Any], sources: Sequence[str],
    groups: Sequence[Mapping[str, str]], names: Sequence[str], threshold: float = 0.8,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Property → group → figures of labels [N] and probabilities [N, C]; `groups` are those of each clip."""
    normal = names.index(NORMAL)
    suspicious, suspicion = labels != normal, 1 - probabilities[:, normal]
    right = probabilities.argmax(1) == labels
    report: dict[str, dict[str, Any]] = {}
    for name, (order, _) in BOUNDS.items():
        found = np.array([own[name] for own in groups])
        report[name] = {}
        for group in order:
            rows = np.flatnonzero(found == group)
            if not len(rows):
                continue
            own, flagged = suspicious[rows], suspicion[rows] >= threshold
            own_sources = [sources[int(row)] for row in rows]
            report[name][group] = {
                "clips": len(rows),
                "sources": len(set(own_sources)),
                "suspicious": int(own.sum()),
                "accuracy": rounded(right[rows].mean()),
                "interval_95": interval_over_groups(own_sources, _mean_of(right[rows])),
                "roc_auc": roc_auc(own, suspicion[rows]),
                "missed": int((own & ~right[rows]).sum()),
                "false": int((~own & ~right[rows]).sum()),
                f"recall_at_{threshold:g}": rounded(flagged[own].mean()) if own.any() else None,
                f"specificity_at_{threshold:g}": rounded((~flagged[~own]).mean()) if not own.all() else None,
            }
    return report


def _mean_of(values: NDArray[Any]) -> Callable[[NDArray[Any]], float]:
    return lambda rows: float(values[rows].mean())


def _blocks(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over a grid of at most GRID x GRID blocks, [T, P, P] → [T, G, G]."""
    side = pictures.shape[1]
    edges = np.linspace(0, side, min(GRID, side) + 1).astype(int)
    area = np.outer(np.diff(edges), np.diff(edges))
    sums = np.add.reduceat(np.add.reduceat(pictures, edges[:-1], 1), edges[:-1], 2)
    means: NDArray[np.float32] = sums / area
    return means


def _places(moving: NDArray[np.bool_]) -> int:
    """How many groups of moving blocks there are; a gap of one block parts nobody: a plain coat moves at its edges."""
    left = {(int(row), int(column)) for row, column in np.argwhere(moving)}
    count = 0
    while left:
        count += 1
        edge = [left.pop()]
        while edge:
            row, column = edge.pop()
            near = {(row + down, column + right) for down in _NEAR for right in _NEAR} & left
            left -= near
            edge += near
    return count
