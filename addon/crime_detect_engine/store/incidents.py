"""Owns what happens to an incident: alerts are merged into it, people edit it, and each change is one event."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from crime_detect_engine.domain.errors import InvalidInputError
from crime_detect_engine.domain.ports import Actor, IncidentQuery, ManualReport, Page
from crime_detect_engine.domain.types import (
    Alert,
    ChangeType,
    Grounds,
    Incident,
    IncidentSource,
    Location,
    Score,
    Severity,
)
from crime_detect_engine.domain.ulid import ulid
from crime_detect_engine.domain.wire import timestamp

from .records import incident_from, load
from .tables import incidents, scores

MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class IncidentContext:
    """What the pipeline knows of a camera and the policy does not."""

    location: Location | None = None
    grounds: Grounds = field(default_factory=Grounds)
    faces_blurred: bool | None = None
    """Whether who is in the picture and the clip that come along is hidden; None where none come along."""


def merge(before: Incident | None, alert: Alert, context: IncidentContext) -> Incident:
    """The incident after an alert; severity and confidence never fall. Pure."""
    ended_at = alert.at if alert.type is ChangeType.END else None
    grounds = context.grounds
    changes: dict[str, Any] = {
        "label": alert.label,
        "threshold": alert.threshold,
        "notify": alert.notify,
        "suppressed_by": alert.suppressed_by,
    }
    if before is None:
        before = Incident(
            incident_id=alert.incident_id,
            camera=alert.camera,
            source=grounds.source,
            confidence=alert.confidence,
            severity=alert.severity,
            started_at=alert.started_at,
            ended_at=ended_at,
            model=grounds.model,
            zone=grounds.zone,
            rule=grounds.rule,
            location=context.location,
            faces_blurred=False,
            **changes,
        )
    unseen = before.snapshot is None and before.clip is None
    blurred = context.faces_blurred
    top = max(alert.scores, key=lambda score: score.probabilities.get(alert.label, 0.0), default=None)
    best = top is not None and top.probabilities.get(alert.label, 0.0) >= before.scores_summary.get("max", 0.0)
    return replace(
        before,
        **changes,
        confidence=max(before.confidence, alert.confidence),
        severity=max(before.severity, alert.severity),
        ended_at=ended_at or before.ended_at,
        faces_blurred=before.faces_blurred if blurred is None else blurred and (unseen or before.faces_blurred),
        boxes=tuple(grounds.boxes) if grounds.boxes and (alert.best or not before.boxes) else before.boxes,
        identities=tuple(dict.fromkeys((*before.identities, *grounds.identities))),
        why=tuple(reason.json() for reason in grounds.why) or before.why,
        attributes={**before.attributes, **grounds.attributes},
        probabilities=dict(top.probabilities) if top is not None and best else before.probabilities,
        scores_summary=_summary(before.scores_summary, [s.probabilities.get(alert.label, 0.0) for s in alert.scores]),
    )


def _summary(before: Mapping[str, float], values: Sequence[float]) -> Mapping[str, float]:
    if not values:
        return before
    count = before.get("count", 0) + len(values)
    total = before.get("mean", 0.0) * before.get("count", 0) + sum(values)
    return {"count": count, "max": max(before.get("max", 0.0), *values), "mean": total / count}


def insert_scores(connection: Connection, incident_id: str, items: Sequence[Score]) -> None:
    if items:
        rows = [{"incident_id": incident_id, "at": s.at, "probabilities": dict(s.probabilities)} for s in items]
        connection.execute(insert(scores), rows)


def load_scores(connection: Connection, incident_id: str) -> list[Mapping[str, Any]]:
    """`[{at, probabilities}]` in order, `at` as on the wire. Raises NotFoundError."""
    load(connection, incident_id)
    query = select(scores).where(scores.c.incident_id == incident_id).order_by(scores.c.id)
    return [{"at": timestamp(row.at), "probabilities": row.probabilities} for row in connection.execute(query)]


def manual_incident(report: ManualReport, actor: Actor, location: Location | None, now: datetime) -> Incident:
    """An incident that a person saw: certain by definition, told to nobody. Raises InvalidInputError."""
    if report.ended_at is not None and report.ended_at < report.started_at:
        raise InvalidInputError("an incident cannot end before it starts", {"ended_at": "is before started_at"})
    return Incident(
        incident_id=ulid(report.started_at, report.camera, report.label, actor.name, now.isoformat()),
        camera=report.camera,
        source=IncidentSource.MANUAL,
        label=report.label,
        confidence=1.0,
        threshold=0.0,
        severity=Severity.ALERT,
        notify=False,
        suppressed_by=None,
        started_at=report.started_at,
        ended_at=report.ended_at or report.started_at,
        model=None,
        location=location,
        note=report.note,
    )


def open_incidents(connection: Connection) -> list[Incident]:
    query = select(incidents).where(incidents.c.ended_at.is_(None)).order_by(incidents.c.started_at)
    return [incident_from(row._asdict()) for row in connection.execute(query)]


def count_alerts(connection: Connection, start: datetime) -> int:
    table = incidents.c
    alerts = and_(
        table.started_at >= start, table.severity >= int(Severity.ALERT), table.source != str(IncidentSource.MANUAL)
    )
    return int(connection.execute(select(func.count()).select_from(incidents).where(alerts)).scalar_one())


def last_score_at(connection: Connection, incident_id: str) -> datetime | None:
    query = select(scores.c.at).where(scores.c.incident_id == incident_id).order_by(scores.c.id.desc()).limit(1)
    return connection.execute(query).scalar()


def page(connection: Connection, query: IncidentQuery) -> Page:
    """Newest first. Raises InvalidInputError for a cursor or limit that is not ours."""
    if not 1 <= query.limit <= MAX_PAGE:
        raise InvalidInputError(f"limit must be 1 to {MAX_PAGE}", {"limit": f"1 to {MAX_PAGE}"})
    statement = (
        select(incidents)
        .where(*_conditions(query))
        .order_by(incidents.c.started_at.desc(), incidents.c.incident_id.desc())
        .limit(query.limit + 1)
    )
    rows = connection.execute(statement).all()
    items = [incident_from(row._asdict()) for row in rows[: query.limit]]
    return Page(items, _cursor(items[-1]) if len(rows) > query.limit else None)


def _conditions(query: IncidentQuery) -> list[ColumnElement[bool]]:
    table = incidents.c
    conditions: list[ColumnElement[bool]] = []
    for column, value in ((table.camera, query.camera), (table.label, query.label)):
        if value is not None:
            conditions.append(column == value)
    if query.cameras is not None:
        conditions.append(table.camera.in_(sorted(query.cameras)))
    if query.severity is not None:
        conditions.append(table.severity == int(query.severity))
    if query.start is not None:
        conditions.append(table.started_at >= query.start)
    if query.end is not None:
        conditions.append(table.started_at < query.end)
    if query.min_confidence is not None:
        conditions.append(table.confidence >= query.min_confidence)
    if query.verdict is not None:
        conditions.append(table.verdict == str(query.verdict))
    if query.text:
        columns = (table.label, table.camera, table.zone, table.note, table.incident_id)
        conditions.append(or_(*(column.icontains(query.text, autoescape=True) for column in columns)))
    if query.cursor is not None:
        at, incident_id = _position(query.cursor)
        conditions.append(or_(table.started_at < at, and_(table.started_at == at, table.incident_id < incident_id)))
    return conditions


def _cursor(last: Incident) -> str:
    text = json.dumps([last.started_at.isoformat(), last.incident_id])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, incident_id = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        started_at = datetime.fromisoformat(at)
        if started_at.tzinfo is None or not isinstance(incident_id, str):
            raise ValueError(cursor)
    except (ValueError, TypeError, binascii.Error, UnicodeError) as error:
        raise InvalidInputError("the cursor is not one of this list", {"cursor": "not valid"}) from error
    return started_at, incident_id
