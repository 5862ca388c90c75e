"""Owns other looks than the model's own: other regions to learn from, several sizes averaged to measure with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from crime_detect_engine.vision.network import Network

from .cutting import Cutting, Piece
from .datasets import Clip, Footage, Sample
from .recipe import Recipe
from .scoring import ScoredClip, score_clips


class OtherRegions:
    """A Footage whose region is `factor` times as wide, or another one than the model's own."""

    def __init__(self, footage: Footage, factor: float = 1.0, region: str | None = None) -> None:
        self._footage = footage
        self._factor = factor
        self._region = region

    def cut(self, path: Path, cutting: Cutting) -> Sequence[tuple[Piece, Clip]]:
        return self._footage.cut(path, cutting)

    def compose(self, clip: Clip, zoom: float = 1.0, region: str | None = None) -> Clip:
        return self._footage.compose(clip, zoom * self._factor, region or self._region)


def score_crops(network: Network, recipe: Recipe, samples: Sequence[Sample], footage: Footage) -> list[ScoredClip]:
    """`score_clips` with the recipe's `test_zooms`: the mean logits of each window."""
    looks = [
        score_clips(network, recipe.spec, samples, footage if zoom == 1.0 else OtherRegions(footage, zoom))
        for zoom in recipe.training.test_zooms
    ]
    if len(looks) == 1:
        return looks[0]
    return [
        replace(same[0], windows=tuple(map(tuple, np.mean([clip.windows for clip in same], axis=0).tolist())))
        for same in zip(*looks, strict=True)
    ]
