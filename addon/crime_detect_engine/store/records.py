"""Owns how an incident is written down: as a row, and as JSON in events and sidecar files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from crime_detect_engine.domain.errors import NotFoundError
from crime_detect_engine.domain.types import (
    Incident,
    IncidentSource,
    Location,
    ModelRef,
    Severity,
    SuppressedBy,
    Verdict,
)

from .tables import incidents


def incident_values(incident: Incident) -> dict[str, Any]:
    """One flat mapping by column name; times stay datetimes."""
    return {
        "incident_id": incident.incident_id,
        "camera": incident.camera,
        "source": str(incident.source),
        "label": incident.label,
        "confidence": incident.confidence,
        "threshold": incident.threshold,
        "severity": int(incident.severity),
        "notify": incident.notify,
        "suppressed_by": None if incident.suppressed_by is None else str(incident.suppressed_by),
        "started_at": incident.started_at,
        "ended_at": incident.ended_at,
        "model_name": incident.model.name if incident.model else None,
        "model_version": incident.model.version if incident.model else None,
        "probabilities": dict(incident.probabilities),
        "boxes": [dict(box) for box in incident.boxes],
        "zone": incident.zone,
        "latitude": incident.location.latitude if incident.location else None,
        "longitude": incident.location.longitude if incident.location else None,
        "identities": list(incident.identities),
        "scores_summary": dict(incident.scores_summary),
        "snapshot": incident.snapshot,
        "snapshot_rev": incident.snapshot_rev,
        "clip": incident.clip,
        "faces_blurred": incident.faces_blurred,
        "verdict": None if incident.verdict is None else str(incident.verdict),
        "acknowledged": incident.acknowledged,
        "hold": incident.hold,
        "frigate_event_id": incident.frigate_event_id,
        "rule": incident.rule,
        "why": [dict(reason) for reason in incident.why],
        "attributes": dict(incident.attributes),
        "note": incident.note,
    }


def incident_from(values: Mapping[str, Any]) -> Incident:
    """The inverse of `incident_values`."""
    located = values["latitude"] is not None and values["longitude"] is not None
    return Incident(
        incident_id=values["incident_id"],
        camera=values["camera"],
        source=IncidentSource(values["source"]),
        label=values["label"],
        confidence=values["confidence"],
        threshold=values["threshold"],
        severity=Severity(values["severity"]),
        notify=values["notify"],
        suppressed_by=SuppressedBy(values["suppressed_by"]) if values["suppressed_by"] else None,
        started_at=values["started_at"],
        ended_at=values["ended_at"],
        model=ModelRef(values["model_name"], values["model_version"]) if values["model_name"] else None,
        probabilities=values["probabilities"],
        boxes=tuple(values["boxes"]),
        zone=values["zone"],
        location=Location(values["latitude"], values["longitude"]) if located else None,
        identities=tuple(values["identities"]),
        scores_summary=values["scores_summary"],
        snapshot=values["snapshot"],
        snapshot_rev=values["snapshot_rev"],
        clip=values["clip"],
        faces_blurred=values["faces_blurred"],
        verdict=Verdict(values["verdict"]) if values["verdict"] else None,
        acknowledged=values["acknowledged"],
        hold=values["hold"],
        frigate_event_id=values["frigate_event_id"],
        # Records that an earlier version wrote beside the pictures do not have these.
        rule=values.get("rule"),
        why=tuple(values.get("why", ())),
        attributes=values.get("attributes", {}),
        note=values["note"],
    )


def incident_document(incident: Incident | None) -> dict[str, Any] | None:
    """JSON of every field, media paths too; for the database and sidecars, never for the wire."""
    if incident is None:
        return None
    values = incident_values(incident)
    for key in ("started_at", "ended_at"):
        values[key] = None if values[key] is None else values[key].isoformat()
    return values


def incident_from_document(document: Mapping[str, Any] | None) -> Incident | None:
    """Raises KeyError, TypeError or ValueError for a document that is not `incident_document`'s."""
    if document is None:
        return None
    times = {
        key: None if document[key] is None else datetime.fromisoformat(document[key])
        for key in ("started_at", "ended_at")
    }
    return incident_from({**document, **times})


def find_row(connection: Connection, incident_id: str) -> Row[Any] | None:
    return connection.execute(select(incidents).where(incidents.c.incident_id == incident_id)).one_or_none()


def row_of(connection: Connection, incident_id: str) -> Row[Any]:
    """Raises NotFoundError."""
    row = find_row(connection, incident_id)
    if row is None:
        raise NotFoundError(f"no incident {incident_id[:40]!r}; it may have been deleted")
    return row


def load(connection: Connection, incident_id: str) -> Incident:
    """Raises NotFoundError."""
    return incident_from(row_of(connection, incident_id)._asdict())


def save(connection: Connection, incident: Incident, *, published: bool, stem: str) -> None:
    """Inserts or replaces; `stem` names the incident's files and never changes."""
    values = incident_values(incident) | {"published": published}
    changed = connection.execute(
        update(incidents).where(incidents.c.incident_id == incident.incident_id).values(**values)
    )
    if changed.rowcount == 0:
        connection.execute(insert(incidents).values(**values, stem=stem))


def remove(connection: Connection, incident_id: str) -> None:
    connection.execute(delete(incidents).where(incidents.c.incident_id == incident_id))
