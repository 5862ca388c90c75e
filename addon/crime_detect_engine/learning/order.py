"""Owns which samples an epoch learns from and in which order; the same numbers give the same order."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from .datasets import Sample
from .recipe import Recipe


def epoch_order(recipe: Recipe, samples: Sequence[Sample], random: np.random.Generator) -> list[int]:
    """Indices into `samples`: as many as there are main samples, and each one-label folder's share of extra ones.

    Balanced by class, every class is drawn equally often; by class and source, so is every source within a class. What
    is rare is repeated, what is plentiful takes turns from one epoch to the next.
    """
    main = [i for i, sample in enumerate(samples) if not sample.extra]
    chosen = main
    if recipe.training.balance == "class":
        by_class = _grouped(main, [samples[i].label for i in main])
        chosen = [i for own, count in _shares(by_class, len(main), random) for i in _draw(own, count, random)]
    elif recipe.training.balance == "class+source":
        by_class = _grouped(main, [samples[i].label for i in main])
        chosen = [
            i
            for own, count in _shares(by_class, len(main), random)
            for source, part in _shares(_grouped(own, [samples[i].group for i in own]), count, random)
            for i in _draw(source, part, random)
        ]
    chosen = chosen + _extra(recipe, samples, random)
    return [int(i) for i in random.permutation(chosen)]


def clip_batches(recipe: Recipe, samples: Sequence[Sample], random: np.random.Generator) -> list[list[Sample]]:
    """One epoch in batches of the recipe's size."""
    order, size = epoch_order(recipe, samples, random), recipe.training.batch
    return [[samples[i] for i in order[start : start + size]] for start in range(0, len(order), size)]


def _extra(recipe: Recipe, samples: Sequence[Sample], random: np.random.Generator) -> list[int]:
    chosen: list[int] = []
    for folder in recipe.data:
        if folder.label is None:
            continue
        extra = [i for i, s in enumerate(samples) if s.extra and s.origin == folder.folder]
        count = min(len(extra), folder.clips_per_epoch or len(extra))
        chosen += [int(i) for i in random.choice(extra, count, replace=False)] if extra else []
    return chosen


def _grouped(indices: Sequence[int], keys: Sequence[Hashable]) -> Mapping[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = {}
    for index, key in zip(indices, keys, strict=True):
        groups.setdefault(key, []).append(index)
    return groups


def _shares(
    groups: Mapping[Hashable, list[int]], total: int, random: np.random.Generator
) -> list[tuple[list[int], int]]:
    """Each group with its equal part of `total`; what is left over goes to groups drawn at random."""
    least, over = divmod(total, max(1, len(groups)))
    lucky = set(random.permutation(len(groups))[:over].tolist())
    return [(own, least + (n in lucky)) for n, own in enumerate(groups.values())]


def _draw(indices: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    """`count` of them, each as often as every other but for one."""
    rounds = [random.permutation(indices) for _ in range(-(-count // len(indices)))]
    return [int(i) for i in np.concatenate(rounds)[:count]] if rounds else []
