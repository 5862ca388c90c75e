"""Owns what listeners hear about an incident, and the rule of when it is news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from .const import LATE_S
from .engine.models import Incident, Severity


class IncidentEventKind(StrEnum):
    NEW = "new"
    """Heard of for the first time at or above `alert`."""
    RAISED = "raised"
    """Another class, a higher severity, or it is to ring now and was not."""
    UPDATED = "updated"
    ENDED = "ended"
    """Follows NEW or RAISED where these were told together with the end."""
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """Told after the picture is on disk, or known not to come."""

    kind: IncidentEventKind
    incident: Incident
    before: Incident | None
    """As we knew it."""
    late: bool
    """Over for longer than LATE_S: state and history only, ring nobody."""
    picture: Path | None
    """<media_dirs["local"]>/crime_detect/<camera>/<incident_id>.jpg; exists when not None."""


@dataclass(frozen=True, slots=True)
class Fired:
    """What was last told of an incident as news; kept over restarts, so that nothing is news twice."""

    label: str
    severity: Severity
    notify: bool

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "severity": int(self.severity), "notify": self.notify}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fired:
        return cls(str(data["label"]), Severity(int(data["severity"])), bool(data["notify"]))


def judge(incident: Incident, before: Incident | None, fired: Fired | None) -> IncidentEventKind:
    """`before`: as we knew it. Never DELETED."""
    if incident.severity >= Severity.ALERT:
        if fired is None:
            return IncidentEventKind.NEW
        if (
            incident.label != fired.label
            or incident.severity > fired.severity
            or (incident.notify and not fired.notify)
        ):
            return IncidentEventKind.RAISED
    over = incident.ended_at is not None and (before is None or before.ended_at is None)
    return IncidentEventKind.ENDED if over else IncidentEventKind.UPDATED


def after_telling(incident: Incident, fired: Fired | None, kind: IncidentEventKind) -> Fired | None:
    """What is to be remembered once `kind` was told."""
    if kind is IncidentEventKind.NEW or (kind is IncidentEventKind.RAISED and fired is None):
        return Fired(incident.label, incident.severity, incident.notify)
    if kind is IncidentEventKind.RAISED and fired is not None:
        # A severity that falls and rises again is no news.
        severity = max(incident.severity, fired.severity)
        return Fired(incident.label, severity, incident.notify or fired.notify)
    return fired


def is_late(incident: Incident, now: datetime) -> bool:
    return incident.ended_at is not None and now - incident.ended_at > timedelta(seconds=LATE_S)
