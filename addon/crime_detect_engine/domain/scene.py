"""Owns what is in a camera's view: boxes, detections, tracked objects. All relative to the picture, 0..1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .types import WHOLE, Image, Picture, Region

PERSON = "person"
FACE = "face"
VEHICLES = ("bicycle", "car", "motorcycle", "bus", "truck")
ANIMALS = ("bird", "cat", "dog", "horse", "sheep", "cow", "bear")
CARRIED = ("backpack", "handbag", "suitcase", "umbrella", "knife", "baseball bat", "scissors")
"""Things of COCO that a person may carry; attributes of an incident, never an alarm of their own."""


class Box(NamedTuple):
    """A rectangle of the whole picture, 0..1, right of `left` and below `top`."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def foot(self) -> tuple[float, float]:
        """Where somebody stands: the middle of the lower edge. Zones are entered with the feet."""
        return (self.left + self.right) / 2, self.bottom

    def overlap(self, other: Box) -> float:
        """Area of what both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, width) * max(0.0, height)

    def iou(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        shared = self.overlap(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing in one picture; `label` is a COCO name like `person` or `baseball bat`."""

    label: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class TrackedObject:
    """One thing followed over time, as it is at one moment."""

    id: int
    label: str
    confidence: float
    """Smoothed over the detections of the last seconds, so that one lucky picture is not all it rests on."""
    box: Box
    speed: float
    """Of the foot, in heights of the object a second: what is far away is not slower for it."""
    first_tick_s: float
    last_tick_s: float
    """When it was last seen; older than the scene's `tick_s` while it is hidden."""
    path: tuple[tuple[float, float, float], ...] = ()
    """(tick_s, x, y) of the foot, oldest first; thinned, so it covers minutes."""
    identity: str | None = None
    """A name that another system gave it (Frigate's sub label)."""
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dwell_s(self) -> float:
        return self.last_tick_s - self.first_tick_s


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One moment at which somebody looks who is there. `image`: RGB uint8 HxWx3, small, masks burned in, read-only.

    Without an image nothing moved since the last look: what was there still is. `region` is where the model looks,
    `foreground` a small mask of the same view, None while nobody can say.
    """

    camera: str
    at: datetime
    tick_s: float
    image: Image | None
    picture: Picture
    region: Region = WHOLE
    foreground: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What is in view of a camera at one moment: confirmed objects only."""

    camera: str
    at: datetime
    tick_s: float
    objects: tuple[TrackedObject, ...] = ()

    def of(self, *labels: str) -> tuple[TrackedObject, ...]:
        return tuple(one for one in self.objects if one.label in labels)


class Observer(Protocol):
    """Another system that detects and follows things on one camera, in place of a detector (Frigate)."""

    def scene(self, camera: str, at: datetime, tick_s: float, *, needed: bool = True) -> Scene | None:
        """What is in view; None while it does not say. `needed` false: only if it costs nothing to know."""
        ...

    def sounds(self) -> Sequence[str]:
        """Labels of what it hears, or heard in the last seconds."""
        ...


def box_json(label: str, confidence: float, box: Box, track: int | None = None) -> dict[str, Any]:
    """A box of an incident on the wire: `box` is left, top, width, height, 0..1."""
    found: dict[str, Any] = {
        "label": label,
        "box": [round(value, 4) for value in (box.left, box.top, box.width, box.height)],
        "score": round(confidence, 4),
    }
    return found if track is None else {**found, "track": track}
