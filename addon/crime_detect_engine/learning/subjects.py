"""Owns who is questioned about what: finished networks, the clips that each may judge, and how a pipeline runs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL, ModelSpec
from crime_detect_engine.vision.checkpoint import WEIGHTS_FILE, Checkpoint, file_digest
from crime_detect_engine.vision.classifier import NetworkClassifier
from crime_detect_engine.vision.network import Network, restore_network

from .datasets import ClipFile, Footage, Part, Sample, assign_folds, list_clips, load_samples
from .recipe import DataFolder, Recipe
from .registry import training_clips
from .train import Report, train_network


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One network. `fold`: the only clips it may judge, because it saw all others; None where it may judge all.

    `known`: SHA-256 of the videos it was trained on, where that is known.
    """

    network: Network
    spec: ModelSpec
    fold: int | None = None
    known: frozenset[str] = frozenset()

    def may_judge(self, fold: int) -> bool:
        return self.fold in (None, fold)

    def classifier(self) -> NetworkClassifier:
        """As the pipeline runs it. One thread at a time."""
        return NetworkClassifier(self.spec, _NetworkBackend(self.network))


@dataclass(frozen=True, slots=True)
class Clip:
    """One video of the material and the fold that it belongs to."""

    file: ClipFile
    path: Path
    fold: int
    folder: str
    extra: bool

    @property
    def normal(self) -> bool:
        return self.file.label == NORMAL


@dataclass(frozen=True, slots=True)
class Material:
    """Folders of clips below `root`, dealt into folds as in training; `part` as in `load_samples`."""

    root: Path
    folders: Sequence[DataFolder]
    folds: int = 1
    part: Part = "train"

    def clips(self, labels: Sequence[str]) -> Iterator[Clip]:
        for folder in self.folders:
            files = list_clips(self.root, folder, labels)
            for file, fold in zip(files, assign_folds(files, self.folds), strict=True):
                extra = folder.label is not None
                if extra or self.part == "all" or (file.split == "test") == (self.part == "test"):
                    yield Clip(file, self.root / file.path, fold, folder.folder, extra)

    def samples(self, spec: ModelSpec, footage: Footage) -> list[Sample]:
        """The clips that have a class of their own, decoded anew by `footage`."""
        own = [folder for folder in self.folders if folder.label is None]
        return [
            one for folder in own for one in load_samples(self.root, folder, spec, self.folds, footage, self.part)[0]
        ]


def fold_subjects(
    recipe: Recipe, data: Path, run: Path, temperature: float, footage: Footage, report: Report
) -> list[Subject]:
    """The networks of the folds that were trained in `run`. Raises InvalidInputError where one is not finished."""
    folders = sorted(run.glob("fold*"), key=lambda path: int(path.name.removeprefix("fold")))
    if not folders:
        raise InvalidInputError(f"{run} holds no trained folds")
    spec = replace(recipe.spec, temperature=temperature, trained=True)
    found = []
    for folder in folders:
        if not (folder / "state.safetensors").is_file():
            raise InvalidInputError(f"{folder} holds no state.safetensors: the network of this fold is gone")
        # Nothing is left to train: this only reads the state.
        network = train_network(recipe, [], data, folder, report, footage).cpu()
        found.append(Subject(network, spec, int(folder.name.removeprefix("fold"))))
    return found


def model_subject(checkpoint: Checkpoint) -> Subject:
    network = restore_network(checkpoint.spec, load_file(str(checkpoint.path(WEIGHTS_FILE))))
    return Subject(network, checkpoint.spec, None, training_clips(checkpoint.spec))


def trained_on(subject: Subject, path: Path) -> bool:
    return bool(subject.known) and file_digest(path) in subject.known


class _NetworkBackend:
    """A `Backend` around a network that is already in memory."""

    device = "cpu"
    precision = "fp32"

    def __init__(self, network: Network) -> None:
        self._network = network

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = self._network.encoder(torch.tensor(images)).float().numpy()
        return found

    def logits(self, windows: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            found: NDArray[np.float32] = self._network.head(torch.tensor(windows), torch.tensor(mask)).float().numpy()
        return found

    def close(self) -> None:
        pass
