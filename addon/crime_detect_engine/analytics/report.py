"""Owns the report itself: every figure and every line that HTML, PDF, CSV and JSON show, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crime_detect_engine.domain.reporting import CameraWord, ReportQuery
from crime_detect_engine.domain.types import Incident, Severity, Verdict
from crime_detect_engine.domain.wire import timestamp

from .figures import Figures, why_silent
from .periods import Period
from .uptime import Uptime, UptimeTally

MAX_LISTED = 10_000
"""Incidents that a report keeps: everything is counted, the newest are listed, and the rest is said to be missing."""
MAX_PICTURES = 24


@dataclass(frozen=True, slots=True)
class Place:
    """What a report knows of the site. `cameras`: names for people of those that the reader may see, by id."""

    instance: str
    cameras: Mapping[str, str]
    version: str
    link: Callable[[str], str | None] = lambda _incident_id: None
    kept_until: Callable[[Incident], datetime | None] = lambda _incident: None
    """None for what is on hold or goes on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One incident in the list."""

    incident: Incident
    camera_name: str
    link: str | None
    acknowledged_after_s: float | None
    kept_until: datetime | None

    @property
    def silent(self) -> str | None:
        return why_silent(self.incident)


@dataclass(frozen=True, slots=True)
class Slot:
    """One bar of the timeline: an hour of a day or a day of a week."""

    start: datetime
    end: datetime
    alerts: int
    logged: int


@dataclass(frozen=True, slots=True)
class Report:
    period: Period
    query: ReportQuery
    place: Place
    made_at: datetime
    figures: Figures
    before: Figures
    timeline: Sequence[Slot]
    uptime: Mapping[str, Uptime]
    storage: Mapping[str, Any]
    """`{media_bytes, oldest, keeps, …}` as the store and its retention say; only what the reader may see."""
    entries: Sequence[Entry]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    """Small JPEGs by incident id."""

    @property
    def filters(self) -> dict[str, Any]:
        """What was asked for besides the period."""
        query = self.query
        asked = {
            "camera": query.camera,
            "label": query.label,
            "min_confidence": query.min_confidence,
            "verdict": None if query.verdict is None else str(query.verdict),
            "from": timestamp(query.start),
            "to": timestamp(query.end),
        }
        return {key: value for key, value in asked.items() if value is not None}

    @property
    def camera_days(self) -> float:
        """Days for which a camera was known to be seen, of all cameras together."""
        return sum(one.online_s for one in self.uptime.values()) / 86400

    @property
    def false_alarms_per_camera_day(self) -> float | None:
        return self.figures.false_alarms / self.camera_days if self.camera_days >= 1 / 24 else None

    @property
    def cameras(self) -> list[str]:
        """All that the reader may see, and those of which only incidents are left; the busiest first."""
        counts = self.figures.cameras
        asked = [one for one in self.place.cameras if self.query.camera in (None, one)]
        return sorted({*asked, *counts}, key=lambda one: (-counts[one], one))

    def name_of(self, camera: str) -> str:
        return self.place.cameras.get(camera, camera)


class ReportBuilder:
    """Takes incidents newest first, a page at a time."""

    def __init__(self, period: Period, query: ReportQuery, place: Place, acknowledged: Mapping[str, datetime]) -> None:
        self._period = period
        self._query = query
        self._place = place
        self._acknowledged = acknowledged
        self._slots = [(start, end, [0, 0]) for start, end in period.slots()]
        self.figures = Figures()
        self.before = Figures()
        self.uptime = UptimeTally(period.start, period.end)
        self.entries: list[Entry] = []

    def add(self, incidents: Sequence[Incident]) -> None:
        for incident in incidents:
            at = self._acknowledged.get(incident.incident_id)
            self.figures.add(incident, self._period.zone, at)
            self._place_in_time(incident)
            if len(self.entries) < MAX_LISTED and not self._query.aggregates_only:
                after_s = None if at is None else max((at - incident.started_at).total_seconds(), 0.0)
                name = self._place.cameras.get(incident.camera, incident.camera)
                link, until = self._place.link(incident.incident_id), self._place.kept_until(incident)
                self.entries.append(Entry(incident, name, link, after_s, until))

    def add_before(self, incidents: Sequence[Incident]) -> None:
        for incident in incidents:
            self.before.add(incident, self._period.zone, None)

    def add_words(self, words: Sequence[CameraWord]) -> None:
        for word in words:
            if word.camera in self._place.cameras and self._query.camera in (None, word.camera):
                self.uptime.add(word)

    def wanted_pictures(self) -> list[Incident]:
        """The gravest alerts, the newest first among equals: as many as a report shows."""
        shown = [one.incident for one in self.entries if one.incident.snapshot and one.incident.severity > 0]
        shown.sort(key=lambda one: (-one.severity, one.verdict is Verdict.FALSE_ALARM))
        return shown[:MAX_PICTURES]

    def build(self, made_at: datetime, storage: Mapping[str, Any], pictures: Mapping[str, bytes]) -> Report:
        timeline = [Slot(start, end, *counts) for start, end, counts in self._slots]
        uptime = dict(sorted(self.uptime.finish().items()))
        return Report(
            self._period,
            self._query,
            self._place,
            made_at,
            self.figures,
            self.before,
            timeline,
            uptime,
            storage,
            self.entries,
            pictures,
        )

    def _place_in_time(self, incident: Incident) -> None:
        for start, end, counts in self._slots:
            if start <= incident.started_at < end:
                counts[0 if incident.severity >= Severity.ALERT else 1] += 1
                return


def report_json(report: Report) -> dict[str, Any]:
    """The whole report as programs read it; times RFC 3339 in UTC."""
    period, figures = report.period, report.figures
    return {
        "schema_version": 1,
        "kind": str(period.kind),
        "instance": report.place.instance,
        "made_at": timestamp(report.made_at),
        "period": {
            "first_day": period.first_day.isoformat(),
            "last_day": period.last_day.isoformat(),
            "from": timestamp(period.start),
            "to": timestamp(period.end),
            "hours": round(period.hours, 4),
            "timezone": str(period.zone),
        },
        "filters": report.filters,
        "totals": figures.totals(),
        "before": report.before.totals(),
        "by_camera": _by_camera(report),
        "by_label": _counted(figures.labels),
        "by_severity": _counted(figures.severities),
        "by_verdict": _counted(figures.verdicts),
        "by_hour": figures.hours,
        "not_notified": _counted(figures.silent),
        "false_alarm_ratio_s4": _rounded(figures.false_alarm_ratio_s4),
        "alert_precision": _rounded(figures.alert_precision),
        "false_alarms_per_camera_day": _rounded(report.false_alarms_per_camera_day),
        "camera_days": _rounded(report.camera_days),
        "response_time": dict(figures.response()),
        "timeline": [
            {"from": timestamp(one.start), "to": timestamp(one.end), "alerts": one.alerts, "logged": one.logged}
            for one in report.timeline
        ],
        "uptime": {camera: _uptime_json(one) for camera, one in report.uptime.items()},
        "storage": dict(report.storage),
        "incidents": [_entry_json(entry) for entry in report.entries],
        "listed": len(report.entries),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _by_camera(report: Report) -> list[dict[str, Any]]:
    figures = report.figures
    return [
        {
            "camera": camera,
            "name": report.name_of(camera),
            "incidents": figures.cameras[camera],
            "alerts": figures.alerts_by_camera[camera],
            "false_alarms": figures.false_by_camera[camera],
        }
        for camera in report.cameras
    ]


def _uptime_json(uptime: Uptime) -> dict[str, Any]:
    return {
        "known_s": round(uptime.known_s),
        "online_s": round(uptime.online_s),
        "paused_s": round(uptime.paused_s),
        "share": _rounded(uptime.share),
        "outage_count": uptime.outage_count,
        "outages": [
            {"from": timestamp(one.start), "to": timestamp(one.end), "state": one.state} for one in uptime.outages
        ],
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    one = entry.incident
    return {
        "incident_id": one.incident_id,
        "started_at": timestamp(one.started_at),
        "ended_at": timestamp(one.ended_at),
        "camera": one.camera,
        "camera_name": entry.camera_name,
        "label": one.label,
        "confidence": round(one.confidence, 4),
        "severity": one.severity.wire,
        "source": str(one.source),
        "zone": one.zone,
        "rule": one.rule,
        "verdict": None if one.verdict is None else str(one.verdict),
        "not_notified": entry.silent,
        "acknowledged": one.acknowledged,
        "acknowledged_after_s": None if entry.acknowledged_after_s is None else round(entry.acknowledged_after_s, 1),
        "hold": one.hold,
        "kept_until": timestamp(entry.kept_until),
        "link": entry.link,
    }
