"""Owns small perturbations: how many decisions flip when every pixel may change by a grey level or a few.

The fast gradient sign method (Goodfellow et al. 2015) and projected gradient descent (Madry et al. 2018) on the
network's uint8 input, beside chance of the same size. An attacker needs the weights and the video line for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from crime_detect_engine.domain.types import NORMAL, ModelSpec
from crime_detect_engine.vision.network import Network
from crime_detect_engine.vision.sequences import score_stride

from .datasets import Footage, Sample
from .subjects import Material, Subject
from .train import Report

LEVELS = (1, 2, 4)
STEPS = 3
MOST_CLIPS = 48
METHODS = ("random", "fgsm", "pgd")


def adversarial_section(
    subjects: Sequence[Subject], material: Material, footage: Footage, report: Report, most: int = MOST_CLIPS
) -> dict[str, Any]:
    """The `adversarial` section of a report, over at most `most` clips of all classes alike."""
    spec = subjects[0].spec
    samples = choose(material.samples(spec, footage), most)
    flips = {(method, level): 0 for method in METHODS for level in LEVELS}
    right = dict.fromkeys(flips, 0)
    clean_right = 0
    for number, sample in enumerate(samples):
        subject = next(one for one in subjects if one.may_judge(sample.fold))
        window = _window(subject, sample, footage)
        clean = decide(subject.network, window)
        clean_right += clean == sample.label
        for (method, level), attacked in attack(subject.network, window, clean, seed=number).items():
            said = decide(subject.network, attacked)
            flips[method, level] += said != clean
            right[method, level] += said == sample.label
        report(f"perturbed {number + 1} of {len(samples)}")
    count = max(1, len(samples))
    return {
        "method": f"the most suspicious window of each clip; every pixel of the network's uint8 input may change by up "
        f"to epsilon grey levels, against the decision; pgd takes {STEPS} steps"
        + (f"; one level of the camera is {_levels(spec)} of a difference input" if spec.input != "rgb" else ""),
        "clips": len(samples),
        "clean_accuracy": round(clean_right / count, 4),
        "epsilons": {
            str(level): {
                method: {
                    "flipped_share": round(flips[method, level] / count, 4),
                    "accuracy": round(right[method, level] / count, 4),
                }
                for method in METHODS
            }
            for level in LEVELS
        },
    }


def choose(samples: Sequence[Sample], most: int) -> list[Sample]:
    """One sample a clip, evenly over each class's list."""
    first = {sample.path: sample for sample in reversed(samples)}
    chosen = []
    labels = sorted({sample.label for sample in first.values()})
    for label in labels:
        own = [first[path] for path in sorted(first) if first[path].label == label]
        share = min(len(own), most // len(labels))
        chosen += [own[index] for index in np.linspace(0, len(own) - 1, share).round().astype(int)]
    return chosen


def attack(network: Network, window: Tensor, decision: int, seed: int = 0) -> dict[tuple[str, int], Tensor]:
    """Changed windows by method and level, each uint8 [T, S, S, 3] within that many levels of `window`."""
    changed: dict[tuple[str, int], Tensor] = {}
    chance = torch.Generator().manual_seed(seed)
    first = _gradient(network, window, decision).sign()
    for level in LEVELS:
        signs = torch.randint(0, 2, window.shape, generator=chance) * 2 - 1
        changed["random", level] = _moved(window, signs * level, window, level)
        changed["fgsm", level] = _moved(window, first * level, window, level)
        step = max(1, round(level * 2 / STEPS))
        current = _moved(window, first * step, window, level)
        for _ in range(STEPS - 1):
            current = _moved(current, _gradient(network, current, decision).sign() * step, window, level)
        changed["pgd", level] = current
    return changed


def decide(network: Network, window: Tensor) -> int:
    with torch.inference_mode():
        return int(_logits(network, window).argmax(1))


def _moved(window: Tensor, change: Tensor, origin: Tensor, level: int) -> Tensor:
    moved = window.to(torch.int16) + change.to(torch.int16)
    low, high = origin.to(torch.int16) - level, origin.to(torch.int16) + level
    return torch.clamp(torch.maximum(torch.minimum(moved, high), low), 0, 255).to(torch.uint8)


def _gradient(network: Network, window: Tensor, decision: int) -> Tensor:
    """Of the loss of the network's own decision, by the input."""
    values = window.float().requires_grad_(True)
    loss = functional.cross_entropy(_logits(network, values), torch.tensor([decision]))
    (gradient,) = torch.autograd.grad(loss, values)
    return gradient


def _logits(network: Network, window: Tensor) -> Tensor:
    features = network.encoder(window)
    logits: Tensor = network.head(features[None], torch.ones(1, len(features)))
    return logits


def _window(subject: Subject, sample: Sample, footage: Footage) -> Tensor:
    """The composed window that the decision of the clip rests on."""
    composed = footage.compose(sample.clip)
    length, stride = subject.spec.frames, score_stride(subject.spec.fps)
    starts = range(0, max(0, len(composed) - length) + 1, stride)
    windows = [torch.tensor(composed[start : start + length]) for start in starts]
    normal = subject.spec.labels.index(NORMAL)
    with torch.inference_mode():
        suspicion = [1 - float(_logits(subject.network, one).softmax(1)[0, normal]) for one in windows]
    return windows[int(np.argmax(suspicion))]


def _levels(spec: ModelSpec) -> str:
    return f"up to {spec.gain:g}" if spec.gain_rule == "fixed" else "more, the less contrast there is,"
