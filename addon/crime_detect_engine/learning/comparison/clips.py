"""Owns measuring networks that see whole clips: the same folds, augmentation and figures as what is served."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.learning.augment import augment
from crime_detect_engine.learning.datasets import Clip, Footage, Sample
from crime_detect_engine.learning.folding import fold
from crime_detect_engine.learning.mixing import mix
from crime_detect_engine.learning.quickening import quicken
from crime_detect_engine.learning.recipe import Recipe
from crime_detect_engine.learning.scoring import ScoredClip
from crime_detect_engine.learning.train import Report
from crime_detect_engine.vision.preprocess import still_input
from crime_detect_engine.vision.sequences import score_stride

from .frozen import scored_clip
from .networks import CLIP_NETWORKS, ConvolutionalLstm

LEARNED_LR, STARTED_LR = 1e-3, 2e-4
"""Of layers that start at random, and of a trunk with start weights."""


def cross_validate_clips(
    name: str, recipe: Recipe, samples: Sequence[Sample], data: Path, footage: Footage, report: Report,
    *, seed: int, epochs: int,
) -> list[ScoredClip]:  # fmt: skip
    """Out-of-fold scores of the network of that name (`CLIP_NETWORKS`); one sample a clip, windows as in serving."""
    scored = []
    for own in sorted({sample.fold for sample in samples}):
        torch.manual_seed(seed)
        network = make_clip_network(name, recipe, data)
        known = [sample for sample in samples if sample.fold != own]
        learn_clips(network, recipe, known, footage, report, seed=seed, epochs=epochs)
        scored += [score_clip(network, recipe.spec, s, footage) for s in samples if s.fold == own]
    return scored


def make_clip_network(name: str, recipe: Recipe, data: Path) -> nn.Module:
    """With the recipe's start weights where the network has a trunk for them and they are a file."""
    network = CLIP_NETWORKS[name](recipe.spec)
    if isinstance(network, ConvolutionalLstm):
        if recipe.training.start not in ("imagenet", "random"):
            state = load_file(str(data / recipe.training.start))
            known = network.encoder.trunk.state_dict()
            network.encoder.trunk.load_state_dict({
                key: value for name, value in state.items() if (key := name.removeprefix("features.")) in known
            })  # fmt: skip
        fold(network.encoder.trunk)
        quicken(network.encoder.trunk)
    return network


def learn_clips(
    network: nn.Module, recipe: Recipe, samples: Sequence[Sample], footage: Footage, report: Report,
    *, seed: int, epochs: int,
) -> None:  # fmt: skip
    """AdamW, a tenth of warm-up and half a cosine, the recipe's augmentation; gradients of two clips at a time."""
    settings = recipe.training
    groups = [
        {"params": [p], "lr": STARTED_LR if name.startswith("encoder") else LEARNED_LR}
        for name, p in network.named_parameters()
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay)
    steps = epochs * math.ceil(len(samples) / settings.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _factor(step, steps))
    random = np.random.default_rng(seed)
    network.train()
    for epoch in range(epochs):
        order, losses = random.permutation(len(samples)), []
        for start in range(0, len(order), settings.batch):
            batch = [samples[i] for i in order[start : start + settings.batch]]
            clips, targets = _draw(batch, recipe, footage, random)
            optimizer.zero_grad(set_to_none=True)
            for at in range(0, len(batch), 2):
                loss = _loss(network, clips[at : at + 2], targets[at : at + 2], settings.label_smoothing) / len(batch)
                loss.backward()
                losses.append(float(loss.detach()) * len(batch))
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        report(json.dumps({"epoch": epoch + 1, "loss": round(sum(losses) / len(samples), 4)}))
    network.eval()


def score_clip(network: nn.Module, spec: ModelSpec, sample: Sample, footage: Footage) -> ScoredClip:
    """Logits of a window every 0.5 s."""
    composed = filled(footage.compose(sample.clip), spec)
    starts = range(0, len(composed) - spec.frames + 1, score_stride(spec.fps))
    windows = np.stack([composed[start : start + spec.frames] for start in starts])
    with torch.inference_mode():
        return scored_clip(sample, network(torch.from_numpy(windows)).float().tolist())


def filled(composed: Clip, spec: ModelSpec) -> Clip:
    """Inputs [T, S, S, 3] of at least a window: what is missing before the first lay still."""
    missing = spec.frames - len(composed)
    if missing <= 0:
        return composed
    before = still_input(spec)[None] if spec.input == "difference" else composed[:1]
    return np.concatenate([before.repeat(missing, 0), composed])


def _draw(
    batch: Sequence[Sample], recipe: Recipe, footage: Footage, random: np.random.Generator
) -> tuple[list[Clip], Tensor]:
    spec, options = recipe.spec, recipe.augmentation
    frames = spec.frames + (spec.lag if spec.input == "difference" else 0)
    clips = [
        footage.compose(
            augment(sample.clip, frames, options, random), float(np.exp(random.uniform(-1, 1) * options.zoom))
        )
        for sample in batch
    ]
    targets = functional.one_hot(torch.tensor([sample.label for sample in batch]), len(spec.labels)).float()
    return mix([filled(clip, spec)[: spec.frames] for clip in clips], targets, options.mixup, random)


def _loss(network: nn.Module, clips: Sequence[Clip], targets: Tensor, smoothing: float) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(torch.from_numpy(np.stack(clips)))
    loss: Tensor = functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing, reduction="sum")
    return loss


def _factor(step: int, steps: int) -> float:
    warm = max(1, steps // 10)
    return min((step + 1) / warm, 0.5 * (1 + math.cos(math.pi * min(1.0, step / max(1, steps)))))
