"""Owns how long things are kept: by age, class and kind, and by a quota; what is on hold stays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import voluptuous as vol
from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select

from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.types import Severity
from crime_detect_engine.domain.units import parse_duration, parse_size

from .audit import prune_audit
from .events import prune_events
from .journal import Change, Journal
from .lifecycle import doom, known_paths, prune_lifecycle
from .media import CLIP, SNAPSHOT, TRANSCODE
from .outbox import prune_outbox
from .records import incident_from, row_of, save
from .tables import incidents, media

_log = logging.getLogger(__name__)

DAY_S = 86400.0
INTERVAL_S = 3600.0
EVENTS_S, EVENTS_ROWS = 7 * DAY_S, 100_000
OUTBOX_S = 30 * DAY_S
LOGS_S = 365 * DAY_S
"""Audit and lifecycle outlive what they speak of, but not for ever: they name people."""

_TABLE = incidents.c
RECORD = "record"
_KINDS = {SNAPSHOT: (SNAPSHOT,), CLIP: (CLIP, TRANSCODE)}


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    """Periods in seconds after an incident's end, the quota in bytes. Snapshots and clips never outlive the record."""

    incidents_s: float = 30 * DAY_S
    below_threshold_s: float = 7 * DAY_S
    per_class_s: Mapping[str, float] = field(default_factory=dict)
    snapshots_s: float | None = None
    clips_s: float | None = None
    media_quota: int = 20 * 10**9


def _period(value: object) -> float:
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise vol.Invalid(str(error)) from error
    if seconds < 3600:
        raise vol.Invalid("a retention period is at least 1h")
    return seconds


def _size(value: object) -> int:
    try:
        return parse_size(value)
    except ValueError as error:
        raise vol.Invalid(str(error)) from error


def _later(_value: object) -> object:
    raise vol.Invalid("not in this version")


def _build(values: Mapping[str, Any]) -> RetentionOptions:
    return RetentionOptions(**{key if key == "media_quota" else f"{key}_s": value for key, value in values.items()})


SCHEMA = vol.All(
    {
        vol.Optional("incidents"): _period,
        vol.Optional("below_threshold"): _period,
        vol.Optional("per_class"): {str: _period},
        vol.Optional("snapshots"): _period,
        vol.Optional("clips"): _period,
        vol.Optional("media_quota"): _size,
        vol.Optional("archive"): _later,
    },
    _build,
)


@dataclass(frozen=True, slots=True)
class Deletion:
    """`what` is `record` (with all its files), `snapshot` or `clip`; `bytes` of the files that go."""

    incident_id: str
    camera: str
    label: str
    what: str
    reason: str
    bytes: int


def plan_deletions(connection: Connection, options: RetentionOptions, now: datetime) -> list[Deletion]:
    """What the rules delete at `now`: oldest first, never what is on hold or still going on."""
    rows, sizes = _candidates(connection, _overdue(options, now))
    planned = [one for row in rows for one in _expired(row, sizes, options, now)]
    excess = media_bytes(connection) - sum(one.bytes for one in planned) - options.media_quota
    if excess > 0:
        rows, sizes = _candidates(connection, or_(_TABLE.clip.is_not(None), _TABLE.snapshot.is_not(None)))
        planned += _over_quota(rows, sizes, planned, excess)
    return planned


def media_bytes(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(media.c.bytes), 0))).scalar_one())


def _overdue(options: RetentionOptions, now: datetime) -> ColumnElement[bool]:
    """What may have expired, for the database to find: an hourly look at every incident would hold alerts up."""

    def older(seconds: float) -> ColumnElement[bool]:
        return _TABLE.ended_at < now - timedelta(seconds=seconds)

    detection = _TABLE.severity == int(Severity.DETECTION)
    conditions = [
        and_(detection, older(options.below_threshold_s)),
        and_(not_(detection), _TABLE.label.not_in(options.per_class_s), older(options.incidents_s)),
        *(and_(not_(detection), _TABLE.label == label, older(keep)) for label, keep in options.per_class_s.items()),
    ]
    for column, keep_s in ((_TABLE.snapshot, options.snapshots_s), (_TABLE.clip, options.clips_s)):
        if keep_s is not None:
            conditions.append(and_(column.is_not(None), older(keep_s)))
    return or_(*conditions)


def _candidates(
    connection: Connection, condition: ColumnElement[bool]
) -> tuple[Sequence[Any], Mapping[str, Mapping[str, int]]]:
    """Ended incidents that are not on hold, oldest first, and their bytes by incident and kind."""
    free = and_(_TABLE.hold.is_(False), _TABLE.ended_at.is_not(None), condition)
    columns = (
        _TABLE.incident_id,
        _TABLE.camera,
        _TABLE.label,
        _TABLE.severity,
        _TABLE.ended_at,
        _TABLE.snapshot,
        _TABLE.clip,
    )
    rows = connection.execute(select(*columns).where(free).order_by(_TABLE.started_at, _TABLE.incident_id)).all()
    query = (
        select(media.c.incident_id, media.c.kind, func.sum(media.c.bytes))
        .join(incidents, _TABLE.incident_id == media.c.incident_id)
        .where(free)
        .group_by(media.c.incident_id, media.c.kind)
    )
    sizes: dict[str, dict[str, int]] = {}
    for incident_id, kind, size in connection.execute(query):
        sizes.setdefault(incident_id, {})[kind] = int(size)
    return rows, sizes


def _deletion(row: Any, what: str, reason: str, sizes: Mapping[str, Mapping[str, int]]) -> Deletion:
    own = sizes.get(row.incident_id, {})
    size = sum(own.values()) if what == RECORD else sum(own.get(kind, 0) for kind in _KINDS[what])
    return Deletion(row.incident_id, row.camera, row.label, what, reason, size)


def _expired(
    row: Any, sizes: Mapping[str, Mapping[str, int]], options: RetentionOptions, now: datetime
) -> Iterator[Deletion]:
    age_s = (now - row.ended_at).total_seconds()
    detected_only = row.severity == Severity.DETECTION
    keep_s = options.below_threshold_s if detected_only else options.per_class_s.get(row.label, options.incidents_s)
    if age_s > keep_s:
        kind = "below threshold" if detected_only else row.label
        yield _deletion(row, RECORD, f"{kind} older than {keep_s / DAY_S:g} days", sizes)
        return
    for what, present, media_s in ((SNAPSHOT, row.snapshot, options.snapshots_s), (CLIP, row.clip, options.clips_s)):
        if present and media_s is not None and age_s > media_s:
            yield _deletion(row, what, f"{what} older than {media_s / DAY_S:g} days", sizes)


def _over_quota(
    rows: Sequence[Any], sizes: Mapping[str, Mapping[str, int]], planned: Sequence[Deletion], excess: int
) -> Iterator[Deletion]:
    """Clips first, oldest first, then snapshots; records stay."""
    gone = {(one.incident_id, one.what) for one in planned}
    for what, column in ((CLIP, "clip"), (SNAPSHOT, "snapshot")):
        for row in rows:
            if excess <= 0:
                return
            if not row._mapping[column] or {(row.incident_id, what), (row.incident_id, RECORD)} & gone:
                continue
            deletion = _deletion(row, what, "media quota", sizes)
            if deletion.bytes:
                excess -= deletion.bytes
                yield deletion


class Retention:
    """`options` may be swapped while running."""

    def __init__(self, journal: Journal, options: RetentionOptions) -> None:
        self.options = options
        self._journal = journal
        self._database = journal.database

    async def run(self) -> None:
        """Cleans now and every hour until cancelled. When the database cannot be read nothing is deleted."""
        while True:
            try:
                done = await self.clean()
            except StoreError as error:
                _log.error("clean-up stopped: %s", error)
            else:
                if done:
                    _log.info("clean-up: %d deletions, %d bytes", len(done), sum(one.bytes for one in done))
            await asyncio.sleep(INTERVAL_S)

    async def plan(self, options: RetentionOptions | None = None) -> Sequence[Deletion]:
        """The dry run: what `apply` would delete now, by the rules in force or by others."""
        rules, now = options or self.options, self._journal.clock.now()
        return await self._database.read(lambda c: plan_deletions(c, rules, now))

    async def apply(self) -> Sequence[Deletion]:
        """Deletes what `plan` says, one by one so that alerts are stored in between; returns what went."""
        done = []
        for deletion in await self.plan():
            try:
                await self._journal.run(partial(self._delete, deletion=deletion))
            except NotFoundError:  # deleted or held by a person meanwhile
                continue
            done.append(deletion)
        return done

    async def clean(self) -> Sequence[Deletion]:
        """The hourly round: `apply`, and the logs."""
        done = await self.apply()
        now = self._journal.clock.now()

        def prune(connection: Connection) -> int:
            prune_outbox(connection, now, OUTBOX_S)
            prune_events(connection, now, EVENTS_S, EVENTS_ROWS)
            prune_audit(connection, now, LOGS_S)
            prune_lifecycle(connection, now, LOGS_S)
            return media_bytes(connection)

        if await self._database.write(prune) > self.options.media_quota:
            self._journal.fail("quota", "media exceed their quota though all that may be deleted is; release holds")
        else:
            self._journal.succeed("quota")
        return done

    async def unknown_files(self) -> Sequence[str]:
        """Files in the media folder that belong to no record: for a person to look at, never deleted."""
        known = await self._database.read(known_paths)
        return await self._database.call(lambda: [one for one in self._journal.folder.files() if one not in known])

    def _delete(self, connection: Connection, deletion: Deletion) -> Change:
        """Raises NotFoundError for what is gone or on hold by now."""
        row = row_of(connection, deletion.incident_id)
        if row.hold:
            raise NotFoundError("on hold")
        reason = f"retention: {deletion.reason}"
        if deletion.what == RECORD:
            return self._journal.delete(connection, deletion.incident_id, reason)
        doom(connection, deletion.incident_id, _KINDS[deletion.what], reason)
        before = incident_from(row._asdict())
        after = replace(before, clip=None) if deletion.what == CLIP else replace(before, snapshot=None)
        save(connection, after, published=row.published, stem=row.stem)
        return Change(after, None, row.stem, row.published, removes=True)
