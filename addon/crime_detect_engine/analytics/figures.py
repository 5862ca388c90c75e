"""Owns counting incidents one by one, in bounded memory, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from statistics import median
from typing import Any

from crime_detect_engine.domain.types import Incident, IncidentSource, Severity, Verdict

NO_VERDICT = "none"
BELOW = "below_threshold"
NOT_TOLD = "not_notified"
BY_A_PERSON = "reported_by_a_person"


def why_silent(incident: Incident) -> str | None:
    """Why nobody was told of it; None for those that were told."""
    if incident.notify and incident.severity >= Severity.ALERT:
        return None
    if incident.suppressed_by is not None:
        return str(incident.suppressed_by)
    if incident.source is IncidentSource.MANUAL:
        return BY_A_PERSON
    return NOT_TOLD if incident.severity >= Severity.ALERT else BELOW


@dataclass(slots=True)
class Figures:
    """Counts of one period. Verdicts and ratios are those of alerts; what is only logged is in `total` alone."""

    total: int = 0
    alerts: int = 0
    notified: int = 0
    cameras: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    severities: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    hours: list[int] = field(default_factory=lambda: [0] * 24)
    """By the clock on the wall, 0 to 23."""
    false_by_camera: Counter[str] = field(default_factory=Counter)
    alerts_by_camera: Counter[str] = field(default_factory=Counter)
    false_by_label: Counter[str] = field(default_factory=Counter)
    responses_s: list[float] = field(default_factory=list)

    def add(self, incident: Incident, zone: tzinfo, acknowledged_at: datetime | None) -> None:
        self.total += 1
        self.cameras[incident.camera] += 1
        self.labels[incident.label] += 1
        self.severities[incident.severity.wire] += 1
        self.hours[incident.started_at.astimezone(zone).hour] += 1
        reason = why_silent(incident)
        self.notified += reason is None
        if reason is not None:
            self.silent[reason] += 1
        if incident.severity < Severity.ALERT:
            return
        self.alerts += 1
        self.alerts_by_camera[incident.camera] += 1
        self.verdicts[NO_VERDICT if incident.verdict is None else str(incident.verdict)] += 1
        if incident.verdict is Verdict.FALSE_ALARM:
            self.false_by_camera[incident.camera] += 1
            self.false_by_label[incident.label] += 1
        if acknowledged_at is not None:
            self.responses_s.append(max((acknowledged_at - incident.started_at).total_seconds(), 0.0))

    @property
    def confirmed(self) -> int:
        return self.verdicts[Verdict.CONFIRMED]

    @property
    def false_alarms(self) -> int:
        return self.verdicts[Verdict.FALSE_ALARM]

    @property
    def false_alarm_ratio_s4(self) -> float | None:
        """False ÷ true alerts, as paper S4 has its "false alarm rate"; None where no alert was confirmed."""
        return self.false_alarms / self.confirmed if self.confirmed else None

    @property
    def alert_precision(self) -> float | None:
        """True alerts ÷ judged alerts; None where nobody judged any."""
        judged = self.confirmed + self.false_alarms
        return self.confirmed / judged if judged else None

    def response(self) -> Mapping[str, Any]:
        """Seconds from the start of an alert until somebody acknowledged it."""
        times = sorted(self.responses_s)
        if not times:
            return {"count": 0, "median_s": None, "p95_s": None, "longest_s": None}
        p95 = times[min(int(len(times) * 0.95), len(times) - 1)]
        rounded = (round(value, 1) for value in (median(times), p95, times[-1]))
        return {"count": len(times), **dict(zip(("median_s", "p95_s", "longest_s"), rounded, strict=True))}

    def totals(self) -> dict[str, Any]:
        """What is compared with the period before."""
        return {
            "incidents": self.total,
            "alerts": self.alerts,
            "critical": self.severities[Severity.CRITICAL.wire],
            "notified": self.notified,
            "confirmed": self.confirmed,
            "false_alarms": self.false_alarms,
        }
