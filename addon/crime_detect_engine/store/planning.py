"""Owns what the rules of retention would do now: which records and files go, and which move to the archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select

from crime_detect_engine.domain.types import Severity

from .lifecycle import ARCHIVED, COPIED, COPYING, HOT, MediaFile
from .media import CLIP, ORIGINAL_CLIP, ORIGINAL_SNAPSHOT, SNAPSHOT, SUFFIX, TRANSCODE
from .retention import DAY_S, UNJUDGED, RetentionOptions
from .tables import UtcDateTime, incidents, media

RECORD, ORIGINALS = "record", "originals"
KINDS = {
    SNAPSHOT: (SNAPSHOT,),
    CLIP: (CLIP, TRANSCODE),
    ORIGINALS: (ORIGINAL_SNAPSHOT, ORIGINAL_CLIP),
}
"""What goes together, by the word for it; a record goes with everything."""
MOVED = (SNAPSHOT, CLIP, ORIGINAL_SNAPSHOT, ORIGINAL_CLIP)
"""Kinds that the archive takes: what can be made again is not worth a place there."""
QUOTA, ARCHIVE_QUOTA = "media quota", "archive quota"
_TABLE = incidents.c


@dataclass(frozen=True, slots=True)
class Deletion:
    """`what` is `record` (with all its files), `snapshot`, `clip` or `originals`; `bytes` of the files that go."""

    incident_id: str
    camera: str
    label: str
    what: str
    reason: str
    bytes: int
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Move:
    """A file that goes to the archive."""

    path: str
    incident_id: str
    camera: str
    kind: str
    bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Both oldest first."""

    deletions: Sequence[Deletion]
    moves: Sequence[Move] = field(default=())


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Ended incidents that are not on hold, oldest first; `sizes` by incident, kind and whether in the archive."""

    rows: Sequence[Any]
    sizes: Mapping[str, Mapping[tuple[str, bool], int]]

    def bytes(self, incident_id: str, what: str, *, archived: bool | None = None) -> int:
        kinds = None if what == RECORD else KINDS[what]
        return sum(
            size
            for (kind, lies_there), size in self.sizes.get(incident_id, {}).items()
            if (kinds is None or kind in kinds) and archived in (None, lies_there)
        )


def plan(connection: Connection, options: RetentionOptions, now: datetime) -> Plan:
    """What the rules do at `now`: never to what is on hold or still going on."""
    found = _candidates(connection, _overdue(options, now))
    deletions = [one for row in found.rows for one in _expired(row, found, options, now)]
    gone = {(one.incident_id, one.what) for one in deletions}
    moves: list[Move] = []
    excess = {}
    archive_quota = None if options.archive is None else options.archive.quota
    for archived, quota in ((False, options.media_quota), (True, archive_quota)):
        leaving = sum(found.bytes(one.incident_id, one.what, archived=archived) for one in deletions)
        excess[archived] = 0 if quota is None else media_bytes(connection, archived=archived) - leaving - quota
    if options.archive is not None:
        moves = _moves(connection, options.archive.after_s, excess[False], gone, now)
        excess[False] = 0  # room is made by moving; what the archive does not take yet waits
    for archived, reason in ((False, QUOTA), (True, ARCHIVE_QUOTA)):
        if excess[archived] > 0:
            every = _candidates(connection, _has((SNAPSHOT, CLIP), archived=archived))
            deletions += _over_quota(every, gone, excess[archived], reason, archived=archived)
    return Plan(deletions, moves)


def media_bytes(connection: Connection, *, archived: bool = False) -> int:
    """Of files in the media folder, or in the archive; what is on its way counts where it still lies."""
    there = media.c.tier == ARCHIVED
    query = select(func.coalesce(func.sum(media.c.bytes), 0)).where(there if archived else ~there)
    return int(connection.execute(query).scalar_one())


def _overdue(options: RetentionOptions, now: datetime) -> ColumnElement[bool]:
    """What may have expired, for the database to find: an hourly look at every incident would hold alerts up."""

    def before(seconds: float) -> datetime:
        return now - timedelta(seconds=seconds)

    # In the order of RetentionOptions.period.
    rules: list[tuple[ColumnElement[bool], float]] = [
        (_TABLE.severity == int(Severity.DETECTION), options.below_threshold_s),
        *((_TABLE.verdict == one, keep) for one, keep in options.per_verdict_s.items() if one != UNJUDGED),
        *((_TABLE.label == one, keep) for one, keep in options.per_class_s.items()),
        *((_TABLE.verdict.is_(None), keep) for one, keep in options.per_verdict_s.items() if one == UNJUDGED),
    ]
    times = [(condition, literal(before(keep), UtcDateTime())) for condition, keep in rules]
    conditions = [_TABLE.ended_at < case(*times, else_=literal(before(options.incidents_s), UtcDateTime()))]
    conditions += [
        and_(_TABLE.ended_at < before(keep), _has(KINDS[what]))
        for what, keep in _media_periods(options)
        if keep is not None
    ]
    periods = [keep for _, keep in (*rules, *_media_periods(options)) if keep is not None]
    return and_(_TABLE.ended_at < before(min(*periods, options.incidents_s)), or_(*conditions))


def _media_periods(options: RetentionOptions) -> list[tuple[str, float | None]]:
    return [(SNAPSHOT, options.snapshots_s), (CLIP, options.clips_s), (ORIGINALS, options.originals_s)]


def _has(kinds: Sequence[str], *, archived: bool | None = None) -> ColumnElement[bool]:
    """Incidents with a file of these kinds that is not marked for deletion yet."""
    own = media.alias("own")
    where = [own.c.incident_id == _TABLE.incident_id, own.c.kind.in_(kinds), own.c.doomed.is_(None)]
    if archived is not None:
        where.append((own.c.tier == ARCHIVED) if archived else (own.c.tier != ARCHIVED))
    return select(own.c.path).where(*where).exists()


def _candidates(connection: Connection, condition: ColumnElement[bool]) -> _Candidates:
    free = and_(_TABLE.hold.is_(False), _TABLE.ended_at.is_not(None), condition)
    columns = (_TABLE.incident_id, _TABLE.camera, _TABLE.label, _TABLE.severity, _TABLE.verdict, _TABLE.ended_at)
    rows = connection.execute(select(*columns).where(free).order_by(_TABLE.started_at, _TABLE.incident_id)).all()
    query = (
        select(media.c.incident_id, media.c.kind, media.c.tier, func.sum(media.c.bytes))
        .join(incidents, _TABLE.incident_id == media.c.incident_id)
        .where(free, media.c.doomed.is_(None))
        .group_by(media.c.incident_id, media.c.kind, media.c.tier)
    )
    sizes: dict[str, dict[tuple[str, bool], int]] = {}
    for incident_id, kind, tier, size in connection.execute(query):
        own, key = sizes.setdefault(incident_id, {}), (kind, tier == ARCHIVED)
        own[key] = own.get(key, 0) + int(size)
    return _Candidates(rows, sizes)


def _deletion(row: Any, what: str, reason: str, size: int) -> Deletion:
    return Deletion(row.incident_id, row.camera, row.label, what, reason, size, row.ended_at)


def _expired(row: Any, found: _Candidates, options: RetentionOptions, now: datetime) -> Iterator[Deletion]:
    age_s = (now - row.ended_at).total_seconds()
    keep_s, words = options.period(row.severity, row.label, row.verdict)
    if age_s > keep_s:
        size = found.bytes(row.incident_id, RECORD)
        yield _deletion(row, RECORD, f"{words} older than {keep_s / DAY_S:g} days", size)
        return
    there = {kind for kind, _ in found.sizes.get(row.incident_id, {})}
    for what, media_s in _media_periods(options):
        if media_s is not None and age_s > media_s and there.intersection(KINDS[what]):
            size = found.bytes(row.incident_id, what)
            yield _deletion(row, what, f"{what} older than {media_s / DAY_S:g} days", size)


def _over_quota(
    found: _Candidates, gone: set[tuple[str, str]], excess: int, reason: str, *, archived: bool
) -> Iterator[Deletion]:
    """Clips first, oldest first, then snapshots; records stay."""
    for what in (CLIP, SNAPSHOT):
        for row in found.rows:
            if excess <= 0:
                return
            if {(row.incident_id, what), (row.incident_id, RECORD)} & gone:
                continue
            size = found.bytes(row.incident_id, what, archived=archived)
            if size:
                excess -= size
                yield _deletion(row, what, reason, size)


def _moves(
    connection: Connection, after_s: float, excess: int, gone: set[tuple[str, str]], now: datetime
) -> list[Move]:
    """What was begun first, then by age, then the oldest until the media folder is within its quota.

    What is on hold moves too: it is as safe there.
    """
    query = (
        select(media, _TABLE.ended_at)
        .join(incidents, _TABLE.incident_id == media.c.incident_id)
        .where(media.c.kind.in_(MOVED), media.c.doomed.is_(None), _TABLE.ended_at.is_not(None))
        .order_by(_TABLE.started_at, media.c.path)
    )
    begun = connection.execute(query.where(media.c.tier.in_((COPYING, COPIED)))).all()
    due = and_(media.c.tier == HOT, _TABLE.ended_at < now - timedelta(seconds=after_s))
    chosen = [(row, "begun before") for row in begun]
    chosen += [(row, f"older than {after_s / DAY_S:g} days") for row in connection.execute(query.where(due))]
    excess -= sum(row.bytes for row, _ in chosen)
    if excess > 0:
        known = {row.path for row, _ in chosen}
        for row in connection.execute(query.where(media.c.tier == HOT)):
            if excess <= 0:
                break
            if row.path not in known:
                chosen.append((row, QUOTA))
                excess -= row.bytes
    word = {kind: what for what, kinds in KINDS.items() for kind in kinds}
    return [
        Move(row.path, row.incident_id, row.camera, row.kind, row.bytes, reason)
        for row, reason in chosen
        if not {(row.incident_id, RECORD), (row.incident_id, word[row.kind])} & gone
    ]


def unentered(connection: Connection) -> list[MediaFile]:
    """What records name and no file is entered for, with whatever else the archive may have of such an incident."""
    known = select(media.c.path)
    lost = or_(
        and_(_TABLE.snapshot.is_not(None), _TABLE.snapshot.not_in(known)),
        and_(_TABLE.clip.is_not(None), _TABLE.clip.not_in(known)),
    )
    rows = connection.execute(select(_TABLE.incident_id, _TABLE.camera, _TABLE.stem).where(lost)).all()
    paths = set(connection.execute(known).scalars()) if rows else set()
    files = [MediaFile(row.stem + SUFFIX[kind], row.incident_id, row.camera, kind, 0) for row in rows for kind in MOVED]
    return [file for file in files if file.path not in paths]
