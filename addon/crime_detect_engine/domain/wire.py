"""Owns the JSON that MQTT, HTTP and WebSocket share (contracts.md); golden copies lie in tests/fixtures/wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .types import CameraChanged, Event, Incident, IncidentChanged

SCHEMA_VERSION = 1


def timestamp(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds: `2026-11-21T03:00:00.000Z`."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """Raises ValueError for text that is not RFC 3339 with an offset."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"a time needs an offset, like {text}Z")
    return at.astimezone(UTC)


def incident_json(incident: Incident, base: str = "/api/v1") -> dict[str, Any]:
    """An incident as every reader gets it; media are addresses below `base`, never paths of the disk."""
    address = f"{base}/incidents/{incident.incident_id}"
    return {
        "incident_id": incident.incident_id,
        "camera": incident.camera,
        "source": str(incident.source),
        "label": incident.label,
        "confidence": round(incident.confidence, 4),
        "threshold": round(incident.threshold, 4),
        "probabilities": {k: round(v, 4) for k, v in incident.probabilities.items()},
        "boxes": list(incident.boxes),
        "zone": incident.zone,
        "rule": incident.rule,
        "why": [dict(reason) for reason in incident.why],
        "attributes": dict(incident.attributes),
        "location": None
        if incident.location is None
        else {"latitude": incident.location.latitude, "longitude": incident.location.longitude},
        "identities": list(incident.identities),
        "severity": incident.severity.wire,
        "notify": incident.notify,
        "suppressed_by": None if incident.suppressed_by is None else str(incident.suppressed_by),
        "started_at": timestamp(incident.started_at),
        "ended_at": timestamp(incident.ended_at),
        "scores_summary": {k: round(v, 4) for k, v in incident.scores_summary.items()},
        "model": None if incident.model is None else {"name": incident.model.name, "version": incident.model.version},
        "media": {
            "snapshot": f"{address}/snapshot.jpg?rev={incident.snapshot_rev}" if incident.snapshot else None,
            "snapshot_rev": incident.snapshot_rev,
            "clip": f"{address}/clip.mp4" if incident.clip else None,
        },
        "verdict": None if incident.verdict is None else str(incident.verdict),
        "acknowledged": incident.acknowledged,
        "hold": incident.hold,
        "frigate_event_id": incident.frigate_event_id,
    }


def event_data(event: Event, uuid: str, epoch: str) -> dict[str, Any]:
    """The MQTT payload of an event, which is also `data` of the WebSocket message."""
    if isinstance(event, IncidentChanged):
        return {
            "schema_version": SCHEMA_VERSION,
            "uuid": uuid,
            "epoch": epoch,
            "seq": event.seq,
            "type": str(event.type),
            "before": None if event.before is None else incident_json(event.before),
            "after": None if event.after is None else incident_json(event.after),
        }
    return dict(event.data)


def message(kind: str, seq: int, data: Mapping[str, Any], uuid: str, epoch: str) -> dict[str, Any]:
    """The envelope of every WebSocket message and of every answer on `replay`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "uuid": uuid,
        "epoch": epoch,
        "seq": seq,
        "kind": kind,
        "data": dict(data),
    }


def event_message(event: Event, uuid: str, epoch: str) -> dict[str, Any]:
    """An event as a message of kind `incident`, `camera` or `engine`; the first two name their camera."""
    data = event_data(event, uuid, epoch)
    if isinstance(event, IncidentChanged):
        known = event.after or event.before
        return message("incident", event.seq, data, uuid, epoch) | {"camera": known.camera if known else None}
    if isinstance(event, CameraChanged):
        return message("camera", event.seq, data, uuid, epoch) | {"camera": event.camera}
    return message("engine", event.seq, data, uuid, epoch)


def why_reset(since: int, known: bool, oldest: int, newest: int) -> str | None:
    """Why what came after `since` cannot be replayed, for `data.reason` of a `reset`; None when it can.

    `known`: the caller's epoch is the engine's. With all before `oldest` seen, nothing is missed.
    """
    if not known:
        return "unknown epoch"
    if since + 1 < oldest:
        return "older than the oldest event kept"
    return "unknown seq" if since > newest else None
