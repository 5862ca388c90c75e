"""Owns the validators of single settings; their messages say what is allowed and never repeat a value."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import voluptuous as vol

from crime_detect_engine.domain.polygons import encloses
from crime_detect_engine.domain.types import INCIDENT_CLASSES, NORMAL, RULE_CLASSES, VOCABULARY, Location, Severity
from crime_detect_engine.domain.units import parse_duration
from crime_detect_engine.sources import SOURCES

from .complaints import NOT_IN_THIS_VERSION
from .settings import RESERVED_CAMERAS, Polygon

_WITHOUT_HOST = frozenset({"frigate", "loop", "synthetic", "webcam"})
"""Schemes that name no host; the others are URLs."""
LABELS = tuple(label for label in VOCABULARY if label != NORMAL)


class Maybe:
    """An empty key (`location:`) is the same as no key."""

    def __init__(self, validator: object) -> None:
        self.validators = (validator,)
        self._schema = vol.Schema(validator)

    def __call__(self, value: object) -> object:
        return None if value is None else self._schema(value)


def not_in_this_version(value: object) -> None:
    """A feature to come is refused, never accepted and ignored; empty and false ask for nothing."""
    if value not in (None, False, [], {}):
        raise vol.Invalid(NOT_IN_THIS_VERSION)


def text(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or re.search(r"[\x00-\x1f\x7f]", value):
        raise vol.Invalid("expected a text on one line")
    return value.strip()


def slug(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9_]{1,32}", value):
        raise vol.Invalid("expected 1 to 32 of a-z, 0-9 and _")
    return value


def camera_id(value: object) -> str:
    name = slug(value)
    if name in RESERVED_CAMERAS:
        raise vol.Invalid(f"this name is reserved; so are {', '.join(sorted(RESERVED_CAMERAS))}")
    return name


def one_of(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in allowed:
            close = difflib.get_close_matches(str(value)[:60], allowed, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise vol.Invalid(f"expected {' or '.join(allowed) if len(allowed) < 3 else ', '.join(allowed)}{hint}")
        return str(value)

    return check


label = one_of(*LABELS)
rated_label = one_of(*dict.fromkeys((*LABELS, *RULE_CLASSES)))
"""What has a threshold of its own at a camera."""
incident_label = one_of(*INCIDENT_CLASSES)
"""Also what no model says: what an incident may be called."""


def number(low: float, high: float, *, above: bool = False) -> Callable[[object], float]:
    """A finite number from `low` (or above it) to `high`."""
    allowed = f"expected a number {'above' if above else 'from'} {low:g} {'up to' if above else 'to'} {high:g}"

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise vol.Invalid(allowed)
        if not low <= value <= high or (above and value == low):
            raise vol.Invalid(allowed)
        return float(value)

    return check


def whole(low: int, high: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise vol.Invalid(f"expected a whole number from {low} to {high}")
        return value

    return check


def duration(value: object) -> float:
    try:
        return parse_duration(value)
    except ValueError:
        raise vol.Invalid("expected a duration like 60s, 5m, 12h or 30d") from None


def mode(value: object) -> str:
    if value == "budget":
        raise vol.Invalid(f"mode budget is {NOT_IN_THIS_VERSION}; use threshold")
    return one_of("threshold")(value)


def auto_or_off(value: object) -> bool:
    """True for auto: on where it makes sense."""
    if value not in ("auto", "off", False):
        raise vol.Invalid("expected auto or off")
    return value == "auto"


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise vol.Invalid("expected true or false")
    return value


def auto_on_off(value: object) -> str:
    """YAML reads a bare on and off as true and false."""
    word = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
    return one_of("auto", "on", "off")(word)


def severity(value: object) -> Severity:
    return Severity[one_of("alert", "critical")(value).upper()]


def timezone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(text(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        close = difflib.get_close_matches(str(value)[:60], available_timezones(), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise vol.Invalid(f"expected a time zone like Europe/Amsterdam{hint}") from None


def source(value: object) -> str:
    """The form of an address; whether anything answers there is the camera's own story."""
    address = text(value)
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", address)
    if match is None:
        return address
    scheme, rest = match[1].lower(), address[match.end() :]
    usable = bool(rest) or scheme == "synthetic"
    if rest.startswith("//") or scheme not in _WITHOUT_HOST:
        usable = re.fullmatch(r"//[^\s|\\]*[^\s|\\/?#@:][^\s|\\]*", rest) is not None
    if scheme in SOURCES and usable:
        return address
    raise vol.Invalid(f"expected the path of a file or an address of {', '.join(f'{known}:' for known in SOURCES)}")


def polygon(value: object) -> Polygon:
    """At least three points that span an area."""
    share = number(0, 1)
    if not isinstance(value, list) or len(value) < 3:
        raise vol.Invalid("expected at least three points, like [[0, 0], [0.2, 0], [0.2, 0.3]]")
    points = []
    for index, point in enumerate(value):
        if not isinstance(point, list) or len(point) != 2:
            raise vol.Invalid("expected a point like [0.2, 0.3]", path=[index])
        try:
            points.append((share(point[0]), share(point[1])))
        except vol.Invalid:
            raise vol.Invalid("expected x and y from 0 to 1, relative to the picture", path=[index]) from None
    if not encloses(points):
        raise vol.Invalid("these points enclose nothing")
    return tuple(points)


LOCATION = vol.All(
    vol.Schema({vol.Required("latitude"): number(-90, 90), vol.Required("longitude"): number(-180, 180)}),
    lambda value: Location(**value),
)


def page_address(value: object) -> str:
    """`http(s)://host[:port][/path]` without credentials; a trailing slash is dropped."""
    address = text(value)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise vol.Invalid("expected where people reach the engine's page, like http://192.168.1.5:8099")
    return address.rstrip("/")
