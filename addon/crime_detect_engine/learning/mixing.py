"""Owns random changes that take two clips of a batch: blends, stretches of time, and backgrounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .datasets import Clip


def mix(clips: list[Any], targets: Tensor, probability: float, random: Any) -> tuple[list[Any], Tensor]:
    """Mixup: blends each clip with another of the batch over their common length, labels likewise."""
    if random.random() >= probability:
        return clips, targets
    share, order = _share(random), random.permutation(len(clips))
    mixed = []
    for clip, other in zip(clips, (clips[i] for i in order), strict=True):
        length = min(len(clip), len(other))
        blend = share * clip[:length].astype(np.float32) + (1 - share) * other[:length]
        mixed.append(np.rint(blend).astype(np.uint8))
    return mixed, share * targets + (1 - share) * targets[torch.from_numpy(order)]


def mix_time(clips: list[Any], targets: Tensor, probability: float, random: Any) -> tuple[list[Any], Tensor]:
    """CutMix over time: a stretch of each clip's inputs is another clip's, labels by its length.

    Of composed inputs [T, S, S, 3]: differences across the seam are never taken.
    """
    if probability <= 0 or random.random() >= probability:
        return clips, targets
    share, order = _share(random), random.permutation(len(clips))
    mixed, shares = [], []
    for clip, other in zip(clips, (clips[i] for i in order), strict=True):
        taken = min(round((1 - share) * len(clip)), len(other))
        start = int(random.integers(0, len(clip) - taken + 1))
        mixed.append(np.concatenate([clip[:start], other[:taken], clip[start + taken :]]))
        shares.append(1 - taken / max(1, len(clip)))
    own = torch.tensor(shares).unsqueeze(1)
    return mixed, own * targets + (1 - own) * targets[torch.from_numpy(order)]


def mix_backgrounds(clips: Sequence[Clip], probability: float, random: Any) -> list[Clip]:
    """Puts another clip's still background under the movement of some: labels stay, scenes stop telling them.

    Pictures uint8 [T, P, P, 3] of one size; what moves keeps its differences but where they leave the grey scale.
    """
    if probability <= 0:
        return list(clips)
    order = random.permutation(len(clips))
    backgrounds = [np.median(clip[:: max(1, len(clip) // 7)], axis=0) for clip in clips]
    changed = []
    for i, clip in enumerate(clips):
        other = int(order[i])
        if other == i or random.random() >= probability:
            changed.append(clip)
            continue
        added = random.uniform(0.4, 1.0) * (backgrounds[other] - backgrounds[i])
        changed.append(np.clip(clip + np.rint(added).astype(np.int16), 0, 255).astype(np.uint8))
    return changed


def _share(random: Any) -> float:
    """Of the clip itself, at least a half."""
    share = float(random.beta(0.4, 0.4))
    return max(share, 1 - share)
