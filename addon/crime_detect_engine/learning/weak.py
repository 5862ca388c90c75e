"""Owns learning from labels of whole videos: multiple-instance ranking of Sultani, Chen, Shah 2018.

A video is a bag of pieces. Of an incident video it is only known that some piece shows the incident, of a normal one
that none does: the most suspicious piece of the one must rank above the most suspicious piece of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL

from .datasets import Sample
from .recipe import Recipe

Bag = Sequence[Sample]
"""Pieces of one video in the order of time."""


@dataclass(frozen=True, slots=True)
class RankingTerms:
    """Weights of what keeps an incident bag's scores smooth over time, and mostly low."""

    smoothness: float = 8e-5
    sparsity: float = 8e-5


def ranking_loss(incidents: Sequence[Tensor], normals: Sequence[Tensor], terms: RankingTerms) -> Tensor:
    """Scores 0..1 of the pieces of each bag, [S]. Every incident bag is held against every normal one.

    The mean over pairs of max(0, 1 − max incident + max normal), and per incident bag the squared steps from piece to
    piece and the sum of its scores, times their weights.
    """
    top_incident = torch.stack([scores.max() for scores in incidents])
    top_normal = torch.stack([scores.max() for scores in normals])
    hinge = functional.relu(1 - top_incident[:, None] + top_normal[None]).mean()
    steps = torch.stack([scores.diff().square().sum() for scores in incidents]).mean()
    amount = torch.stack([scores.sum() for scores in incidents]).mean()
    return hinge + terms.smoothness * steps + terms.sparsity * amount


def bag_loss(bags: Sequence[Tensor], labels: Sequence[int], normal: int, terms: RankingTerms) -> tuple[Tensor, int]:
    """Logits [S, C] of each bag's pieces and the bags' labels → the loss, and how many bags were judged right.

    A piece's score is its probability of not being normal. Beside the ranking, the most suspicious piece of each bag
    learns the bag's class: ranking says that something happened, not what, and stops teaching where scores saturate.
    """
    scores = [1 - logits.softmax(1)[:, normal] for logits in bags]
    incidents = [score for score, label in zip(scores, labels, strict=True) if label != normal]
    normals = [score for score, label in zip(scores, labels, strict=True) if label == normal]
    loss = ranking_loss(incidents, normals, terms)
    tops = torch.stack([logits[int(score.argmax())] for logits, score in zip(bags, scores, strict=True)])
    loss = loss + functional.cross_entropy(tops, torch.tensor(labels, device=tops.device))
    tops_of = [float(score.detach().max()) for score in scores]
    return loss, sum((top >= 0.5) == (label != normal) for top, label in zip(tops_of, labels, strict=True))


def bags_of(samples: Sequence[Sample]) -> list[Bag]:
    """The pieces of each video, in order."""
    bags: dict[str, list[Sample]] = {}
    for sample in samples:
        bags.setdefault(sample.path, []).append(sample)
    return list(bags.values())


def label_of(bag: Bag, normal: int) -> int:
    """An incident's class if any piece has one."""
    return next((sample.label for sample in bag if sample.label != normal), normal)


def pair_bags(samples: Sequence[Sample], normal: int, random: np.random.Generator) -> list[tuple[Bag, Bag]]:
    """Every incident video of an epoch beside a normal one; all normal ones take their turns.

    Raises InvalidInputError where one of the two is missing: there is nothing to rank.
    """
    bags = bags_of(samples)
    incidents = [bag for bag in bags if label_of(bag, normal) != normal]
    normals = [bag for bag in bags if label_of(bag, normal) == normal]
    if not incidents or not normals:
        raise InvalidInputError("learning from video labels needs incident videos and normal ones")
    count = max(len(incidents), len(normals))
    first, second = (_turns(len(own), count, random) for own in (incidents, normals))
    return [(incidents[i], normals[j]) for i, j in zip(first, second, strict=True)]


def bag_batches(recipe: Recipe, samples: Sequence[Sample], random: np.random.Generator) -> list[list[Sample]]:
    """One epoch: pieces of as many pairs of videos as make the recipe's batch, at least one. `bags_of` parts them."""
    most = recipe.training.bag_pieces
    pairs = [
        [*draw_pieces(incident, most, random), *draw_pieces(normal, most, random)]
        for incident, normal in pair_bags(samples, recipe.spec.labels.index(NORMAL), random)
    ]
    size = max(1, recipe.training.batch // (2 * most))
    return [list(chain(*pairs[start : start + size])) for start in range(0, len(pairs), size)]


def draw_pieces(bag: Bag, most: int, random: np.random.Generator) -> Bag:
    """At most `most` pieces, one from each even part of the video, in the order of time."""
    if len(bag) <= most:
        return bag
    borders = np.linspace(0, len(bag), most + 1).astype(int)
    return [bag[int(random.integers(first, last))] for first, last in pairwise(borders)]


def _turns(size: int, count: int, random: np.random.Generator) -> list[int]:
    rounds = [random.permutation(size) for _ in range(-(-count // size))]
    return [int(i) for i in np.concatenate(rounds)[:count]]
