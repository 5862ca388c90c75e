"""Owns the counts that outlive incidents: how many of a kind in an hour at a camera, and nothing of any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, extract, func, insert, select, update

from .tables import incidents, trends


@dataclass(frozen=True, slots=True)
class TrendCount:
    """`day` and `hour` are UTC; `verdict` None where nobody judged."""

    day: date
    hour: int
    camera: str
    label: str
    verdict: str | None
    severity: int
    count: int


def count_gone(connection: Connection, row: Any) -> None:
    """Counts an incident (a row of the table) that is about to be deleted because its time is over."""
    at = row.started_at.astimezone(UTC)
    key = {
        "day": f"{at:%Y-%m-%d}",
        "hour": at.hour,
        "camera": row.camera,
        "label": row.label,
        "verdict": row.verdict or "",
        "severity": row.severity,
    }
    same = and_(*(trends.c[name] == value for name, value in key.items()))
    if connection.execute(update(trends).where(same).values(count=trends.c.count + 1)).rowcount == 0:
        connection.execute(insert(trends).values(**key, count=1))


def gone(connection: Connection, start: date, end: date) -> Sequence[TrendCount]:
    """What was counted of incidents that are gone, of the days from `start` to before `end`."""
    query = select(trends).where(trends.c.day >= start.isoformat(), trends.c.day < end.isoformat())
    return [
        TrendCount(
            date.fromisoformat(row["day"]),
            row["hour"],
            row["camera"],
            row["label"],
            row["verdict"] or None,
            row["severity"],
            row["count"],
        )
        for row in connection.execute(query.order_by(trends.c.day, trends.c.hour)).mappings()
    ]


def standing(connection: Connection, start: date, end: date) -> Sequence[TrendCount]:
    """The same counts of the incidents that are still kept."""
    table = incidents.c
    day, hour = func.date(table.started_at), extract("hour", table.started_at)
    begin, until = (datetime(one.year, one.month, one.day, tzinfo=UTC) for one in (start, end))
    query = (
        select(day, hour, table.camera, table.label, table.verdict, table.severity, func.count())
        .where(table.started_at >= begin, table.started_at < until)
        .group_by(day, hour, table.camera, table.label, table.verdict, table.severity)
        .order_by(day, hour)
    )
    return [TrendCount(date.fromisoformat(str(row[0])), int(row[1]), *row[2:]) for row in connection.execute(query)]


def prune_trends(connection: Connection, now: datetime, keep_s: float) -> int:
    oldest = (now - timedelta(seconds=keep_s)).astimezone(UTC).date()
    return connection.execute(delete(trends).where(trends.c.day < oldest.isoformat())).rowcount
