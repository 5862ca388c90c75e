"""Owns how the zones and lines of a camera become what its rules read, and back what people see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import voluptuous as vol

from crime_detect_engine.tracking.places import CrossingLine, Zone

from .settings import LineConfig, ZoneConfig

_T = TypeVar("_T")


def zones_of(given: Mapping[str, Mapping[str, Any]]) -> tuple[ZoneConfig, ...]:
    """Raises Invalid with the zone's name in its path."""

    def build(name: str, zone: Mapping[str, Any]) -> ZoneConfig:
        return ZoneConfig(Zone.read(name, _set(zone)), tuple(zone.get("schedule") or ()))

    return _built("zones", given, build)


def lines_of(given: Mapping[str, Mapping[str, Any]]) -> tuple[LineConfig, ...]:
    """Raises Invalid with the line's name in its path."""

    def build(name: str, line: Mapping[str, Any]) -> LineConfig:
        return LineConfig(CrossingLine.read(name, _set(line)), tuple(line.get("schedule") or ()))

    return _built("lines", given, build)


def area_changes(
    section: str, standing: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> dict[tuple[str, ...], Any]:
    """What of `zones` or `lines` is to be written so that `standing` becomes `wanted`; None takes a key away.

    Only what differs: comments stay beside what stays. False means the same as a key that is not there.
    """
    if not wanted:
        return {(section,): None}
    changes: dict[tuple[str, ...], Any] = {}
    for name, area in wanted.items():
        before = standing.get(name)
        if before is None:
            changes[section, name] = {key: value for key, value in area.items() if _meant(value) is not None}
            continue
        keys = [key for key in (*before, *area) if _meant(before.get(key)) != _meant(area.get(key))]
        changes |= {(section, name, key): _meant(area.get(key)) for key in keys}
    return changes | {(section, name): None for name in standing if name not in wanted}


def _meant(value: object) -> object:
    return None if value is False else value


def _set(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key != "schedule" and value is not None}


def _built(
    section: str, given: Mapping[str, Mapping[str, Any]], build: Callable[[str, Mapping[str, Any]], _T]
) -> tuple[_T, ...]:
    found = []
    for name, value in given.items():
        try:
            found.append(build(name, value))
        except vol.Invalid as error:
            error.prepend([section, name])
            raise
    return tuple(found)
