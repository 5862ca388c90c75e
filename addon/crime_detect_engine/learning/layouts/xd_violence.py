"""Owns the layout of XD-Violence (Wu et al. 2020): classes in file names, `annotations.txt` with spans of test videos.

`Movie.1999__#00-04-09_00-05-06_label_B6-0-0.mp4`: what stands before `__#` is the film or the upload. A video of
several classes counts as the first. `annotations.txt` has `NAME FIRST LAST FIRST LAST …`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from crime_detect_engine.domain.errors import InvalidInputError

from .listing import ClipFile, Request, Span, Split, find_videos, read_lines, read_spans, tell_missing

CLASSES: Mapping[str, str | None] = {
    "A": "normal", "B1": "fighting", "B2": "shooting", "B4": None, "B5": "abuse", "B6": "road_accident",
    "G": "explosion",
}  # fmt: skip
"""B4 is riot, which our vocabulary has no word for: left out unless the recipe gives it a class."""
ANNOTATIONS = "annotations.txt"
_NAME = re.compile(r"^(?P<source>.+?)(?:__#?.*)?_label_(?P<name>[A-Z]\d?)(?:-(?:[A-Z]\d?|0))*$")
_TRAIN = re.compile(r"^(train.*|\d+-\d+)$", re.IGNORECASE)
_TEST = re.compile(r"^(test.*|videos)$", re.IGNORECASE)


def list_xd_violence(request: Request) -> list[ClipFile]:
    """All videos below the folder, of the classes of the model. Raises InvalidInputError naming file and line."""
    request.check_classes(CLASSES)
    annotated = _read_annotations(request.base)
    clips = []
    for path in find_videos(request.base):
        match = _NAME.match(path.stem)
        if match is None:
            raise InvalidInputError(f"{path}: the name does not end in _label_ and classes, like _label_B1-0-0")
        where, spans = annotated.pop(path.stem, ("", None))
        label = request.label_of(match["name"], CLASSES, where or str(path))
        if label is None:
            continue
        inside = path.relative_to(request.base)
        split: Split = "test" if where else _split_of(inside)
        clips.append(ClipFile(str(inside), label, match["source"], split=split, spans=spans))
    tell_missing([f"{where}: {name}" for name, (where, _) in annotated.items()], request)
    if not clips:
        raise InvalidInputError(f"no video of the classes {', '.join(request.labels)} below {request.base}")
    return clips


def _split_of(path: Path) -> Split:
    """By the nearest folder that says so: the training archives are called 1-1004 and so on, the test one videos."""
    for folder in reversed(path.parent.parts):
        if _TRAIN.match(folder):
            return "train"
        if _TEST.match(folder):
            return "test"
    return "train"


def _read_annotations(base: Path) -> dict[str, tuple[str, tuple[Span, ...]]]:
    """`FILE, line N` and spans by name. Raises InvalidInputError."""
    file = next(iter(sorted(base.rglob(ANNOTATIONS))), None)
    if file is None:
        raise InvalidInputError(f"no {ANNOTATIONS} below {base}: it names the test videos of XD-Violence")
    found = {}
    for where, line in read_lines(file):
        name, *numbers = line.split()
        spans = read_spans(where, numbers)
        if spans:
            found[name.removesuffix(".mp4")] = (where, spans)
    return found
