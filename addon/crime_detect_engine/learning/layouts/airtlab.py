"""Owns the layout of the AIRTLab set (Bianculli et al. 2020): `violent|non-violent/cam1|cam2/<n>.mp4`."""

from __future__ import annotations

from collections.abc import Mapping

from crime_detect_engine.domain.errors import InvalidInputError

from .listing import ClipFile, Request, find_videos

CLASSES: Mapping[str, str | None] = {"non-violent": "normal", "violent": "fighting"}
INNER_FOLDER = "violence-detection-dataset"


def list_airtlab(request: Request) -> list[ClipFile]:
    """Both cameras saw each action, so a group is the action, not the file. Raises InvalidInputError.

    All clips are from one room with few people and there is no official split.
    """
    request.check_classes(CLASSES)
    base = request.base / INNER_FOLDER if (request.base / INNER_FOLDER).is_dir() else request.base
    clips = []
    for name in CLASSES:
        for camera in ("cam1", "cam2"):
            place = base / name / camera
            if not place.is_dir():
                raise InvalidInputError(f"{place} is not a folder; AIRTLab has violent|non-violent/cam1|cam2/*.mp4")
            label = request.label_of(name, CLASSES, str(place))
            if label is None:
                continue
            clips += [
                ClipFile(str(path.relative_to(request.base)), label, f"{name}/{path.stem}")
                for path in find_videos(place)
            ]
    if not clips:
        raise InvalidInputError(f"no video of the classes {', '.join(request.labels)} below {request.base}")
    return clips
