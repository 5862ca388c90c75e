"""Owns which model looks at photos: one that reads single pictures, where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .domain.ports import Classifier
from .store.overlay import PHOTO_SUFFIXES
from .vision.checkpoint import list_checkpoints
from .vision.classifier import load_classifier


def is_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES


def find_photo_model(folders: Sequence[Path]) -> str | None:
    """The first trained model by name whose window is one picture; None where nobody trained one."""
    specs = (listing.spec for listing in list_checkpoints(folders))
    return next((spec.name for spec in specs if spec and spec.trained and spec.frames == 1 and not spec.demo), None)


class PhotoLook:
    """Chooses for each file: photos go to the photo model, all else to the other; loads it when it is first needed."""

    def __init__(self, usual: Classifier, device: str, folders: Sequence[Path]) -> None:
        self._usual = usual
        self._device = device
        self._folders = folders
        self._photo: Classifier | None = None
        self._looked = False

    def classifier_of(self, path: Path) -> Classifier:
        """Raises CheckpointError, BackendError for a photo model that cannot be loaded."""
        if not is_photo(path):
            return self._usual
        if not self._looked:
            self._looked = True
            name = find_photo_model(self._folders)
            self._photo = load_classifier(name, self._device, self._folders)[0] if name else None
        return self._photo or self._usual
