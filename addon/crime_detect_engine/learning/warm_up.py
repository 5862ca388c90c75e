"""Owns what a trunk can learn from clips without their labels: were they played as filmed, and how fast.

The arrow of time (Wei et al. 2018), shuffled frames (Misra et al. 2016) and speed (Benaim et al. 2020) in one question.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from crime_detect_engine.vision.network import Network

from .augment import augment
from .datasets import Clip, Footage, Sample, load_samples
from .recipe import Augmentation, DataFolder, Recipe

ANSWERS = ("as filmed", "backwards", "shuffled", "twice as fast")


def warm_up(
    network: Network, recipe: Recipe, samples: Sequence[Sample], data: Path, footage: Footage, report: Any
) -> None:
    """Trains the trunk on the clips of `samples`, whose labels are not read, and on the recipe's further folders.

    The head that answers is thrown away. Scored folds are not among the samples, so nothing is seen beforehand.
    """
    settings = recipe.warm_up
    device = next(network.parameters()).device
    clips = [sample.clip for sample in samples] + list(_further(recipe, data, footage))
    clips = [clip for clip in clips if len(clip) >= 2 * settings.frames + recipe.spec.lag]
    if not clips:
        return
    random = np.random.default_rng((recipe.training.seed, 1))
    torch.manual_seed(recipe.training.seed)
    answer = _Answer(recipe.spec.feature_dim).to(device)
    parameters = [*network.encoder.trunk.parameters(), *answer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=recipe.training.weight_decay)
    steps = settings.epochs * math.ceil(len(clips) / settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    network.train()
    for epoch in range(settings.epochs):
        losses, right = [], 0
        order = random.permutation(len(clips))
        for start in range(0, len(order), settings.batch):
            batch = [clips[i] for i in order[start : start + settings.batch]]
            asked = random.integers(0, len(ANSWERS), len(batch))
            shown = [ask(clip, int(task), recipe, footage, random) for clip, task in zip(batch, asked, strict=True)]
            with torch.autocast(device.type, dtype=torch.bfloat16):
                features = network.encoder(torch.from_numpy(np.concatenate(shown)).to(device))
            logits = answer(features.float().unflatten(0, (len(shown), settings.frames)))
            targets = torch.from_numpy(asked).to(device)
            loss = functional.cross_entropy(logits, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            right += int((logits.argmax(1) == targets).sum())
        found = {"warm_up_epoch": epoch + 1, "loss": float(np.mean(losses)), "accuracy": right / len(clips)}
        report(json.dumps({key: round(value, 4) for key, value in found.items()}))
    network.eval()


def ask(clip: Clip, task: int, recipe: Recipe, footage: Footage, random: np.random.Generator) -> Clip:
    """Composed inputs [frames, S, S, 3] of a stretch of pictures, played as the task of that index in `ANSWERS` says.

    Shuffling comes after composing: differences across a seam would tell it without any look at movement.
    """
    length, lag = recipe.warm_up.frames, recipe.spec.lag if recipe.spec.input == "difference" else 0
    fast = ANSWERS[task] == "twice as fast"
    taken = (length + lag) * (2 if fast else 1) - (1 if fast else 0)
    start = int(random.integers(0, len(clip) - taken + 1)) if len(clip) > taken else 0
    pictures = clip[start : start + taken][:: 2 if fast else 1]
    if ANSWERS[task] == "backwards":
        pictures = pictures[::-1]
    shown = footage.compose(augment(pictures, len(pictures), _calm(recipe), random))[:length]
    shown = np.concatenate([shown, shown[-1:].repeat(length - len(shown), 0)])
    return shown[random.permutation(length)] if ANSWERS[task] == "shuffled" else shown


class _Answer(nn.Module):  # type: ignore[misc]
    def __init__(self, features: int, hidden: int = 128) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, hidden), nn.ReLU())
        self.recurrent = nn.GRU(hidden, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(ANSWERS))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.out(self.recurrent(self.project(windows))[0][:, -1])
        return logits


def _calm(recipe: Recipe) -> Augmentation:
    """The recipe's augmentation without what would itself change order or speed."""
    return replace(recipe.augmentation, speed=1.0, dropout=0.0, splice=0.0, reverse=0.0)


def _further(recipe: Recipe, data: Path, footage: Footage) -> list[Clip]:
    """Loaded like hard negatives; the label that this asks for is never read."""
    folders = [DataFolder(folder=folder, label=recipe.spec.labels[0]) for folder in recipe.warm_up.folders]
    return [s.clip for folder in folders for s in load_samples(data, folder, recipe.spec, 1, footage)[0]]
