"""Owns the start of a head: logistic regression on frozen features, the baseline that training must not fall below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from crime_detect_engine.vision.classifier import pad
from crime_detect_engine.vision.heads import ImageHead
from crime_detect_engine.vision.network import Network

from .datasets import Footage, Sample
from .recipe import Recipe


def clip_features(network: Network, clip: NDArray[np.uint8], *, exact: bool = True) -> NDArray[np.float32]:
    """Composed uint8 [T, S, S, 3] → float32 [T, D]; `exact` False allows bfloat16."""
    device = next(network.parameters()).device
    chunks = []
    with torch.inference_mode(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=not exact):
        for start in range(0, len(clip), 32):
            images = torch.from_numpy(np.ascontiguousarray(clip[start : start + 32])).to(device)
            chunks.append(network.encoder(images).float().cpu().numpy())
    features: NDArray[np.float32] = np.concatenate(chunks)
    return features


def settle_batch_norm(network: Network, samples: Sequence[Sample], footage: Footage) -> None:
    """Estimates batch norm's statistics once from the data: random weights come with none that fit."""
    layers = [module for module in network.encoder.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for layer in layers:
        layer.train()
        layer.momentum = None
    for start in range(0, len(samples), 8):
        clip_features(network, np.concatenate([footage.compose(s.clip[:6]) for s in samples[start : start + 8]]))
    network.eval()


def initialise_head(network: Network, recipe: Recipe, samples: Sequence[Sample], footage: Footage) -> float:
    """Sets the head's standardisation and its linear part; returns the accuracy on the samples it was fitted to."""
    network.eval()
    frames = recipe.spec.frames
    sequences = [clip_features(network, footage.compose(s.clip)[:frames], exact=False) for s in samples]
    return fit_head(network.head, sequences, recipe, samples)


def fit_head(
    head: torch.nn.Module, sequences: Sequence[NDArray[np.float32]], recipe: Recipe, samples: Sequence[Sample]
) -> float:
    """The same for features [T, D] that are already there, one sequence a sample."""
    spec = recipe.spec
    frames = np.concatenate(sequences)
    with torch.inference_mode():
        rows = head.describe(*(torch.from_numpy(part) for part in pad(sequences))).numpy()
    centre, spread = rows.mean(0), rows.std(0) + 1e-4
    labels = np.array([s.label for s in samples])
    weights = np.array([recipe.training.extra_weight if s.extra else 1.0 for s in samples])
    regression = LogisticRegression(C=recipe.training.initial_c, max_iter=2000)
    regression.fit((rows - centre) / spread, labels, sample_weight=weights)
    coefficients, intercept = _by_class(regression, len(spec.labels))
    if isinstance(head, ImageHead):
        _fill(head, feature_mean=centre, feature_scale=spread)
    else:
        _fill(head, statistics_mean=centre, statistics_scale=spread)
        _fill(head, feature_mean=frames.mean(0), feature_scale=np.full(frames.shape[1], frames.std() + 1e-4))
    _fill(head.skip, weight=coefficients, bias=intercept)
    return float(regression.score((rows - centre) / spread, labels))


def _by_class(regression: Any, classes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """One row a class. With two classes scikit-learn gives one row, the log odds: each logit takes half of it."""
    if len(regression.classes_) == 2:
        odds, bias = regression.coef_[0], regression.intercept_[0]
        rows, offsets = np.stack([-odds / 2, odds / 2]), np.array([-bias / 2, bias / 2])
    else:
        rows, offsets = regression.coef_, regression.intercept_
    coefficients, intercept = np.zeros((classes, rows.shape[1])), np.full(classes, -5.0)
    coefficients[regression.classes_], intercept[regression.classes_] = rows, offsets
    return coefficients, intercept


def _fill(module: Any, **values: NDArray[Any]) -> None:
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, name).copy_(torch.from_numpy(np.asarray(value)))
