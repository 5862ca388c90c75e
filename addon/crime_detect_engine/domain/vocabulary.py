"""Owns the fixed words: classes, severities, kinds of change; what may be written where one of them is expected."""

from __future__ import annotations

from enum import IntEnum, StrEnum

NORMAL = "normal"
VOCABULARY = (
    NORMAL, "abuse", "arrest", "arson", "assault", "burglary", "explosion", "fighting", "fire", "loitering",
    "road_accident", "robbery", "shooting", "shoplifting", "stealing", "trespassing", "vandalism", "weapon",
)  # fmt: skip
ANOMALY = "anomaly"
"""What the detector of the unusual calls an incident; no model may claim it, so it is no part of VOCABULARY."""
RULE_CLASSES = (
    "trespassing", "loitering", "line_crossing", "object_left", "object_taken", "crowd", "running", "tampering",
)  # fmt: skip
"""What rules over people, things and zones call an incident, without any learned class."""
INCIDENT_CLASSES = tuple(dict.fromkeys((*VOCABULARY[1:], *RULE_CLASSES, ANOMALY)))
"""Everything that an incident may be called."""


class Severity(IntEnum):
    """`DETECTION` (below threshold, shadow, disarmed) is stored and never pushed."""

    DETECTION = 0
    ALERT = 1
    CRITICAL = 2

    @property
    def wire(self) -> str:
        return self.name.lower()


class ChangeType(StrEnum):
    NEW = "new"
    UPDATE = "update"
    END = "end"
    DELETED = "deleted"


class SuppressedBy(StrEnum):
    SHADOW = "shadow"
    SCHEDULE = "schedule"
    SNOOZE = "snooze"
    COOLDOWN = "cooldown"
    PRIVACY = "privacy"


class Verdict(StrEnum):
    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"


class IncidentSource(StrEnum):
    MODEL = "model"
    ZONE = "zone"
    ANOMALY = "anomaly"
    MANUAL = "manual"
    NVR = "nvr"


class CameraState(StrEnum):
    STARTING = "starting"
    LIVE = "live"
    LOST = "lost"
    FROZEN = "frozen"
    PAUSED = "paused"
