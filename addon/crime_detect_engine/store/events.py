"""Owns the event log: one counter for incidents, cameras and engine, in the order in which things were stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from crime_detect_engine.domain.ports import NO_EVENT
from crime_detect_engine.domain.types import CameraChanged, ChangeType, EngineChanged, Event, Incident, IncidentChanged

from .outbox import UNSENT, enqueue
from .records import incident_document, incident_from_document
from .tables import events, meta, outbox

DeliveriesFor = Callable[[IncidentChanged], Sequence[tuple[str, str]]]
"""Which (channel, recipient) must hear of an event; pure, called in the store thread."""


def no_deliveries(_event: IncidentChanged) -> Sequence[tuple[str, str]]:
    return ()


def newest_seq(connection: Connection) -> int:
    return int(connection.execute(select(meta.c.value).where(meta.c.key == "seq")).scalar_one())


def _next_seq(connection: Connection) -> int:
    # A counter of our own: a database's automatic numbers may leave holes, and pruning must not reuse any.
    seq = newest_seq(connection) + 1
    connection.execute(update(meta).where(meta.c.key == "seq").values(value=str(seq)))
    return seq


def append_incident_event(
    connection: Connection,
    change: ChangeType,
    before: Incident | None,
    after: Incident | None,
    at: datetime,
    deliveries_for: DeliveriesFor,
) -> IncidentChanged:
    """The event and its deliveries, in the caller's transaction."""
    known = after or before
    assert known is not None
    event = IncidentChanged(_next_seq(connection), change, before, after, at)
    connection.execute(
        insert(events).values(
            seq=event.seq,
            kind="incident",
            camera=known.camera,
            incident_id=known.incident_id,
            at=at,
            data={
                "type": str(change),
                "before": incident_document(before),
                "after": incident_document(after),
            },
        )
    )
    enqueue(connection, event, known.incident_id, deliveries_for(event))
    return event


def append_camera_event(connection: Connection, camera: str, data: Mapping[str, Any], at: datetime) -> CameraChanged:
    event = CameraChanged(_next_seq(connection), camera, dict(data), at)
    connection.execute(insert(events).values(seq=event.seq, kind="camera", camera=camera, at=at, data=event.data))
    return event


def append_engine_event(connection: Connection, data: Mapping[str, Any], at: datetime) -> EngineChanged:
    event = EngineChanged(_next_seq(connection), dict(data), at)
    connection.execute(insert(events).values(seq=event.seq, kind="engine", at=at, data=event.data))
    return event


def _event_from(row: Row[Any]) -> Event:
    if row.kind == "camera":
        return CameraChanged(row.seq, row.camera, row.data, row.at)
    if row.kind == "engine":
        return EngineChanged(row.seq, row.data, row.at)
    return IncidentChanged(
        row.seq,
        ChangeType(row.data["type"]),
        incident_from_document(row.data["before"]),
        incident_from_document(row.data["after"]),
        row.at,
    )


def events_since(connection: Connection, seq: int, limit: int) -> list[Event]:
    query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
    return [_event_from(row) for row in connection.execute(query)]


def incident_event(connection: Connection, seq: int) -> IncidentChanged | None:
    row = connection.execute(select(events).where(events.c.seq == seq)).one_or_none()
    event = None if row is None else _event_from(row)
    return event if isinstance(event, IncidentChanged) else None


def sequence_range(connection: Connection) -> tuple[int, int]:
    """(oldest kept, newest given); oldest is newest + 1 when nothing is kept."""
    newest = newest_seq(connection)
    oldest = connection.execute(select(func.min(events.c.seq))).scalar()
    return (newest + 1 if oldest is None else int(oldest), newest)


def prune_events(connection: Connection, now: datetime, keep_s: float, keep_rows: int) -> int:
    """Removes a prefix of the log: rows that are too old or too many, up to the first one still to be delivered."""
    newest = newest_seq(connection)
    before = now - timedelta(seconds=keep_s)
    young = connection.execute(select(func.min(events.c.seq)).where(events.c.at >= before)).scalar()
    last = max((newest if young is None else int(young) - 1), newest - keep_rows)
    unsent = and_(outbox.c.state.in_(UNSENT), outbox.c.event_seq != NO_EVENT)
    waiting = connection.execute(select(func.min(outbox.c.event_seq)).where(unsent)).scalar()
    if waiting is not None:
        last = min(last, int(waiting) - 1)
    return connection.execute(delete(events).where(events.c.seq <= last)).rowcount
