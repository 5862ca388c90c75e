"""Owns how alerts, clips and crashes change incidents; for the store thread only."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, select

from crime_detect_engine.domain.errors import StoreError
from crime_detect_engine.domain.types import Alert, ChangeType, Incident, IncidentChanged, Severity

from .incidents import IncidentContext, insert_scores, last_score_at, merge, open_incidents
from .journal import Change, Journal
from .media import CLIP, ORIGINAL_SNAPSHOT, SNAPSHOT, SUFFIX, media_stem
from .records import find_row, incident_from, load
from .tables import media


def write_alert(
    journal: Journal,
    alert: Alert,
    jpeg: bytes | None,
    context: IncidentContext,
    clip: str | None,
    original: bytes | None = None,
) -> IncidentChanged | None:
    """Picture first, then one transaction: a record never names a picture that is not there.

    `original` is the picture as it was before whoever was to be hidden was hidden.
    """
    before, stem = journal.database.transact(lambda c: _current(c, alert), write=False)
    pictured = jpeg is not None and _has_room(journal, alert) and journal.keep(stem, SNAPSHOT, jpeg)
    untouched = pictured and original is not None and journal.keep(stem, ORIGINAL_SNAPSHOT, original)

    def job(connection: Connection) -> Change:
        after = merge(before, alert, context)
        if pictured:
            after = replace(after, snapshot=stem + SUFFIX[SNAPSHOT], snapshot_rev=after.snapshot_rev + 1)
        if clip is not None:
            after = replace(after, clip=clip)
        change = journal.save(connection, before, after, ended=alert.type is ChangeType.END)
        insert_scores(connection, alert.incident_id, alert.scores)
        if pictured and jpeg is not None:
            journal.register(connection, after, stem, SNAPSHOT, len(jpeg))
        if untouched and original is not None:
            journal.register(connection, after, stem, ORIGINAL_SNAPSHOT, len(original))
        return change

    try:
        return journal.commit(job).event
    except StoreError:
        if pictured and before is None:
            for kind in (SNAPSHOT, ORIGINAL_SNAPSHOT):
                journal.folder.remove(stem + SUFFIX[kind])
        raise


def _current(connection: Connection, alert: Alert) -> tuple[Incident | None, str]:
    row = find_row(connection, alert.incident_id)
    if row is None:
        return None, media_stem(alert.camera, alert.started_at, alert.label, alert.incident_id)
    return incident_from(row._asdict()), row.stem


def _has_room(journal: Journal, alert: Alert) -> bool:
    """On a nearly full disk what was only detected goes without a picture, to leave the room to alerts."""
    return alert.severity > Severity.DETECTION or journal.shortage() is None


def attach_clip(journal: Journal, connection: Connection, incident_id: str, clip: str) -> Change:
    """Raises NotFoundError."""
    before = load(connection, incident_id)
    return journal.save(connection, before, replace(before, clip=clip))


def close_orphans(journal: Journal) -> int:
    """Ends what a crash left open, at its last score, with the clip if that was written; returns how many."""
    orphans = journal.database.transact(open_incidents, write=False)
    for orphan in orphans:

        def job(connection: Connection, before: Incident = orphan) -> Change:
            ended_at = last_score_at(connection, before.incident_id) or before.started_at
            clip = connection.execute(
                select(media.c.path).where(media.c.incident_id == before.incident_id, media.c.kind == CLIP)
            ).scalar()
            after = replace(before, ended_at=max(ended_at, before.started_at), clip=before.clip or clip)
            return journal.save(connection, before, after, ended=True)

        journal.commit(job)
    return len(orphans)
