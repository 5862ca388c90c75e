"""Owns CSV that spreadsheets show and never run (RFC 4180), and what of an incident stands in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from crime_detect_engine.domain.types import Incident
from crime_detect_engine.domain.wire import timestamp

from .report import Report

Cell = str | int | float | bool | None
BOM = "\ufeff"
_RUNS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20\u2212")
"""What makes spreadsheets take a text for a formula; some read the full-width letters as the narrow ones."""

COLUMNS = (
    "incident_id", "started_at", "ended_at", "camera", "camera_name", "label", "confidence", "threshold", "severity",
    "source", "zone", "rule", "verdict", "acknowledged", "notify", "suppressed_by", "hold", "latitude", "longitude",
    "model", "snapshot", "clip", "link",
)  # fmt: skip


def csv_text(rows: Iterable[Sequence[Cell]]) -> str:
    """Lines end with CR LF; what somebody wrote can begin no formula."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Cell) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return value
    plain = value.replace("\0", "")
    return f"'{plain}" if plain[:1] in _RUNS or plain.lstrip()[:1] in _RUNS else plain


def figure_rows(report: Report) -> list[Sequence[Cell]]:
    """The counts of a report, for who is shown no single incident: what is counted, of what, how many."""
    figures, counted = report.figures, report.figures.totals()
    rows: list[Sequence[Cell]] = [("figure", "of", "count")]
    rows += [("total", name, value) for name, value in counted.items() if isinstance(value, int)]
    named = {camera: report.name_of(camera) for camera in report.cameras}
    rows += [("camera", named[camera], figures.cameras[camera]) for camera in report.cameras]
    for title, counts in (
        ("class", figures.labels),
        ("severity", figures.severities),
        ("verdict", figures.verdicts),
        ("not told", figures.silent),
    ):
        rows += [(title, name, count) for name, count in sorted(counts.items())]
    rows += [("hour", hour, count) for hour, count in enumerate(figures.hours)]
    return rows


def cells(incident: Incident, camera_name: str, link: str | None) -> list[Cell]:
    """In the order of `COLUMNS`; times as RFC 3339 in UTC."""
    place = incident.location
    return [
        incident.incident_id,
        timestamp(incident.started_at),
        timestamp(incident.ended_at),
        incident.camera,
        camera_name,
        incident.label,
        round(incident.confidence, 4),
        round(incident.threshold, 4),
        incident.severity.wire,
        str(incident.source),
        incident.zone,
        incident.rule,
        None if incident.verdict is None else str(incident.verdict),
        incident.acknowledged,
        incident.notify,
        None if incident.suppressed_by is None else str(incident.suppressed_by),
        incident.hold,
        None if place is None else place.latitude,
        None if place is None else place.longitude,
        None if incident.model is None else f"{incident.model.name} {incident.model.version}",
        incident.snapshot is not None,
        incident.clip is not None,
        link,
    ]
