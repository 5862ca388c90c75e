"""Owns the plain words in which pages tell of classes, rules, reasons and what was seen beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LABELS: Mapping[str, str] = {"object_left": "Object left behind", "object_taken": "Object taken away"}
"""Classes that read better than their name with spaces; the scripts of the pages get them too."""
_REASONS: Mapping[str, str] = {
    "no_person": "Nobody was in view",
    "person_in_region": "Somebody is where it moves",
    "lingered": "Somebody lingered before",
    "intrusion": "Inside the zone",
    "dwell": "Stayed in the zone",
    "returns": "Came back again and again",
    "crowd": "Many people at once",
    "running": "Somebody ran",
    "line": "Crossed the line",
    "covered": "The lens is covered",
    "sprayed": "Something is on the lens",
    "blinded": "A light blinds the camera",
    "defocused": "The picture is out of focus",
    "moved": "The camera was turned",
    "frozen": "The picture stands still",
}
_ATTRIBUTES: Mapping[str, str] = {
    "carried": "Carries",
    "plate": "Number plate",
    "plates": "Number plates",
    "plate_score": "Plate read with",
    "sounds": "Heard",
}


def readable(label: str | None) -> str:
    """`road_accident` → `Road accident`."""
    return LABELS.get(label or "") or (label or "").replace("_", " ").capitalize()


def reason(name: str | None) -> str:
    """A rule, or what else a decision rests on: `dwell` → `Stayed in the zone`."""
    return _REASONS.get(name or "") or readable(name)


def weighed(weight: float) -> str:
    """How a reason counted, in log odds: `for it: +0.5`; empty for one that only explains."""
    if not weight:
        return ""
    return f"{'for' if weight > 0 else 'against'} it: {weight:+.1f}".replace("-", "\N{MINUS SIGN}")


def amount(count: float) -> str:
    """Bytes as people say them: `1.5 GB`."""
    units = ("B", "kB", "MB", "GB", "TB")
    unit = 0
    while count >= 1000 and unit < len(units) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.{1 if unit and count < 10 else 0}f} {units[unit]}"


def attributes(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(what, value) of each thing that was seen or told beside, as text."""
    return [(_ATTRIBUTES.get(key) or readable(key), _said(value)) for key, value in found.items()]


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        name = readable(str(value.get("label") or value.get("name") or value.get("text") or ""))
        sure = value.get("confidence", value.get("score"))
        return f"{name} {_said(sure)}".strip() if sure is not None else name
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_said(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and 0 <= value <= 1:
        return f"{value * 100:.0f} %"
    return "" if value is None else str(value)
