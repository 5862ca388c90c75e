"""Owns coarse classes above the fine ones: a term of the loss and figures of the report; what is served stays fine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .metrics import figures

Hierarchy = Mapping[str, Sequence[str]]
"""Coarse class → the fine ones below it; a class below none stands for itself."""


def coarse_classes(labels: Sequence[str], hierarchy: Hierarchy) -> tuple[list[str], NDArray[np.float32]]:
    """Names [K] in the order of their first fine class, and the matrix [C, K] that adds fine probabilities up."""
    above = {fine: coarse for coarse, below in hierarchy.items() for fine in below}
    names = list(dict.fromkeys(above.get(label, label) for label in labels))
    matrix = np.zeros((len(labels), len(names)), np.float32)
    for row, label in enumerate(labels):
        matrix[row, names.index(above.get(label, label))] = 1
    return names, matrix


def coarse_loss(logits: Tensor, targets: Tensor, matrix: Tensor) -> Tensor:
    """Cross entropy between coarse classes, [N]; `logits` and soft `targets` are fine, [N, C], `matrix` is [C, K].

    A network that takes one robbery for another crime of its kind loses less than one that takes it for nothing.
    """
    probabilities = logits.float().softmax(1) @ matrix
    loss: Tensor = -((targets @ matrix) * torch.log(probabilities.clamp(min=1e-8))).sum(1)
    return loss


def coarse_figures(
    labels: NDArray[Any], probabilities: NDArray[Any], names: Sequence[str], hierarchy: Hierarchy
) -> dict[str, Any]:
    """The figures of metrics.py one level up; integer `labels` [N] and `probabilities` [N, C] are fine."""
    coarse, matrix = coarse_classes(names, hierarchy)
    return {"classes": coarse, **figures(matrix.argmax(1)[labels], probabilities @ matrix, coarse)}
