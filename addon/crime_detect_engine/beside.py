"""Owns what is told beside an incident: who somebody is, what is carried, plates and sounds that others know of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .domain.scene import CARRIED, VEHICLES, Detection, Scene, TrackedObject

CARRIED_CONFIDENCE = 0.5
_WITHIN = 0.5
"""So much of a thing lies in the box of who carries it."""


def identities(people: Iterable[TrackedObject]) -> tuple[str, ...]:
    """Names that another system gave them, each once."""
    return tuple(dict.fromkeys(one.identity for one in people if one.identity))


def carried(found: Sequence[Detection], people: Sequence[TrackedObject]) -> dict[str, Any]:
    """`{"carried": [{label, confidence}]}` of the things in these people's boxes; empty where there are none."""
    surest: dict[str, float] = {}
    for thing in found:
        held = any(thing.box.overlap(one.box) >= _WITHIN * thing.box.area for one in people)
        if thing.label in CARRIED and thing.confidence >= CARRIED_CONFIDENCE and held:
            surest[thing.label] = max(thing.confidence, surest.get(thing.label, 0.0))
    things = [{"label": label, "confidence": round(sure, 4)} for label, sure in sorted(surest.items())]
    return {"carried": things} if things else {}


def plate(scene: Scene | None) -> dict[str, Any]:
    """The surest number plate in view."""
    read = [one.attributes for one in (scene.of(*VEHICLES) if scene else ()) if "plate" in one.attributes]
    surest = max(read, key=lambda said: float(said.get("plate_score", 0.0)), default={})
    return {key: value for key, value in surest.items() if key in ("plate", "plate_score")}


def told_of(people: Sequence[TrackedObject]) -> dict[str, Any]:
    """What another system knows of these people."""
    return {key: value for one in people for key, value in one.attributes.items()}
