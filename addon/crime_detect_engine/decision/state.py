"""Owns what the decision remembers of one camera between two scores; all frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from crime_detect_engine.domain.types import Score, Severity, SuppressedBy

ALL_LABELS = "*"
"""In `Arming.snoozed`: every class of the camera."""


@dataclass(frozen=True, slots=True)
class Arming:
    """What people and the schedule allow at this moment; a new one may come with every score."""

    schedule_open: bool = True
    detection_on: bool = True
    shadow: bool = False
    privacy: bool = False
    snoozed: frozenset[str] = frozenset()
    """Labels that are snoozed, or `ALL_LABELS`."""

    def is_snoozed(self, label: str) -> bool:
        return label in self.snoozed or ALL_LABELS in self.snoozed


ARMED = Arming()


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An incident that has not ended. `confidence` is the highest probability of its class so far."""

    incident_id: str
    label: str
    started_at: datetime
    told_at: datetime
    """`at` of the last alert about it: the next one is never earlier, whatever the wall clock does."""
    told_tick_s: float
    told_confidence: float
    confidence: float
    severity: Severity = Severity.DETECTION
    notify: bool = False
    suppressed_by: SuppressedBy | None = None
    reached: bool = False
    """True once the votes reached the threshold, suppressed or not."""
    below: int = 0
    """Scores below release in a row."""
    pending: tuple[Score, ...] = ()
    """Scores since the last alert about it."""


@dataclass(frozen=True, slots=True)
class Track:
    """One class of one camera."""

    incident: OpenIncident | None = None
    ended_tick_s: float | None = None
    """End of the last incident: earlier scores belong to it and vote for no other."""
    notified_end_tick_s: float | None = None
    """End of the last incident that was pushed: the cooldown counts from here."""
    tail: bool = False
    """True from an end until the first score below the log floor: the fading of one incident is no second one."""


@dataclass(frozen=True, slots=True)
class PolicyState:
    """One camera. `recent` are the last `window` scores, oldest first; empty after a silence."""

    recent: tuple[Score, ...] = ()
    tracks: Mapping[str, Track] = field(default_factory=dict)
    last_tick_s: float | None = None
    last_at: datetime | None = None

    @property
    def open_incidents(self) -> tuple[OpenIncident, ...]:
        """Open incidents, the gravest and surest first."""
        found = [track.incident for track in self.tracks.values() if track.incident is not None]
        return tuple(sorted(found, key=lambda one: (one.severity, one.confidence), reverse=True))
