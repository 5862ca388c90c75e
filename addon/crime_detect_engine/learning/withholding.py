"""Owns what a report may tell to everybody: clips of people are called by a number there, never by their file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from .scoring import ScoredClip


def without_names(report: Mapping[str, Any], scored: Iterable[ScoredClip]) -> dict[str, Any]:
    """The report with each clip that is judged, wherever a section names it, called `clip N`.

    Footage that only trains along (`extra`) keeps its names: it is published footage that anybody can look up.
    """
    files = sorted({PurePath(clip.path).name for clip in scored if not clip.extra})
    numbers = {name: f"clip {number}" for number, name in enumerate(files, 1)}
    found: dict[str, Any] = _renamed(report, numbers)
    return found


def _renamed(value: Any, numbers: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return numbers.get(PurePath(value).name, value)
    if isinstance(value, Mapping):
        return {_renamed(key, numbers): _renamed(one, numbers) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_renamed(one, numbers) for one in value]
    return value
