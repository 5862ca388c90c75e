"""Owns the durable half of the outbox: what must still be said, to whom, and how often it was tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from crime_detect_engine.domain.ports import NO_EVENT, Delivery
from crime_detect_engine.domain.types import IncidentChanged

from .tables import outbox

PENDING, SENDING, SENT, FAILED = "pending", "sending", "sent", "failed"
UNSENT = (PENDING, SENDING)
MAYBE = "maybe"
"""The receipt of a delivery whose outcome is unknown: the provider is asked before it is sent again."""


def enqueue(
    connection: Connection, event: IncidentChanged, incident_id: str, deliveries: Sequence[tuple[str, str]]
) -> None:
    """One row a (channel, recipient), in the transaction of its event."""
    for channel, recipient in deliveries:
        connection.execute(
            insert(outbox).values(
                channel=channel,
                recipient=recipient,
                event_seq=event.seq,
                incident_id=incident_id,
                state=PENDING,
                created_at=event.at,
                attempts=0,
            )
        )


def enqueue_once(connection: Connection, channel: str, recipient: str, at: datetime) -> bool:
    """A row that tells of no event, unless this recipient key ever had one; whether it is new."""
    known = select(outbox.c.id).where(outbox.c.channel == channel, outbox.c.recipient == recipient).limit(1)
    if connection.execute(known).first() is not None:
        return False
    values = {"channel": channel, "recipient": recipient, "event_seq": NO_EVENT}
    connection.execute(insert(outbox).values(**values, state=PENDING, created_at=at, attempts=0))
    return True


def due(connection: Connection, channel: str, now: datetime, limit: int) -> list[Delivery]:
    """The head of each recipient's queue, where its time has come: a later message never overtakes.

    A channel has one reader, which asks again only when it has finished: a delivery found in `sending` was cut off
    by a crash or by a database that refused its outcome. It may have arrived, so it comes back with receipt `maybe`.
    """
    heads = (
        select(func.min(outbox.c.id))
        .where(outbox.c.channel == channel, outbox.c.state.in_(UNSENT))
        .group_by(outbox.c.recipient)
    )
    query = (
        select(outbox)
        .where(
            outbox.c.id.in_(heads),
            or_(outbox.c.state == SENDING, outbox.c.due_at.is_(None), outbox.c.due_at <= now),
        )
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [_delivery_from(row) for row in connection.execute(query)]


def _delivery_from(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        channel=row.channel,
        recipient=row.recipient,
        event_seq=row.event_seq,
        incident_id=row.incident_id,
        created_at=row.created_at,
        attempts=row.attempts,
        last_error=row.last_error,
        receipt=MAYBE if row.state == SENDING else row.receipt,
    )


def mark_sending(connection: Connection, delivery_id: int) -> None:
    connection.execute(update(outbox).where(outbox.c.id == delivery_id).values(state=SENDING))


def mark_sent(connection: Connection, delivery_id: int, receipt: str | None, at: datetime) -> None:
    connection.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id)
        .values(state=SENT, receipt=receipt, finished_at=at, last_error=None)
    )


def mark_failed(
    connection: Connection,
    delivery_id: int,
    error: str,
    retry_at: datetime | None,
    at: datetime,
    *,
    ambiguous: bool,
) -> None:
    values: dict[str, Any] = {"last_error": error, "attempts": outbox.c.attempts + 1}
    if ambiguous:
        values["receipt"] = MAYBE
    if retry_at is None:
        values |= {"state": FAILED, "finished_at": at}
    else:
        values |= {"state": PENDING, "due_at": retry_at}
    connection.execute(update(outbox).where(outbox.c.id == delivery_id).values(**values))


def pending_counts(connection: Connection) -> Mapping[str, int]:
    """Unsent deliveries by channel."""
    waiting = func.count().label("waiting")
    query = select(outbox.c.channel, waiting).where(outbox.c.state.in_(UNSENT)).group_by(outbox.c.channel)
    return {row.channel: int(row.waiting) for row in connection.execute(query)}


def prune_outbox(connection: Connection, now: datetime, keep_s: float) -> int:
    """Removes what was sent or given up longer ago than `keep_s` seconds."""
    before = now - timedelta(seconds=keep_s)
    return connection.execute(
        delete(outbox).where(outbox.c.state.in_((SENT, FAILED)), outbox.c.finished_at < before)
    ).rowcount
