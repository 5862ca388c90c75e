"""Owns training data: videos of any layout become uint8 clips with label, group, fold and split; pixels only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.types import NORMAL, ModelSpec

from .cutting import Clip as Clip
from .cutting import Cutting, Piece
from .layouts import LAYOUTS
from .layouts.folders import stem_group
from .layouts.listing import SUFFIXES as SUFFIXES
from .layouts.listing import ClipFile as ClipFile
from .layouts.listing import Request, Split, find_videos
from .recipe import DataFolder


class Footage(Protocol):
    """How one model's pictures come from videos: by the very parts that serve."""

    def cut(self, path: Path, cutting: Cutting) -> Sequence[tuple[Piece, Clip]]:
        """One video: its pieces, each uint8 [T, P, P, 3] at the model's rate and picture size."""
        ...

    def compose(self, clip: Clip, zoom: float = 1.0, region: str | None = None) -> Clip:
        """What the CNN is shown of a stretch, uint8 [N, S, S, 3].

        `zoom` widens the region it follows; `region` is followed instead of the model's own.
        """
        ...


SEGMENT_WINDOWS = 2
Part = Literal["train", "test", "all"]
"""Of sets with an official split: what may train, what is held back for measuring, or both."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One unbroken stretch of one video. `extra` samples train along (hard negatives) and are reported apart.

    `clip` may be mapped from a file. A `test` sample never trains.
    """

    path: str
    clip: Clip
    label: int
    group: str
    fold: int
    origin: str = ""
    extra: bool = False
    split: Split = ""


def list_clips(root: Path, folder: DataFolder, labels: Sequence[str]) -> list[ClipFile]:
    """What the folder's layout lists, or all videos below it when it has one label. Raises InvalidInputError."""
    base = root / folder.folder
    if not base.is_dir():
        raise InvalidInputError(f"{base} is not a folder; --data must hold DIR/<class>/*.mp4")
    if folder.label is not None:
        return [ClipFile(str(path.relative_to(root)), folder.label, stem_group(path)) for path in find_videos(base)]
    if folder.layout not in LAYOUTS:
        raise InvalidInputError(f"no layout is called {folder.layout!r}; known are {', '.join(LAYOUTS)}")
    clips = LAYOUTS[folder.layout](Request(base, labels, folder.classes, folder.groups, folder.partial))
    return [replace(clip, path=str((base / clip.path).relative_to(root))) for clip in clips]


def assign_folds(clips: Sequence[ClipFile], folds: int) -> list[int]:
    """The given folds; groups without one are dealt out in turn, so that a source video is never on both sides."""
    free = {clip.group for clip in clips if clip.fold is None and clip.split != "test"}
    dealt = {group: n % folds for n, group in enumerate(sorted(free))}
    return [dealt.get(clip.group, 0) if clip.fold is None else clip.fold for clip in clips]


def load_samples(
    root: Path, folder: DataFolder, spec: ModelSpec, folds: int, footage: Footage, part: Part = "train"
) -> tuple[list[Sample], list[ClipFile]]:
    """Decodes a folder. Long videos become several samples of two windows. Also returns what was decoded."""
    listed = list_clips(root, folder, spec.labels)
    chosen = [
        (file, fold)
        for file, fold in zip(listed, assign_folds(listed, folds), strict=True)
        if part == "all" or (file.split == "test") == (part == "test")
    ]
    samples = [sample for file, fold in chosen for sample in _samples(root, file, fold, folder, spec, footage)]
    return samples, [file for file, _ in chosen]


def _samples(
    root: Path, file: ClipFile, fold: int, folder: DataFolder, spec: ModelSpec, footage: Footage
) -> Iterator[Sample]:
    # Spans and all of the video are what test figures are about.
    most = folder.pieces_per_video if file.split != "test" else None
    cutting = Cutting(SEGMENT_WINDOWS * spec.frames + 1, spec.min_frames + 1, file.spans, most)
    origin, extra = file.origin or folder.folder, folder.label is not None
    for piece, clip in footage.cut(root / file.path, cutting):
        if file.rest_unknown and not piece.incident:
            continue
        label = file.label if piece.incident else NORMAL
        yield Sample(file.path, clip, spec.labels.index(label), file.group, fold, origin, extra, file.split)
