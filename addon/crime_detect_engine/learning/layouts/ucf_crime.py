"""Owns the layout of UCF-Crime (Sultani, Chen, Shah 2018): official train and test lists, spans of the test incidents.

`Anomaly_Train.txt` and `Anomaly_Test.txt` (from Anomaly_Detection_splits) name `<Class>/<Class>NNN_x264.mp4`;
`Temporal_Anomaly_Annotation_for_Testing_Videos.txt` has `NAME CLASS FIRST LAST FIRST LAST`, -1 where there is no second
incident. The archives unpack into folders of several names, so videos are found by their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from crime_detect_engine.domain.errors import InvalidInputError

from .listing import ClipFile, Request, Span, Split, find_videos, read_lines, read_spans, tell_missing

CLASSES: Mapping[str, str | None] = {
    "Normal": "normal", "Abuse": "abuse", "Arrest": "arrest", "Arson": "arson", "Assault": "assault",
    "Burglary": "burglary", "Explosion": "explosion", "Fighting": "fighting", "RoadAccidents": "road_accident",
    "Robbery": "robbery", "Shooting": "shooting", "Shoplifting": "shoplifting", "Stealing": "stealing",
    "Vandalism": "vandalism",
}  # fmt: skip
LISTS: Sequence[tuple[str, Split]] = (("Anomaly_Train.txt", "train"), ("Anomaly_Test.txt", "test"))
ANNOTATIONS = "Temporal_Anomaly_Annotation*.txt"
_NAME = re.compile(r"^(?P<name>[A-Za-z]+)(?:_Videos_?)?(?P<number>\d+)[A-Za-z]?(?:_x264)?$")
_OTHER_EXPERIMENT = ("Normal_Videos_for_Event_Recognition", "Normal_Videos_event")
"""Folders of the action recognition experiment: normal videos of the other one under names of their own."""


def list_ucf_crime(request: Request) -> list[ClipFile]:
    """What the official lists name, of the classes of the model. Raises InvalidInputError naming file and line."""
    request.check_classes(CLASSES)
    videos = _videos_by_name(request.base)
    spans = _read_annotations(request.base)
    clips: list[ClipFile] = []
    missing: list[str] = []
    listed: dict[str, str] = {}
    for file, split in LISTS:
        for where, line in read_lines(_find_list(request.base, file)):
            name, number = _read_name(where, line)
            label = request.label_of(name, CLASSES, where)
            stem = PurePosixPath(line).stem
            if stem in listed:
                raise InvalidInputError(f"{where}: {stem} is listed before, in {listed[stem]}")
            listed[stem] = where
            if label is None:
                continue
            path = _choose(videos.get(stem, []), line)
            if path is None:
                missing.append(f"{where}: {line}")
                continue
            own = None if name == "Normal" else spans.get(stem)
            group = f"{name}{number}"
            clips.append(ClipFile(str(path.relative_to(request.base)), label, group, split=split, spans=own))
    tell_missing(missing, request)
    if not clips:
        raise InvalidInputError(f"no listed video of the classes {', '.join(request.labels)} below {request.base}")
    return clips


def _read_name(where: str, line: str) -> tuple[str, str]:
    """Class and number of `Abuse/Abuse001_x264.mp4`. Parts of one recording (018A, 018B) share the number."""
    path = PurePosixPath(line)
    match = _NAME.match(path.stem)
    if match is None or not path.suffix:
        raise InvalidInputError(f"{where}: {line!r} is not of the form Abuse/Abuse001_x264.mp4")
    return match["name"], match["number"]


def _find_list(base: Path, file: str) -> Path:
    found = sorted(base.rglob(file), key=lambda path: (len(path.parts), path))
    if not found:
        raise InvalidInputError(f"no {file} below {base}: it is in Anomaly_Detection_splits of UCF-Crime's archives")
    return found[0]


def _videos_by_name(base: Path) -> dict[str, list[Path]]:
    """Videos by stem: copies of the set keep the names of files but not those of folders or the suffix."""
    videos: dict[str, list[Path]] = {}
    for path in find_videos(base):
        if not set(path.relative_to(base).parts) & set(_OTHER_EXPERIMENT):
            videos.setdefault(path.stem, []).append(path)
    return videos


def _choose(paths: Sequence[Path], line: str) -> Path | None:
    """The one in the folder that the list names, else the first."""
    named = [path for path in paths if path.parent.name == PurePosixPath(line).parent.name]
    return next(iter([*named, *paths]), None)


def _read_annotations(base: Path) -> dict[str, tuple[Span, ...]]:
    """Incident spans by stem. Normal videos, which have none, are left out."""
    spans: dict[str, tuple[Span, ...]] = {}
    for file in sorted(base.rglob(ANNOTATIONS)):
        for where, line in read_lines(file):
            name, *rest = line.split()
            if len(rest) < 3:
                raise InvalidInputError(f"{where}: {line!r} is not of the form NAME CLASS FIRST LAST FIRST LAST")
            own = read_spans(where, rest[1:])
            if rest[0] == "Normal":
                continue
            if not own:
                raise InvalidInputError(f"{where}: a video of {rest[0]} without an incident")
            spans[PurePosixPath(name).stem] = own
    return spans
