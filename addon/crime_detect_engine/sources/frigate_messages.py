"""Owns what Frigate says of an object, on its broker and over HTTP: each shape becomes one `Sighting`, or nothing.

Shapes of Frigate 0.14 to 0.18. What comes from outside is believed only as far as it makes sense: a message that does
not is refused with `Refused`, which says why in a word, for counting.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from crime_detect_engine.domain.scene import Box

PAYLOAD_BYTES = 1_000_000
_ID_CHARACTERS = 64
_NAME_CHARACTERS = 100
_TEXT_CHARACTERS = 1000
_PATH_POINTS = 600
_LEAST_SIDE = 0.0005

Point = tuple[float, float, float]
"""Seconds of Frigate's clock, x and y of the foot, 0..1."""


class Refused(ValueError):
    """What a message is not."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One object as Frigate last had it. Times are seconds of Frigate's clock, whatever that says.

    `at_s` is when it was in `box`. `plate` and `identity` None: not said, which does not take back what was said.
    """

    id: str
    camera: str
    label: str
    score: float
    box: Box
    start_s: float
    at_s: float
    stationary: bool = False
    identity: str | None = None
    plate: str | None = None
    plate_score: float | None = None
    zones: tuple[str, ...] = ()
    path: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """What Frigate found out about an object: `identity` a name, `attributes` like its number plate."""

    id: str
    identity: str | None
    attributes: Mapping[str, str | float]


def read_json(payload: bytes | str) -> Any:
    """What a message holds. Raises Refused for what is too long, not JSON, or not numbers where it says so."""
    if len(payload) > PAYLOAD_BYTES:
        raise Refused("too long")
    try:
        return json.loads(payload, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refused("not JSON") from None


def sighting_of_event(after: object, size: tuple[int, int]) -> Sighting | None:
    """The `after` of a message on `PREFIX/events`; None for what Frigate itself does not believe yet.

    `size`: pixels of the picture Frigate detects in, which its boxes are of.
    """
    event = _mapping(after)
    if event.get("false_positive"):
        return None
    width, height = size
    left, top, right, bottom = _numbers(event.get("box"), 4)
    start_s = _number(event.get("start_time"))
    plate, plate_score = _named(event.get("recognized_license_plate"))
    said_score = event.get("recognized_license_plate_score")
    return Sighting(
        id=_id(event.get("id")),
        camera=_name(event.get("camera")),
        label=_name(event.get("label")),
        score=_share(event.get("score") or event.get("top_score")),
        box=_box(left / width, top / height, right / width, bottom / height),
        start_s=start_s,
        at_s=max(start_s, _number(event.get("frame_time"))),
        stationary=event.get("stationary") is True,
        identity=_named(event.get("sub_label"))[0],
        plate=plate,
        plate_score=plate_score if said_score is None else _share(said_score),
        zones=_names(event.get("current_zones")),
        path=_path(event.get("path_data")),
    )


def sighting_of_row(row: object) -> Sighting | None:
    """An item of `GET /api/events`; None for what is no object that is there now: sounds, and what people and
    programs made by hand, this engine's own reports among it.

    Its box is that of the best snapshot so far; where the path goes further, the box goes along.
    """
    event = _mapping(row)
    data = _mapping(event.get("data"))
    if event.get("end_time") is not None or data.get("type", "object") != "object" or data.get("box") is None:
        return None
    left, top, width, height = _numbers(data["box"], 4)
    box = _box(left, top, left + width, top + height)
    start_s = _number(event.get("start_time"))
    path = _path(data.get("path_data"))
    plate, _ = _named(data.get("recognized_license_plate"))
    plate_score = data.get("recognized_license_plate_score")
    return Sighting(
        id=_id(event.get("id")),
        camera=_name(event.get("camera")),
        label=_name(event.get("label")),
        score=_share(data.get("score") or data.get("top_score") or event.get("top_score")),
        box=_moved(box, path[-1]) if path else box,
        start_s=start_s,
        at_s=max(start_s, path[-1][0]) if path else start_s,
        identity=_named(event.get("sub_label"))[0],
        plate=plate,
        plate_score=None if plate_score is None else _share(plate_score),
        zones=_names(event.get("zones")),
        path=path,
    )


def sound_of_row(row: object) -> tuple[str, str] | None:
    """Camera and label of a sound that is heard now, of `GET /api/events`."""
    event = _mapping(row)
    data = _mapping(event.get("data"))
    if event.get("end_time") is not None or data.get("type") != "audio":
        return None
    return _name(event.get("camera")), _name(event.get("label"))


def update_of(message: object) -> Update | None:
    """A message on `PREFIX/tracked_object_update` (0.15 and later); None for kinds that say nothing here."""
    said = _mapping(message)
    if said.get("id") is None:  # 0.17 says so when the last car has left
        return None
    identity: str | None = None
    attributes: dict[str, str | float] = {}
    match said.get("type"):
        case "face":
            identity = _text(said.get("name"))
        case "lpr":
            identity = _text(said.get("name"))
            if plate := _text(said.get("plate")):
                attributes["plate"] = plate
                attributes["plate_score"] = _share(said.get("score"))
        case "classification":
            identity = _text(said.get("sub_label"))
            if value := _text(said.get("attribute")):
                attributes[_name(said.get("model"))] = value
        case "description":
            if text := _text(said.get("description"), _TEXT_CHARACTERS):
                attributes["description"] = text
        case _:
            return None
    return Update(_id(said.get("id")), None if identity == "unknown" else identity, attributes)


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not a number")


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Refused("not an object")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise Refused("not a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused("not a number")
    return number


def _numbers(value: object, count: int) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise Refused(f"not {count} numbers")
    return [_number(one) for one in value]


def _share(value: object) -> float:
    """Frigate's scores are 0..1; it knows that it sees something even where it does not say how surely."""
    return 0.0 if value is None else min(1.0, max(0.0, _number(value)))


def _text(value: object, most: int = _NAME_CHARACTERS) -> str | None:
    """Printable and short: it goes into logs, pages and messages to phones."""
    if not isinstance(value, str):
        return None
    return "".join(sign if sign.isprintable() else " " for sign in value[:most]).strip() or None


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _NAME_CHARACTERS or _text(value) != value:
        raise Refused("not a name")
    return value


def _names(value: object) -> tuple[str, ...]:
    """Of zones: at most what a person would draw."""
    return tuple(_name(one) for one in value[:50]) if isinstance(value, list) else ()


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _ID_CHARACTERS or not value.isprintable():
        raise Refused("not an id")
    return value


def _named(value: object) -> tuple[str | None, float | None]:
    """A text, or a text with its score: it depends on the version and on who wrote it."""
    if isinstance(value, list) and len(value) == 2:
        return _text(value[0]), None if value[1] is None else _share(value[1])
    return _text(value), None


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    """Frigate's boxes may stand a little out of the picture."""
    box = Box(*(min(1.0, max(0.0, side)) for side in (left, top, right, bottom)))
    if box.width < _LEAST_SIDE or box.height < _LEAST_SIDE:
        raise Refused("not a box")
    return box


def _moved(box: Box, point: Point) -> Box:
    """The box with its foot on a point."""
    _, x, y = point
    foot_x, foot_y = box.foot
    try:
        return _box(box.left + x - foot_x, box.top + y - foot_y, box.right + x - foot_x, y)
    except Refused:
        return box


def _path(value: object) -> tuple[Point, ...]:
    """`[[[x, y], seconds], …]` of the foot (0.16 and later), in the order of time."""
    if not isinstance(value, list):
        return ()
    found: list[Point] = []
    for step in value[-_PATH_POINTS:]:
        if not isinstance(step, list) or len(step) != 2:
            raise Refused("not a path")
        x, y = _numbers(step[0], 2)
        found.append((_number(step[1]), min(1.0, max(0.0, x)), min(1.0, max(0.0, y))))
    return tuple(sorted(found))
