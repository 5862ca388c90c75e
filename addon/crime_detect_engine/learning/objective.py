"""Owns what a network is asked to say of a batch: labels, smoothed, weighed by class, or what its teachers said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from crime_detect_engine.domain.errors import CheckpointError, InvalidInputError
from crime_detect_engine.domain.types import ModelSpec
from crime_detect_engine.vision.checkpoint import FORMAT, parse_spec
from crime_detect_engine.vision.network import Network, network_tensors, restore_network

from .datasets import Sample
from .hierarchy import coarse_classes, coarse_loss
from .recipe import Recipe

NETWORK_FILE = "network.safetensors"
_SEEN = ("labels", "fps", "size", "input", "gain", "gain_rule", "lag", "region", "picture_size", "interpolation")
"""What must be equal for two networks to be shown the same pictures."""


@dataclass(frozen=True, slots=True)
class Objective:
    """`weights` [C] by class, mean 1 over the clips; `share` of what is learned is what the teachers say."""

    smoothing: float
    weights: Tensor
    teachers: Sequence[Network] = ()
    share: float = 0.0
    coarse: Tensor | None = None
    """[C, K], see hierarchy.py."""
    coarse_weight: float = 0.0

    def soften(self, targets: Tensor, said: Sequence[Tensor]) -> Tensor:
        """Targets [N, C] mixed with the mean probability of the teachers' logits, each [N, C]."""
        if not said:
            return targets
        word = torch.stack([logits.softmax(1) for logits in said]).mean(0)
        return (1 - self.share) * targets + self.share * word.to(targets.device)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy of logits and soft targets, both [N, C]; the mean over the batch."""
        each = functional.cross_entropy(logits, targets, label_smoothing=self.smoothing, reduction="none")
        if self.coarse_weight > 0 and self.coarse is not None:
            each = each + self.coarse_weight * coarse_loss(logits, targets, self.coarse.to(targets.device))
        loss: Tensor = (each * (targets @ self.weights.to(targets.device))).mean()
        return loss


def make_objective(recipe: Recipe, samples: Sequence[Sample], out: Path, device: torch.device) -> Objective:
    """For a run that lies in `out`; its teachers are the networks of the same fold of their own runs.

    Raises InvalidInputError, CheckpointError.
    """
    settings = recipe.training
    teachers = [
        _teacher(Path(folder) / out.name / NETWORK_FILE, recipe.spec).to(device) for folder in settings.teachers
    ]
    weights = class_weights(samples, len(recipe.spec.labels)) if settings.class_weights else None
    return Objective(
        settings.label_smoothing,
        torch.ones(len(recipe.spec.labels)) if weights is None else weights,
        teachers,
        settings.teacher_share,
        torch.from_numpy(coarse_classes(recipe.spec.labels, recipe.hierarchy)[1]),
        settings.hierarchy_weight,
    )


def class_weights(samples: Sequence[Sample], classes: int) -> Tensor:
    """Inverse to how many main clips a class has, so that every class weighs the same and a clip 1 on average."""
    counts = torch.bincount(torch.tensor([s.label for s in samples if not s.extra]), minlength=classes).float()
    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), torch.ones(classes))


def save_network(network: Network, spec: ModelSpec, path: Path) -> None:
    """Weights with the spec in the file's own head: what a later run may take as its teacher."""
    save_file(network_tensors(network), str(path), metadata={"spec": json.dumps({"format": FORMAT, **asdict(spec)})})


def read_network(path: Path) -> tuple[ModelSpec, Network]:
    """Raises CheckpointError."""
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            described: Any = json.loads((file.metadata() or {}).get("spec", "null"))
    except (OSError, SafetensorError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    spec = parse_spec(described, str(path))
    return spec, restore_network(spec, tensors)


def _teacher(path: Path, spec: ModelSpec) -> Network:
    if not path.is_file():
        raise InvalidInputError(
            f"{path} is not there: a teacher is the folder of a finished run with the same folds "
            "(models/.work/NAME), so that no teacher saw what its pupil is measured on"
        )
    taught, network = read_network(path)
    other = [name for name in _SEEN if getattr(taught, name) != getattr(spec, name)]
    if other:
        raise InvalidInputError(f"the teacher {path} is shown other pictures: {', '.join(other)} differ")
    return network
