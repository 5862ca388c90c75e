"""Owns the clean-up: what the rules say is done, two steps a file, and never where something is doubtful."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from sqlalchemy import Connection

from crime_detect_engine.domain.errors import NotFoundError, StoreError
from crime_detect_engine.domain.ports import Actor

from . import trends
from .archive import Archive
from .audit import append_audit, prune_audit
from .caution import clock_doubts, confirm, stranger, trust_clock
from .events import prune_events
from .journal import Change, Journal
from .lifecycle import (
    Holdings,
    KeptFile,
    LifecycleEntry,
    doom,
    entries,
    files_of,
    holdings,
    known_paths,
    prune_lifecycle,
)
from .media import CLIP, SNAPSHOT
from .outbox import prune_outbox
from .planning import KINDS, RECORD, Deletion, Plan, media_bytes, plan
from .records import incident_from, row_of, save
from .retention import DAY_S, RetentionOptions

_log = logging.getLogger(__name__)

INTERVAL_S = 3600.0
LOOK_S = 60.0
EVENTS_S, EVENTS_ROWS = 7 * DAY_S, 100_000
OUTBOX_S = 30 * DAY_S
LOGS_S = 365 * DAY_S
"""Audit and lifecycle outlive what they speak of, but not for ever: they name people."""
_HELD = "clean-up"


class Retention:
    """`options` may be swapped while running."""

    def __init__(self, journal: Journal, options: RetentionOptions, uuid: str) -> None:
        self.archive = Archive(journal, uuid)
        self._journal = journal
        self._database = journal.database
        self._uuid = uuid
        self.options = options

    @property
    def options(self) -> RetentionOptions:
        return self._options

    @options.setter
    def options(self, options: RetentionOptions) -> None:
        self._options = options
        self.archive.use(options.archive)

    async def run(self) -> None:
        """Cleans now and every hour until cancelled. When the database cannot be read nothing is deleted."""
        cleaned_tick_s = None
        while True:
            now_tick_s = self._journal.clock.tick_s()
            try:
                if cleaned_tick_s is None or now_tick_s - cleaned_tick_s >= INTERVAL_S:
                    cleaned_tick_s = now_tick_s
                    done = await self.clean()
                    if done:
                        _log.info("clean-up: %d deletions, %d bytes", len(done), sum(one.bytes for one in done))
                else:
                    await self.archive.sweep()
            except StoreError as error:
                _log.error("clean-up stopped: %s", error)
            await asyncio.sleep(LOOK_S)

    async def plan(self, options: RetentionOptions | None = None) -> Plan:
        """The dry run: what `apply` would do now, by the rules in force or by others."""
        rules, now = options or self.options, self._journal.clock.now()
        return await self._database.read(lambda c: plan(c, rules, now))

    async def doubts(self) -> Sequence[str]:
        """Why clean-up deletes nothing at present, for people; `confirm` ends it."""
        now, folder = self._journal.clock.now(), self._journal.folder

        def look(connection: Connection) -> Sequence[str]:
            self._journal.stranger = stranger(connection, folder, self._uuid)
            found = [self._journal.stranger, self._journal.doubt, *clock_doubts(connection, now)]
            return [doubt for doubt in found if doubt is not None]

        return await self._database.write(look)

    async def confirm(self, actor: Actor) -> None:
        """A person says that folder, database and time are right. Raises StoreError where the folder is missing."""
        now, folder = self._journal.clock.now(), self._journal.folder
        doubts = await self.doubts()

        def job(connection: Connection) -> None:
            append_audit(connection, now, actor, "retention_confirm", "retention", {"doubts": list(doubts)})
            try:
                confirm(connection, folder, self._uuid, now)
            except OSError as error:
                raise StoreError(f"the media folder cannot be marked: {error.strerror or error}") from error

        await self._database.write(job)
        self._journal.stranger = self._journal.doubt = None
        self._journal.succeed(_HELD)

    async def apply(self) -> Sequence[Deletion]:
        """Deletes what `plan` says, one by one so that alerts are stored in between; returns what went."""
        done = []
        for deletion in (await self.plan()).deletions:
            try:
                await self._journal.run(partial(self._delete, deletion=deletion))
            except NotFoundError:  # deleted or held by a person meanwhile
                continue
            done.append(deletion)
        await self._database.call(self._journal.sweep)  # also what its disk refused until now
        await self.archive.sweep()
        return done

    async def clean(self) -> Sequence[Deletion]:
        """The hourly round: `apply`, the archive, and the logs; nothing at all while there are doubts."""
        if doubts := await self.doubts():
            self._journal.fail(_HELD, f"nothing is cleaned up until somebody has looked: {'; '.join(doubts)}")
            return []
        self._journal.succeed(_HELD)
        done = await self.apply()
        await self.archive.move((await self.plan()).moves)
        now, options = self._journal.clock.now(), self.options

        def prune(connection: Connection) -> int:
            trust_clock(connection, now)
            prune_outbox(connection, now, OUTBOX_S)
            prune_events(connection, now, EVENTS_S, EVENTS_ROWS)
            prune_audit(connection, now, LOGS_S)
            prune_lifecycle(connection, now, LOGS_S)
            trends.prune_trends(connection, now, options.trends_s)
            return media_bytes(connection)

        if await self._database.write(prune) <= options.media_quota:
            self._journal.succeed("quota")
        elif options.archive is None:
            self._journal.fail("quota", "media exceed their quota though all that may be deleted is; release holds")
        else:
            self._journal.fail("quota", "media exceed their quota until the archive takes more of them")
        return done

    async def trends(self, start: date, end: date) -> Sequence[trends.TrendCount]:
        """Counts of all incidents of these days (UTC, `end` excluded), those that are gone too, in no order."""

        def read(connection: Connection) -> Sequence[trends.TrendCount]:
            return [*trends.gone(connection, start, end), *trends.standing(connection, start, end)]

        return await self._database.read(read)

    async def holdings(self) -> Holdings:
        return await self._database.read(holdings)

    async def files(self, incident_id: str, limit: int = 500) -> tuple[Sequence[KeptFile], Sequence[LifecycleEntry]]:
        """What is kept of an incident, and what became of its files, newest first; also of one that is gone."""
        return await self._database.read(lambda c: (files_of(c, incident_id), entries(c, incident_id, limit)))

    async def unknown_files(self) -> Sequence[str]:
        """Files in the media folder that belong to no record: for a person to look at, never deleted."""
        known = await self._database.read(known_paths)
        return await self._database.call(lambda: [one for one in self._journal.folder.files() if one not in known])

    def _delete(self, connection: Connection, deletion: Deletion) -> Change:
        """The first half of a deletion. Raises NotFoundError for what is gone or on hold by now."""
        row = row_of(connection, deletion.incident_id)
        if row.hold:
            raise NotFoundError("on hold")
        reason = f"retention: {deletion.reason}"
        if deletion.what == RECORD:
            trends.count_gone(connection, row)
            return self._journal.delete(connection, deletion.incident_id, reason)
        doom(connection, deletion.incident_id, KINDS[deletion.what], reason)
        incident = incident_from(row._asdict())
        if deletion.what in (CLIP, SNAPSHOT):
            incident = replace(incident, clip=None) if deletion.what == CLIP else replace(incident, snapshot=None)
            save(connection, incident, published=row.published, stem=row.stem)
        # Of originals too: what is gone without a link that says so is a file that somebody took away.
        return Change(incident, None, row.stem, row.published, removes=True)
