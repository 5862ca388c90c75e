"""Owns reading what we missed by paging through an engine's incidents, where its events are not kept so long."""

from __future__ import annotations

from datetime import datetime

from homeassistant.util import dt as dt_util

from .engine.client import EngineClient
from .engine.models import ChangeType, Incident, IncidentMessage, Position, Severity
from .history import IncidentHistory

PAGES = 10
PAGE = 50


async def read_missed(
    client: EngineClient, history: IncidentHistory, uuid: str, position: Position
) -> list[IncidentMessage]:
    """One message for each incident that is not as we know it, oldest first. Raises EngineError.

    Without a history only the newest page: whoever starts wants to see something, not everything.
    """
    since = _since(history)
    found, complete = await _read(client, since, PAGES if since else 1)

    def message(type_: ChangeType, before: Incident | None, after: Incident | None) -> IncidentMessage:
        return IncidentMessage(uuid, position.epoch, position.seq, type_, before, after, replayed=True)

    messages = []
    for incident in reversed(found.values()):
        record = history.get(incident.incident_id)
        known = record.incident if record else None
        if incident != known and (known is not None or incident.severity >= Severity.ALERT):
            messages.append(message(ChangeType.UPDATE, known, incident))
    if complete and since is not None:
        gone = [
            incident
            for incident in history.newest(at_least=Severity.DETECTION)
            if incident.started_at >= since and incident.incident_id not in found
        ]
        messages.extend(message(ChangeType.DELETED, incident, None) for incident in gone)
    return messages


def _since(history: IncidentHistory) -> datetime | None:
    """The newest that we know, or the oldest that was open."""
    known = list(history.newest(at_least=Severity.DETECTION))
    if not known:
        return None
    return min([known[0].started_at, *(one.started_at for one in known if one.ended_at is None)])


async def _read(client: EngineClient, since: datetime | None, pages: int) -> tuple[dict[str, Incident], bool]:
    found: dict[str, Incident] = {}
    cursor = None
    asked = None if since is None else dt_util.as_utc(since).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for _ in range(pages):
        page, cursor = await client.incidents(since=asked, cursor=cursor, limit=PAGE)
        found |= {incident.incident_id: incident for incident in page}
        if cursor is None:
            return found, True
    return found, False
