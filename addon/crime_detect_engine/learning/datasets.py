"""Owns training data: folders of videos become uint8 clips with a label, a group and a fold; pixels only."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import ModelSpec

from .recipe import DataFolder

Clip = NDArray[np.uint8]


class Footage(Protocol):
    """How one model's pictures come from videos: by the very parts that serve."""

    def read(self, path: Path) -> Sequence[Clip]:
        """One video: unbroken stretches, each uint8 [T, P, P, 3] at the model's rate and picture size."""
        ...

    def compose(self, clip: Clip, zoom: float = 1.0) -> Clip:
        """What the CNN is shown of a stretch, uint8 [N, S, S, 3]; `zoom` widens the region it follows."""
        ...


SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm")
SEGMENT_WINDOWS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One unbroken stretch of one video. `extra` samples train along (hard negatives) and are reported apart."""

    path: str
    clip: Clip
    label: int
    group: str
    fold: int
    origin: str = ""
    extra: bool = False


@dataclass(frozen=True, slots=True)
class ClipFile:
    """One video before it is decoded. `path` is relative to the data root."""

    path: str
    label: str
    group: str
    fold: int | None
    origin: str = ""


def list_clips(root: Path, folder: DataFolder, labels: Sequence[str]) -> list[ClipFile]:
    """Videos of `DIR/<class>/*`, or all below DIR when the folder has one label. Raises InvalidInputError."""
    base = root / folder.folder
    if not base.is_dir():
        raise InvalidInputError(f"{base} is not a folder; --data must hold DIR/<class>/*.mp4")
    if folder.label is not None:
        videos = sorted(path for path in base.rglob("*") if path.suffix.lower() in SUFFIXES)
        return [ClipFile(str(path.relative_to(root)), folder.label, _stem_group(path), None) for path in videos]
    groups = _read_groups(base / folder.groups) if folder.groups else {}
    clips = []
    for label in labels:
        for path in sorted(path for path in (base / label).glob("*") if path.suffix.lower() in SUFFIXES):
            row = groups.get(str(path.relative_to(base)))
            if groups and row is None:
                continue
            group, fold, origin = row or (_stem_group(path), None, "")
            clips.append(ClipFile(str(path.relative_to(root)), label, group, fold, origin))
    if not clips:
        raise InvalidInputError(f"no video of the classes {', '.join(labels)} below {base}")
    return clips


def assign_folds(clips: Sequence[ClipFile], folds: int) -> list[int]:
    """The given folds; groups without one are dealt out in turn, so that a source video is never on both sides."""
    dealt = {group: n % folds for n, group in enumerate(sorted({clip.group for clip in clips if clip.fold is None}))}
    return [dealt[clip.group] if clip.fold is None else clip.fold for clip in clips]


def load_samples(
    root: Path, folder: DataFolder, spec: ModelSpec, folds: int, footage: Footage
) -> tuple[list[Sample], list[ClipFile]]:
    """Decodes a folder. Long videos become several samples of two windows. Also returns what was listed."""
    files = list_clips(root, folder, spec.labels)
    samples = []
    for file, fold in zip(files, assign_folds(files, folds), strict=True):
        label = spec.labels.index(file.label)
        for stretch in footage.read(root / file.path):
            for clip in _segments(stretch, SEGMENT_WINDOWS * spec.frames + 1, spec.min_frames + 1):
                extra = folder.label is not None
                samples.append(Sample(file.path, clip, label, file.group, fold, file.origin or folder.folder, extra))
    return samples, files


def _segments(clip: Clip, length: int, shortest: int) -> Iterator[Clip]:
    if len(clip) <= length * 3 // 2:
        # Half of what serving asks for still teaches; less than that is hardly a movement.
        if len(clip) >= shortest // 2 + 1:
            yield clip
        return
    for start in range(0, len(clip) - shortest + 1, length):
        yield clip[start : start + length]


def _stem_group(path: Path) -> str:
    """Without a list, what stands before the first underscore names the source (a subject, a camera)."""
    return path.stem.split("_")[0]


def _read_groups(path: Path) -> dict[str, tuple[str, int | None, str]]:
    """`path,group[,fold][,origin]` by path. Raises InvalidInputError."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    if rows and not {"path", "group"} <= rows[0].keys():
        raise InvalidInputError(f"{path} needs the columns path and group (and may have fold)")
    return {
        row["path"]: (row["group"], int(row["fold"]) if row.get("fold") else None, row.get("origin") or "")
        for row in rows
    }
