"""Owns the layout of RWF-2000 (Cheng, Cai, Li 2021): `train|val/Fight|NonFight/<source>_<n>.avi`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crime_detect_engine.domain.errors import InvalidInputError

from .listing import ClipFile, Request, Split, find_videos

CLASSES: Mapping[str, str | None] = {"NonFight": "normal", "Fight": "fighting"}
FOLDERS: Sequence[tuple[str, Split]] = (("train", "train"), ("val", "test"))
"""The set has no third part: what it calls val is what papers report."""


def list_rwf2000(request: Request) -> list[ClipFile]:
    """Clips of five seconds; those of one source video share its id. Raises InvalidInputError."""
    request.check_classes(CLASSES)
    clips = []
    for folder, split in FOLDERS:
        for name in CLASSES:
            place = request.base / folder / name
            if not place.is_dir():
                raise InvalidInputError(f"{place} is not a folder; RWF-2000 has train|val/Fight|NonFight/*.avi")
            label = request.label_of(name, CLASSES, str(place))
            if label is None:
                continue
            for path in find_videos(place):
                source = path.stem.rpartition("_")[0] or path.stem
                clips.append(ClipFile(str(path.relative_to(request.base)), label, source, split=split))
    if not clips:
        raise InvalidInputError(f"no video of the classes {', '.join(request.labels)} below {request.base}")
    return clips
