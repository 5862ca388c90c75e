"""Owns the comparison of heads on frozen features: the trunk is run once, every head learns in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from crime_detect_engine.learning.datasets import Footage, Sample
from crime_detect_engine.learning.initialise import clip_features, fit_head
from crime_detect_engine.learning.recipe import Recipe
from crime_detect_engine.learning.scoring import ScoredClip
from crime_detect_engine.vision.classifier import pad
from crime_detect_engine.vision.heads import HEADS
from crime_detect_engine.vision.network import Network
from crime_detect_engine.vision.sequences import slide

Features = NDArray[np.float32]


def frozen_features(network: Network, samples: Sequence[Sample], footage: Footage) -> list[Features]:
    """Float32 [T, D] of every sample by a trunk that does not learn."""
    network.eval()
    return [clip_features(network, footage.compose(sample.clip), exact=False) for sample in samples]


def cross_validate_head(
    name: str, recipe: Recipe, samples: Sequence[Sample], features: Sequence[Features], *, seed: int, epochs: int
) -> list[ScoredClip]:
    """Out-of-fold scores of the head of that name (`HEADS`), learned on all other folds; one sample a clip."""
    scored = []
    for fold in sorted({sample.fold for sample in samples}):
        known = [i for i, sample in enumerate(samples) if sample.fold != fold]
        torch.manual_seed(seed)
        head = HEADS[name](recipe.spec)
        own = [samples[i] for i in known]
        learn_head(head, recipe, own, [features[i] for i in known], seed=seed, epochs=epochs)
        scored += [
            _scored(head, recipe, sample, features[i]) for i, sample in enumerate(samples) if sample.fold == fold
        ]
    return scored


def learn_head(
    head: nn.Module, recipe: Recipe, samples: Sequence[Sample], features: Sequence[Features], *, seed: int, epochs: int
) -> None:
    """From logistic regression on, with random windows; the recipe's rates, half a cosine, no other augmentation."""
    spec, settings = recipe.spec, recipe.training
    fit_head(head, [one[: spec.frames] for one in features], recipe, samples)
    groups = [
        {"params": [p], "lr": settings.skip_lr if name.startswith("skip") else settings.recurrent_lr}
        for name, p in head.named_parameters()
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    random = np.random.default_rng(seed)
    steps = epochs * math.ceil(len(samples) / settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    head.train()
    for _ in range(epochs):
        order = random.permutation(len(samples))
        for start in range(0, len(order), settings.batch):
            rows = order[start : start + settings.batch]
            windows, mask = pad([_window(features[i], recipe, random) for i in rows])
            targets = torch.tensor([samples[i].label for i in rows])
            logits = head(torch.from_numpy(windows), torch.from_numpy(mask))
            loss = functional.cross_entropy(logits, targets, label_smoothing=settings.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    head.eval()


def _window(features: Features, recipe: Recipe, random: np.random.Generator) -> Features:
    spec = recipe.spec
    length = min(len(features), int(random.integers(spec.min_frames, spec.frames + 1)))
    start = int(random.integers(0, len(features) - length + 1))
    return features[start : start + length]


def _scored(head: nn.Module, recipe: Recipe, sample: Sample, features: Features) -> ScoredClip:
    windows, mask = pad(list(slide(features, recipe.spec)))
    with torch.inference_mode():
        logits: Tensor = head(torch.from_numpy(windows), torch.from_numpy(mask))
    return scored_clip(sample, logits.tolist())


def scored_clip(sample: Sample, logits: Sequence[Sequence[Any]]) -> ScoredClip:
    """One sample with the logits of its windows."""
    windows = tuple(tuple(float(value) for value in row) for row in logits)
    return ScoredClip(sample.path, sample.label, sample.group, sample.fold, sample.origin, sample.extra, windows)
